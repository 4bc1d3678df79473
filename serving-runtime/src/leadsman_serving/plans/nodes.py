"""Nodes of a graph, as converters of skl2onnx add them."""

from __future__ import annotations

from typing import Any

import numpy as np


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
