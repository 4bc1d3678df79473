"""From fitted scalers and linear models of scikit-learn to the arrays of a linear plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import discriminant_analysis, linear_model, pipeline, preprocessing, svm

from leadsman_serving.plans.linear import (
    EACH,
    PREDICT,
    PROBABILITIES,
    SCORES,
)
from leadsman_serving.plans.links import EXP, SOFTMAX
from leadsman_serving.plans.stored import classes_of
from leadsman_serving.plans.unsuited import Unsuited
from leadsman_serving.table import Array

_REGRESSORS = (
    linear_model.LinearRegression, linear_model.Ridge, linear_model.RidgeCV, linear_model.Lasso,
    linear_model.LassoCV, linear_model.ElasticNet, linear_model.ElasticNetCV,
    linear_model.SGDRegressor, linear_model.HuberRegressor, svm.LinearSVR, linear_model.Lars,
    linear_model.LarsCV, linear_model.LassoLars, linear_model.LassoLarsCV,
    linear_model.LassoLarsIC, linear_model.BayesianRidge, linear_model.ARDRegression,
    linear_model.OrthogonalMatchingPursuit, linear_model.OrthogonalMatchingPursuitCV,
    linear_model.QuantileRegressor, linear_model.TheilSenRegressor,
    linear_model.PassiveAggressiveRegressor,
    linear_model.MultiTaskLasso, linear_model.MultiTaskLassoCV, linear_model.MultiTaskElasticNet,
    linear_model.MultiTaskElasticNetCV, linear_model.PoissonRegressor,
    linear_model.GammaRegressor, linear_model.TweedieRegressor,
)  # fmt: skip
_CLASSIFIERS = (
    linear_model.LogisticRegression, linear_model.LogisticRegressionCV,
    linear_model.SGDClassifier, linear_model.RidgeClassifier, linear_model.RidgeClassifierCV,
    linear_model.Perceptron, svm.LinearSVC, linear_model.PassiveAggressiveClassifier,
    discriminant_analysis.LinearDiscriminantAnalysis,
)  # fmt: skip
_SOFTMAX = (
    linear_model.LogisticRegression, linear_model.LogisticRegressionCV,
    discriminant_analysis.LinearDiscriminantAnalysis,
)  # fmt: skip
_LINKED = (
    linear_model.PoissonRegressor, linear_model.GammaRegressor, linear_model.TweedieRegressor,
)  # fmt: skip


class NotLinear(Unsuited):
    """The model is made of something else; the message says of what."""


@dataclass(frozen=True)
class LinearParts:
    """What a linear plan is made of."""

    arrays: dict[str, Array]
    settings: dict[str, Any]


def linear_parts(estimator: Any, function: str) -> LinearParts:  # noqa: ANN401 - of scikit-learn
    """The arrays of a pipeline of scalers with a linear model at its end; or NotLinear."""
    *scalers, model = (
        [step for _, step in estimator.steps]
        if isinstance(estimator, pipeline.Pipeline)
        else [estimator]
    )
    if type(model) not in (*_REGRESSORS, *_CLASSIFIERS):
        raise NotLinear(f"{type(model).__name__} is no linear model")
    steps = [step for scaler in scalers for step in _steps(scaler)]
    weights = np.asarray(model.coef_, np.float64).T
    bias = np.asarray(model.intercept_, np.float64)
    is_classifier = type(model) in _CLASSIFIERS
    classes = classes_of(model.classes_) if is_classifier else None
    shares = _shares(model)
    if function not in (PREDICT, PROBABILITIES, SCORES) or (
        function == PROBABILITIES and not shares
    ):
        raise NotLinear(f"{function} of {type(model).__name__} is not built")
    if hasattr(model, "predict_proba") and not shares:
        raise NotLinear(f"predict_proba of {type(model).__name__} is not built")
    arrays = {f"step_{number}": array for number, (_, array) in enumerate(steps)}
    return LinearParts(
        {**arrays, "weights": weights, "bias": bias},
        {
            "steps": [name for name, _ in steps],
            "classes": classes,
            "function": function,
            "shares": shares,
            "link": _link(model),
            "is_flat": is_classifier and weights.ndim > 1 and weights.shape[1] == 1,
        },
    )


def _shares(model: Any) -> str | None:  # noqa: ANN401 - of scikit-learn
    """How its scores become the probabilities of classes; None where they don't."""
    if type(model) in _SOFTMAX:
        # With this solver classes are told apart one by one, and their shares made to add up.
        is_each = getattr(model, "solver", "") == "liblinear" and len(model.classes_) > 2  # noqa: PLR2004 - two
        return EACH if is_each else SOFTMAX
    is_logistic = type(model) is linear_model.SGDClassifier and model.loss == "log_loss"
    return EACH if is_logistic else None


def _link(model: Any) -> str | None:  # noqa: ANN401 - of scikit-learn
    """What is applied to the scores of a generalized linear model."""
    if type(model) not in _LINKED:
        return None
    link = type(model._base_loss.link).__name__  # noqa: SLF001 - has no other name
    if link not in ("LogLink", "IdentityLink"):
        raise NotLinear(f"{link} of {type(model).__name__} is not built")
    return EXP if link == "LogLink" else None


_SCALERS: dict[type, tuple[tuple[str, str, str], ...]] = {
    preprocessing.StandardScaler: (
        ("with_mean", "subtract", "mean_"), ("with_std", "divide", "scale_"),
    ),
    preprocessing.RobustScaler: (
        ("with_centering", "subtract", "center_"), ("with_scaling", "divide", "scale_"),
    ),
    preprocessing.MinMaxScaler: (("", "multiply", "scale_"), ("", "add", "min_")),
    preprocessing.MaxAbsScaler: (("", "divide", "scale_"),),
}  # fmt: skip
"""What each does, in its order: the switch for it if it has one, the operation, the array."""


def _steps(scaler: Any) -> Iterator[tuple[str, Array]]:  # noqa: ANN401 - of scikit-learn
    """A scaler's operations in the order in which it carries them out."""
    if scaler is None or scaler == "passthrough":
        return
    if type(scaler) not in _SCALERS or getattr(scaler, "clip", False):
        raise NotLinear(f"{type(scaler).__name__} is no scaler that is built in NumPy")
    for switch, operation, array in _SCALERS[type(scaler)]:
        if not switch or getattr(scaler, switch):
            yield operation, getattr(scaler, array)
