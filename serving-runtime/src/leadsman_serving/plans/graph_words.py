"""A converter of one-hot encoders for skl2onnx whose zeros and ones are doubles.

The usual one gives singles, and whatever is beside them in a row is then rounded to singles too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import DoubleTensorType

from leadsman_serving.plans.graph_ensemble import DOMAIN, KNOWN
from leadsman_serving.plans.nodes import Nodes


def shape(operator: Any) -> None:  # noqa: ANN401 - skl2onnx's own
    """As many columns as there are categories."""
    known = sum(len(categories) for categories in operator.raw_operator.categories_)
    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = DoubleTensorType([rows, known])


def convert(scope: Any, operator: Any, container: Any) -> None:  # noqa: ANN401 - skl2onnx's own
    """Each column by itself, then all of them beside each other."""
    model, nodes = operator.raw_operator, Nodes(scope, container)
    if model.drop is not None or getattr(model, "infrequent_categories_", None):
        raise ValueError("it drops or gathers categories")
    columns = [
        nodes.node("Gather", [given.full_name, nodes.constant(place, TensorProto.INT64)], axis=1)
        for given in operator.inputs
        for place in range(given.type.shape[1])
    ]
    encoded = [
        _encoded(nodes, column, categories)
        for column, categories in zip(columns, model.categories_, strict=True)
    ]
    nodes.node("Concat", encoded, operator.outputs[0].full_name, axis=1)


def _encoded(nodes: Nodes, column: str, categories: Any) -> str:  # noqa: ANN401 - an array
    """Zeros, and a one for the category; zeros alone for what is not known."""
    values = np.asarray(categories).tolist()
    if all(isinstance(value, str) for value in values):
        known: dict[str, Any] = {"cats_strings": [value.encode() for value in values]}
    elif all(isinstance(value, int) for value in values):
        known = {"cats_int64s": values}
        column = nodes.node("Cast", [column], to=TensorProto.INT64)
    else:
        raise ValueError("its categories are neither texts nor whole numbers")
    singles = nodes.node(
        "OneHotEncoder", [column], op_domain=DOMAIN, op_version=KNOWN, zeros=1, **known
    )
    return nodes.node("Cast", [singles], to=TensorProto.DOUBLE)
