"""A converter of logistic regression for skl2onnx in doubles: the usual one rounds what it weighs.

Two classes are told apart by the sign of the score and not by their shares, as the original does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from leadsman_serving.plans.nodes import Nodes

_DOUBLE, _INT64 = TensorProto.DOUBLE, TensorProto.INT64
_TWO = 2


def convert(scope: Any, operator: Any, container: Any) -> None:  # noqa: ANN401 - skl2onnx's own
    """Scores, then the class and the shares."""
    model, nodes = operator.raw_operator, Nodes(scope, container)
    is_of_two = len(model.classes_) == _TWO
    if not is_of_two and model.solver == "liblinear":
        raise ValueError("it tells its classes apart one by one")
    rows = nodes.node("Cast", [operator.inputs[0].full_name], to=_DOUBLE)
    weights = nodes.constant(np.asarray(model.coef_, np.float64).T, _DOUBLE)
    bias = nodes.constant(np.asarray(model.intercept_, np.float64), _DOUBLE)
    scores = nodes.node("Add", [nodes.node("MatMul", [rows, weights]), bias])
    label, shares = (output.full_name for output in operator.outputs)
    if is_of_two:
        _two(nodes, scores, shares)
        above = nodes.node("Greater", [scores, nodes.constant(0.0, _DOUBLE)])
        column = nodes.node("Cast", [above], to=_INT64)
        place = nodes.node("Reshape", [column, nodes.constant([-1], _INT64)])
    else:
        nodes.node("Softmax", [scores], shares, axis=1)
        place = nodes.node("ArgMax", [scores], axis=1, keepdims=0)
    nodes.name_classes(model.classes_, place, label)


def _two(nodes: Nodes, scores: str, shares: str) -> None:
    second = nodes.node("Sigmoid", [scores])
    first = nodes.node("Sub", [nodes.constant(1.0, _DOUBLE), second])
    nodes.node("Concat", [first, second], shares, axis=1)
