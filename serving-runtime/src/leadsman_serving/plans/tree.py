"""Ensembles of trees, whichever library has fitted them: sums of the leaves that a row ends in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from leadsman_serving.table import Array

LEAF = -1
"""In place of a child: the node is a leaf."""


class Compare(Enum):
    """When a row goes to the left."""

    DOUBLE = "x <= split"
    SINGLE = "float32(x) <= split"
    BELOW = "float32(x) < split"


@dataclass(frozen=True)
class Tree:
    """One tree, a value for each node and array; `left` is -1 in leaves."""

    left: Sequence[int] | Array
    right: Sequence[int] | Array
    features: Sequence[int] | Array
    splits: Sequence[float] | Array
    missing_goes_left: Sequence[int] | Array
    values: Array
    """For each node one value, or one for each output."""


@dataclass(frozen=True)
class TreeSums:
    """An ensemble: the values of the leaves are added up in the order of the trees, from zero.

    Trees whose values are single ones take turns: one for each output, then again.
    """

    trees: Sequence[Tree]
    outputs: int
    compare: Compare
    divisor: int = 1
    """By what each sum is divided."""


def constant(value: Any) -> Tree:  # noqa: ANN401 - a number of NumPy
    """A tree that gives the same to every row: what the others are added to."""
    return Tree([LEAF], [LEAF], [0], [0.0], [0], np.array([value]))


def tree_of(fitted: Any, times: float = 1.0) -> Tree:  # noqa: ANN401 - scikit-learn's own
    """A tree of a forest (`tree_`): its values of each class or output, times a factor."""
    value = fitted.value
    if value.shape[1] > 1 and value.shape[2] > 1:
        raise ValueError("it has several outputs with classes")
    values = value[:, 0, :] if value.shape[1] == 1 else value[:, :, 0]
    return Tree(
        fitted.children_left,
        fitted.children_right,
        fitted.feature,
        fitted.threshold,
        fitted.missing_go_to_left,
        (values[:, 0] if values.shape[1] == 1 else values) * times,
    )


def tree_of_histograms(predictor: Any) -> Tree:  # noqa: ANN401 - sklearn's own
    """A tree of histogram gradient boosting; ValueError where it splits by categories."""
    nodes = predictor.nodes
    if nodes["is_categorical"].any():
        raise ValueError("it splits by categories")
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        np.where(leaf, LEAF, nodes["left"].astype(np.int64)),
        np.where(leaf, LEAF, nodes["right"].astype(np.int64)),
        nodes["feature_idx"],
        nodes["num_threshold"],
        nodes["missing_go_to_left"],
        nodes["value"],
    )
