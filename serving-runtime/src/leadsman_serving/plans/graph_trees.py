"""Converters of tree models for skl2onnx that keep double precision from input to output.

https://onnx.ai/sklearn-onnx/auto_tutorial/plot_icustom_converter.html
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType
from sklearn import linear_model, preprocessing

from leadsman_serving.plans import graph_linear, graph_words
from leadsman_serving.plans.graph_ensemble import DOMAIN, KNOWN, Ensemble
from leadsman_serving.plans.nodes import Nodes
from leadsman_serving.plans.tree import TreeSums
from leadsman_serving.plans.tree_sums import (
    CLASSIFIERS,
    GRADIENTS,
    HISTOGRAMS,
    REGRESSORS,
    sums_of,
)

_OPTIONS = {
    "zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [True, False],
    "output_class_labels": [True, False],
}  # fmt: skip
_DOUBLE, _FLOAT = TensorProto.DOUBLE, TensorProto.FLOAT


@cache
def register() -> None:
    """Have skl2onnx use these converters."""
    shapes = (
        (CLASSIFIERS, _classes_and_shares),
        (REGRESSORS, _numbers),
    )
    for kinds, shape in shapes:
        for kind in kinds:
            options = _OPTIONS if kinds is CLASSIFIERS else None
            update_registered_converter(
                kind, f"Leadsman{kind.__name__}", shape, _convert, options=options
            )
    update_registered_converter(
        preprocessing.OneHotEncoder, "LeadsmanOneHotEncoder", graph_words.shape, graph_words.convert
    )
    for kind in (linear_model.LogisticRegression, linear_model.LogisticRegressionCV):
        update_registered_converter(
            kind, f"Leadsman{kind.__name__}", _classes_and_shares, graph_linear.convert,
            options=_OPTIONS,
        )  # fmt: skip


def _classes_and_shares(operator: Any) -> None:  # noqa: ANN401 - skl2onnx's own
    """The outputs of a classifier: usually shares would be single."""
    model = operator.raw_operator
    are_words = isinstance(model.classes_[0], str)
    label = StringTensorType if are_words else Int64TensorType
    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = label([rows])
    operator.outputs[1].type = DoubleTensorType([rows, len(model.classes_)])


def _numbers(operator: Any) -> None:  # noqa: ANN401 - skl2onnx's own
    """The output of a regressor."""
    model = operator.raw_operator
    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = DoubleTensorType([rows, int(getattr(model, "n_outputs_", 1))])


def _convert(scope: Any, operator: Any, container: Any) -> None:  # noqa: ANN401 - skl2onnx's own
    """One tree model: its sum, what its link makes of it, and the name of the class."""
    model, graph = operator.raw_operator, Nodes(scope, container)
    rows = operator.inputs[0].full_name
    if not isinstance(model, HISTOGRAMS):
        # These compare in single precision, with splits that are doubles.
        rows = graph.node("Cast", [rows], to=_FLOAT)
    rows = graph.node("Cast", [rows], to=_DOUBLE)
    sums = sums_of(model)
    trees, targets = _attributes(sums), sums.outputs
    total = graph.node("TreeEnsemble", [rows], op_domain=DOMAIN, op_version=KNOWN, **trees)
    if sums.divisor != 1:
        total = graph.node("Div", [total, graph.constant(float(sums.divisor), _DOUBLE)])
    if isinstance(model, REGRESSORS):
        link = getattr(getattr(model, "_loss", None), "link", None)
        if type(link).__name__ == "LogLink":
            total = graph.node("Exp", [total])
        graph.node("Identity", [total], operator.outputs[0].full_name)
        return
    shares = _shares(model, graph, total, targets)
    place = graph.node("ArgMax", [shares], axis=1, keepdims=0)
    graph.name_classes(model.classes_, place, operator.outputs[0].full_name)
    graph.node("Identity", [shares], operator.outputs[1].full_name)


def _shares(model: Any, graph: Nodes, total: str, targets: int) -> str:  # noqa: ANN401
    """The probability of each class from what the trees add up to."""
    if not isinstance(model, (*HISTOGRAMS, *GRADIENTS)):
        return total
    if targets > 1:
        return graph.node("Softmax", [total], axis=1)
    second = graph.node("Sigmoid", [total])
    first = graph.node("Sub", [graph.constant(1.0, _DOUBLE), second])
    return graph.node("Concat", [first, second], axis=1)


def _attributes(sums: TreeSums) -> dict[str, Any]:
    """All trees as the attributes of one node."""
    made, targets = Ensemble(), sums.outputs
    for target in range(targets):
        for number, tree in enumerate(sums.trees):
            if tree.values.ndim > 1:
                made.add(replace(tree, values=tree.values[:, target]), target)
            elif number % targets == target:
                made.add(tree, target)
    return made.attributes(targets)
