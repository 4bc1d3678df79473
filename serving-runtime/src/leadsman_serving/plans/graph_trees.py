"""Converters of tree models for skl2onnx that keep double precision from input to output.

https://onnx.ai/sklearn-onnx/auto_tutorial/plot_icustom_converter.html
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType
from sklearn import ensemble, linear_model, preprocessing, tree

from leadsman_serving.plans import graph_linear, graph_words
from leadsman_serving.plans.nodes import Nodes
from leadsman_serving.plans.trees import DOMAIN, KNOWN, Ensemble, tree_of, tree_of_histograms

_CLASSIFIERS = (
    ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier, tree.DecisionTreeClassifier,
    tree.ExtraTreeClassifier, ensemble.GradientBoostingClassifier,
    ensemble.HistGradientBoostingClassifier,
)  # fmt: skip
_REGRESSORS = (
    ensemble.RandomForestRegressor, ensemble.ExtraTreesRegressor, tree.DecisionTreeRegressor,
    tree.ExtraTreeRegressor, ensemble.GradientBoostingRegressor,
    ensemble.HistGradientBoostingRegressor,
)  # fmt: skip
_HISTOGRAMS = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
_GRADIENTS = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
_OPTIONS = {
    "zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [True, False],
    "output_class_labels": [True, False],
}  # fmt: skip
_DOUBLE, _FLOAT = TensorProto.DOUBLE, TensorProto.FLOAT


@cache
def register() -> None:
    """Have skl2onnx use these converters."""
    shapes = (
        (_CLASSIFIERS, _classes_and_shares),
        (_REGRESSORS, _numbers),
    )
    for kinds, shape in shapes:
        for kind in kinds:
            options = _OPTIONS if kinds is _CLASSIFIERS else None
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
    if not isinstance(model, _HISTOGRAMS):
        # These compare in single precision, with splits that are doubles.
        rows = graph.node("Cast", [rows], to=_FLOAT)
    rows = graph.node("Cast", [rows], to=_DOUBLE)
    trees, targets, divisor = _trees(model)
    total = graph.node(
        "TreeEnsemble", [rows], op_domain=DOMAIN, op_version=KNOWN, **trees.attributes(targets)
    )
    if divisor != 1:
        total = graph.node("Div", [total, graph.constant(float(divisor), _DOUBLE)])
    if isinstance(model, _REGRESSORS):
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
    if not isinstance(model, (*_HISTOGRAMS, *_GRADIENTS)):
        return total
    if targets > 1:
        return graph.node("Softmax", [total], axis=1)
    second = graph.node("Sigmoid", [total])
    first = graph.node("Sub", [graph.constant(1.0, _DOUBLE), second])
    return graph.node("Concat", [first, second], axis=1)


def _trees(model: Any) -> tuple[Ensemble, int, int]:  # noqa: ANN401 - of scikit-learn
    """All trees, the number of outputs, and by what the sum is divided."""
    if isinstance(model, _HISTOGRAMS):
        return (*_of_histograms(model), 1)
    if isinstance(model, _GRADIENTS):
        return (*_of_gradients(model), 1)
    members = getattr(model, "estimators_", [model])
    is_classifier = isinstance(model, _CLASSIFIERS)
    targets = len(model.classes_) if is_classifier else int(model.n_outputs_)
    made = Ensemble()
    for target in range(targets):
        for member in members:
            made.add(tree_of(member.tree_, target), target)
    return made, targets, len(members) if hasattr(model, "estimators_") else 1


def _of_histograms(model: Any) -> tuple[Ensemble, int]:  # noqa: ANN401 - of scikit-learn
    made, base = Ensemble(), np.ravel(model._baseline_prediction)  # noqa: SLF001 - has no other name
    targets = len(base)
    for target in range(targets):
        made.add_constant(float(base[target]), target)
        for stage in model._predictors:  # noqa: SLF001 - likewise
            made.add(tree_of_histograms(stage[target]), target)
    return made, targets


def _of_gradients(model: Any) -> tuple[Ensemble, int]:  # noqa: ANN401 - of scikit-learn
    constant = type(model.init_).__name__ in ("DummyClassifier", "DummyRegressor")
    if not constant and model.init_ != "zero":
        raise ValueError("it begins with another model")
    base = np.ravel(model._raw_predict_init(np.zeros((1, model.n_features_in_))))  # noqa: SLF001
    made, targets = Ensemble(), model.estimators_.shape[1]
    for target in range(targets):
        made.add_constant(float(base[target]), target)
        for stage in model.estimators_:
            made.add(tree_of(stage[target].tree_, 0, model.learning_rate), target)
    return made, targets
