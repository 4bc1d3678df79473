"""From the tree models of scikit-learn to sums of leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import ensemble, tree

from leadsman_serving.plans.tree import Compare, TreeSums, constant, tree_of, tree_of_histograms

CLASSIFIERS = (
    ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier, tree.DecisionTreeClassifier,
    tree.ExtraTreeClassifier, ensemble.GradientBoostingClassifier,
    ensemble.HistGradientBoostingClassifier,
)  # fmt: skip
REGRESSORS = (
    ensemble.RandomForestRegressor, ensemble.ExtraTreesRegressor, tree.DecisionTreeRegressor,
    tree.ExtraTreeRegressor, ensemble.GradientBoostingRegressor,
    ensemble.HistGradientBoostingRegressor,
)  # fmt: skip
HISTOGRAMS = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
GRADIENTS = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)


def sums_of(model: Any) -> TreeSums:  # noqa: ANN401 - of scikit-learn
    """One output for a number or for the raw score of two classes, else one for each class.

    ValueError for what no sum of leaves says.
    """
    if isinstance(model, HISTOGRAMS):
        return _of_histograms(model)
    if isinstance(model, GRADIENTS):
        return _of_gradients(model)
    members = getattr(model, "estimators_", [model])
    targets = len(model.classes_) if isinstance(model, CLASSIFIERS) else int(model.n_outputs_)
    trees = [tree_of(member.tree_) for member in members]
    return TreeSums(trees, targets, Compare.SINGLE, len(members))


def _of_histograms(model: Any) -> TreeSums:  # noqa: ANN401 - of scikit-learn
    base = np.ravel(model._baseline_prediction)  # noqa: SLF001 - has no other name
    trees = [constant(value) for value in base]
    trees += [tree_of_histograms(one) for stage in model._predictors for one in stage]  # noqa: SLF001
    return TreeSums(trees, len(base), Compare.DOUBLE)


def _of_gradients(model: Any) -> TreeSums:  # noqa: ANN401 - of scikit-learn
    is_constant = type(model.init_).__name__ in ("DummyClassifier", "DummyRegressor")
    if not is_constant and model.init_ != "zero":
        raise ValueError("it begins with another model")
    base = np.ravel(model._raw_predict_init(np.zeros((1, model.n_features_in_))))  # noqa: SLF001
    trees = [constant(value) for value in base]
    trees += [tree_of(one.tree_, model.learning_rate) for one in np.ravel(model.estimators_)]
    return TreeSums(trees, model.estimators_.shape[1], Compare.SINGLE)
