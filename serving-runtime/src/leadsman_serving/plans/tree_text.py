"""Trees as a model of LightGBM, whose evaluator is the fastest for single rows.

LightGBM compares doubles: each split is written as the largest double that goes to the left.
Source of the format: https://github.com/microsoft/LightGBM/blob/v4.6.0/src/io/tree.cpp
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from leadsman_serving.plans.tree import LEAF, Compare, Tree, TreeSums
from leadsman_serving.table import Array

_DEFAULT_LEFT, _GAPS_ARE_NAN = 2, 8
_AFTER_FLOATS = 2.0**128
"""What would follow the largest float of single precision."""
MOST_NODES = 2_000_000
"""Larger ensembles take too long to read at the start of a server."""


def text_of(sums: TreeSums, features: int) -> bytes:
    """A model that tells the leaf of each tree; ValueError for an ensemble that is too large."""
    nodes = sum(len(tree.left) for tree in sums.trees)
    if nodes > MOST_NODES:
        raise ValueError(f"its trees have {nodes} nodes, {MOST_NODES} are read in time")
    lines = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={features - 1}",
        "feature_names=" + " ".join(f"x{place}" for place in range(features)),
        "feature_infos=" + " ".join(["none"] * features),
        "",
    ]
    for number, tree in enumerate(sums.trees):
        lines += [f"Tree={number}", *_tree(tree, sums.compare), ""]
    return "\n".join([*lines, "end of trees", ""]).encode()


def _tree(tree: Tree, compare: Compare) -> Iterator[str]:
    """The lines of one tree: inner nodes by number, leaves by their complement."""
    left, right = np.asarray(tree.left), np.asarray(tree.right)
    inner = left != LEAF
    number = np.where(inner, np.cumsum(inner) - 1, -np.cumsum(~inner))
    yield f"num_leaves={int((~inner).sum())}"
    yield "num_cat=0"
    if inner.any():
        gaps = np.asarray(tree.missing_goes_left)[inner].astype(bool)
        splits = last_to_the_left(np.asarray(tree.splits, np.float64)[inner], compare)
        yield _line("split_feature", np.asarray(tree.features)[inner])
        yield _line("threshold", splits)
        yield _line("decision_type", np.where(gaps, _DEFAULT_LEFT, 0) + _GAPS_ARE_NAN)
        yield _line("left_child", number[left[inner]])
        yield _line("right_child", number[right[inner]])
    # What a leaf is worth lies beside the model: only its number is asked for.
    yield _line("leaf_value", np.zeros(int((~inner).sum()), np.int64))
    yield "is_linear=0"
    yield "shrinkage=1"


def _line(name: str, values: Array) -> str:
    shown: Sequence[object] = values.tolist()
    return f"{name}={' '.join(map(repr, shown))}"


def leaves_of(tree: Tree) -> Array:
    """The values of a tree's leaves, in the order in which the model numbers them."""
    found: Array = tree.values[np.asarray(tree.left) == LEAF]
    return found


def last_to_the_left(splits: Array, compare: Compare) -> Array:
    """For each split the largest double that goes to the left, as LightGBM takes `x <= split`."""
    if compare is Compare.DOUBLE:
        return splits
    with np.errstate(over="ignore"):
        last = splits.astype(np.float32)
        # The last float of single precision that goes to the left.
        is_beyond = last >= splits if compare is Compare.BELOW else last > splits
        last = np.where(is_beyond, np.nextafter(last, np.float32(-np.inf)), last)
        after = np.nextafter(last, np.float32(np.inf))
    middle = (_double(last) + _double(after)) / 2
    # The middle itself is rounded to the one whose last bit is zero.
    is_even = last.view(np.uint32) % 2 == 0
    found: Array = np.where(is_even, middle, np.nextafter(middle, -np.inf))
    return found


def _double(singles: Array) -> Array:
    """In double precision, where infinity is what would follow the largest float."""
    return np.clip(singles.astype(np.float64), -_AFTER_FLOATS, _AFTER_FLOATS)
