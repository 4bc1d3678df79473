"""From boosters of XGBoost to sums of leaves.

https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html has the schema of its JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadsman_serving.plans.links import EXP, IDENTITY, SIGMOID, SOFTMAX
from leadsman_serving.plans.tree import Compare, Tree, TreeSums, constant
from leadsman_serving.plans.unsuited import Unsuited

_LINKS = {
    "binary:logistic": SIGMOID, "reg:logistic": SIGMOID,
    "count:poisson": EXP, "reg:gamma": EXP, "reg:tweedie": EXP,
    "reg:squarederror": IDENTITY, "reg:absoluteerror": IDENTITY, "reg:pseudohubererror": IDENTITY,
    "rank:pairwise": IDENTITY, "rank:ndcg": IDENTITY, "rank:map": IDENTITY,
    "multi:softprob": SOFTMAX,
}  # fmt: skip
_DART = "dart"


class NoSums(Unsuited):
    """The booster is no such sum; the message says why."""


@dataclass(frozen=True, slots=True)
class Boosted:
    """What a booster computes."""

    sums: TreeSums
    link: str


def sums_of_xgboost(raw: bytes, iterations: int = 0) -> Boosted:
    """From what `save_raw("json")` gives; only the first `iterations`, 0 for all of them."""
    learner = json.loads(raw)["learner"]
    objective = learner["objective"]["name"]
    link = _LINKS.get(objective)
    if link is None:
        raise NoSums(f"its objective {objective} is not built")
    trees, targets, weights = _trees(learner["gradient_booster"], iterations)
    base = _base(learner["learner_model_param"], link)
    outputs = max(len(base), max(targets, default=0) + 1)
    if len(base) == 1:
        base = base * outputs
    added: list[list[Tree]] = [[constant(value)] for value in base]
    for tree, target, weight in zip(trees, targets, weights, strict=True):
        added[target].append(_tree(tree, weight))
    if len({len(one) for one in added}) != 1:
        raise NoSums("its outputs have different numbers of trees")
    turns = [tree for turn in zip(*added, strict=True) for tree in turn]
    return Boosted(TreeSums(turns, outputs, Compare.BELOW), link)


def _trees(
    gradient: Mapping[str, Any], iterations: int
) -> tuple[Sequence[Mapping[str, Any]], Sequence[int], Sequence[float]]:
    """The trees, the output that each counts for, and its weight."""
    name = gradient["name"]
    if name not in ("gbtree", _DART):
        raise NoSums(f"its booster is {name}, which has no trees")
    model = (gradient["gbtree"] if name == _DART else gradient)["model"]
    trees, targets = model["trees"], model["tree_info"]
    weights = gradient["weight_drop"] if name == _DART else [1.0] * len(trees)
    if iterations:
        ends = model["iteration_indptr"]
        last = ends[min(iterations, len(ends) - 1)]
        trees, targets, weights = trees[:last], targets[:last], weights[:last]
    return trees, targets, weights


def _base(described: Mapping[str, str], link: str) -> list[np.float32]:
    """What the sums begin with: the base score is told as the link would have it.

    In single precision, step by step, as XGBoost takes it back (`ProbToMargin`).
    """
    told = [np.float32(one) for one in described["base_score"].strip("[]").split(",")]
    if link == SIGMOID:
        return [np.float32(-math.log(np.float32(1) / one - np.float32(1))) for one in told]
    if link == EXP:
        return [np.float32(math.log(one)) for one in told]
    return told


def _tree(described: Mapping[str, Any], weight: float) -> Tree:
    if int(described["tree_param"]["size_leaf_vector"]) > 1:
        raise NoSums("its leaves hold several numbers")
    if any(described["split_type"]):
        raise NoSums("it splits by categories")
    # Written in decimals that name one float of single precision each.
    values = np.array(described["split_conditions"], np.float32)
    return Tree(
        described["left_children"],
        described["right_children"],
        described["split_indices"],
        values.astype(np.float64),
        described["default_left"],
        values * np.float32(weight),
    )
