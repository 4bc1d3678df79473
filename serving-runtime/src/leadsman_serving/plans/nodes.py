"""Nodes of a graph, as converters of skl2onnx add them."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from leadsman_serving.plans.stored import classes_of


class Nodes:
    """Adds nodes, and names what they give."""

    def __init__(self, scope: Any, container: Any) -> None:  # noqa: ANN401 - skl2onnx's own
        self._scope, self._container = scope, container

    def node(self, op: str, inputs: list[str], output: str | None = None, **more: Any) -> str:  # noqa: ANN401
        """Add a node; gives the name of its output."""
        name = output or self._scope.get_unique_variable_name(op.lower())
        more.setdefault("op_domain", "")
        more.setdefault("op_version", 18)
        self._container.add_node(
            op, inputs, name, name=self._scope.get_unique_operator_name(op), **more
        )
        return str(name)

    def constant(self, values: Any, kind: int) -> str:  # noqa: ANN401 - an array or a list
        """Add a constant."""
        name = self._scope.get_unique_variable_name("constant")
        array = np.asarray(values)
        flat = [one.encode() if isinstance(one, str) else one for one in array.ravel().tolist()]
        self._container.add_initializer(name, kind, list(array.shape), flat)
        return str(name)

    def name_classes(self, classes: Any, place: str, output: str) -> None:  # noqa: ANN401 - an array
        """From the place of a class to its label; ValueError for labels that have no constant."""
        labels = classes_of(classes)
        if labels is None or not isinstance(labels[0], int | str):
            raise ValueError("its classes have labels that are neither texts nor whole numbers")
        if isinstance(labels[0], str):
            names = self.constant(labels, TensorProto.STRING)
        else:
            names = self.constant([int(label) for label in labels], TensorProto.INT64)
        self.node("Gather", [names, place], output)
