"""Trees of scikit-learn as one ONNX node in double precision, so that nothing is rounded.

The usual converter adds up leaves in single precision, and a forest whose votes are even would
then name another class. This one keeps the doubles, and the order in which they are added up.
Source: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import numpy_helper

from leadsman_serving.plans.tree import LEAF, Tree

DOMAIN, VERSION = "ai.onnx.ml", 5
KNOWN = 3
"""The last version that skl2onnx knows: it is told this one, and the graph then says the true."""
_LESS_OR_EQUAL, _SUM = 0, 1


@dataclass
class Ensemble:
    """The attributes of one TreeEnsemble node, tree after tree."""

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    left_is_leaf: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    right_is_leaf: list[int] = field(default_factory=list)
    missing_goes_left: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add_constant(self, value: float, target: int) -> None:
        """A tree that gives the same to every row: what the others are added to."""
        # A node has to split; both of its sides are the same leaf.
        self._begin([0], [0.0], [0])
        self.left[-1] = self.right[-1] = self._leaf(value, target)
        self.left_is_leaf[-1] = self.right_is_leaf[-1] = 1

    def add(self, tree: Tree, target: int) -> None:
        """A tree whose leaves count for one output."""
        if tree.left[0] == LEAF:
            self.add_constant(float(tree.values[0]), target)
            return
        inner = [node for node in range(len(tree.left)) if tree.left[node] != LEAF]
        first = len(self.features)
        place = {node: first + number for number, node in enumerate(inner)}
        self._begin(
            [int(tree.features[node]) for node in inner],
            [float(tree.splits[node]) for node in inner],
            [int(tree.missing_goes_left[node]) for node in inner],
        )
        for node in inner:
            for children, ids, are_leaves in (
                (tree.left, self.left, self.left_is_leaf),
                (tree.right, self.right, self.right_is_leaf),
            ):
                child = int(children[node])
                is_leaf = tree.left[child] == LEAF
                are_leaves[place[node]] = int(is_leaf)
                ids[place[node]] = (
                    self._leaf(float(tree.values[child]), target) if is_leaf else place[child]
                )

    def attributes(self, targets: int) -> dict[str, Any]:
        """The node's attributes, for so many outputs."""
        modes = np.full(len(self.features), _LESS_OR_EQUAL, np.uint8)
        return {
            "n_targets": targets,
            "aggregate_function": _SUM,
            "post_transform": 0,
            "tree_roots": self.roots,
            "nodes_featureids": self.features,
            "nodes_modes": numpy_helper.from_array(modes, "modes"),
            "nodes_splits": numpy_helper.from_array(np.array(self.splits), "splits"),
            "nodes_truenodeids": self.left,
            "nodes_trueleafs": self.left_is_leaf,
            "nodes_falsenodeids": self.right,
            "nodes_falseleafs": self.right_is_leaf,
            "nodes_missing_value_tracks_true": self.missing_goes_left,
            "leaf_targetids": self.targets,
            "leaf_weights": numpy_helper.from_array(np.array(self.weights), "weights"),
        }

    def _begin(self, features: list[int], splits: list[float], missing: list[int]) -> None:
        self.roots.append(len(self.features))
        self.features += features
        self.splits += splits
        self.missing_goes_left += missing
        for children in (self.left, self.left_is_leaf, self.right, self.right_is_leaf):
            children.extend([0] * len(features))

    def _leaf(self, weight: float, target: int) -> int:
        self.targets.append(target)
        self.weights.append(weight)
        return len(self.weights) - 1
