"""From estimators of scikit-learn to graphs in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import VotingClassifier
from sklearn.multioutput import MultiOutputRegressor

from leadsman_serving.flavors.estimators import parts
from leadsman_serving.plans.graph import MATRIX, PREDICT, PROBABILITIES
from leadsman_serving.plans.graph_ensemble import DOMAIN, KNOWN, VERSION
from leadsman_serving.plans.graph_trees import register
from leadsman_serving.plans.stored import classes_of
from leadsman_serving.plans.unsuited import Unsuited
from leadsman_serving.schema import Schema

_OPSET = {"": 18, DOMAIN: KNOWN}
_KINDS = {
    "double": DoubleTensorType, "float": DoubleTensorType, "long": Int64TensorType,
    "integer": Int64TensorType, "string": StringTensorType,
}  # fmt: skip


class NoGraph(Unsuited):
    """The model can't be written as a graph; the message says why."""


def graph_of(
    estimator: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
    schema: Schema,
) -> tuple[bytes, dict[str, Any]]:
    """The graph and what its plan has to know; NoGraph where it can't be made."""
    if function not in (PREDICT, PROBABILITIES):
        raise NoGraph(f"{function} is not built")
    register()
    is_classifier = hasattr(estimator, "classes_")
    labels = getattr(estimator, "classes_", None)
    if isinstance(labels, list):
        raise NoGraph("it has several outputs with classes")
    classes_of(labels)  # refuses those that a graph has no names for
    for part in parts(estimator):
        if isinstance(part, VotingClassifier):
            # It only matters to `transform`, and the converter knows one of its forms.
            part.flatten_transform = False
    options: dict[Any, Any] = {"zipmap": False} if is_classifier else {}
    try:
        model = to_onnx(
            estimator,
            initial_types=_inputs(schema),
            options={id(estimator): options} if is_classifier else None,
            target_opset=_OPSET,
        )
    except Exception as error:
        first = (str(error).splitlines() or [""])[0][:200]
        raise NoGraph(f"the converter gave up: {type(error).__name__}: {first}") from error
    return _named(model, is_classifier=is_classifier), {
        "function": function,
        # The graph of a classifier gives the labels themselves.
        "classes": None,
        "is_flat": not is_classifier and _is_flat(estimator),
    }


def _is_flat(estimator: Any) -> bool:  # noqa: ANN401 - of scikit-learn
    """Whether the estimator gives one number a row, and not a list of them."""
    last = getattr(estimator, "_final_estimator", estimator)
    if isinstance(last, MultiOutputRegressor):
        return False
    if isinstance(last, PLSRegression):
        return bool(last._predict_1d)  # noqa: SLF001 - has no other name
    is_matrix = np.ndim(getattr(last, "coef_", 0.0)) > 1
    return int(getattr(last, "n_outputs_", 1) or 1) == 1 and not is_matrix


def _inputs(schema: Schema) -> list[tuple[str, Any]]:
    if schema.tensors or not schema.columns:
        raise NoGraph("its signature has no columns")
    kinds = {column.type for column in schema.columns}
    if kinds <= {"double", "float", "long", "integer"} and not _needs_names(schema):
        return [(MATRIX, DoubleTensorType([None, len(schema.columns)]))]
    if not schema.names or kinds - set(_KINDS):
        raise NoGraph(f"its columns have types {', '.join(sorted(kinds))}")
    return [(str(one.name), _KINDS[one.type]([None, 1])) for one in schema.columns]


def _needs_names(schema: Schema) -> bool:
    return any(column.type == "string" for column in schema.columns)


def _named(model: onnx.ModelProto, *, is_classifier: bool) -> bytes:
    """The graph with our names for its outputs, and the version of its trees."""
    for opset in model.opset_import:
        if opset.domain == DOMAIN:
            opset.version = VERSION
    names = [output.name for output in model.graph.output]
    wanted = [PREDICT, PROBABILITIES] if is_classifier else [PREDICT]
    renamed = dict(zip(names, wanted, strict=False))
    for output in model.graph.output:
        output.name = renamed.get(output.name, output.name)
    for node in model.graph.node:
        node.output[:] = [renamed.get(name, name) for name in node.output]
        node.input[:] = [renamed.get(name, name) for name in node.input]
    return bytes(model.SerializeToString())
