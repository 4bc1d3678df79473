"""Metrics by name, for models that are compared on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import metrics

from leadsman_api.reasons import Reason
from leadsman_training.errors import NoUse

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says of rows: its predictions, and for classes their probabilities."""

    values: Array
    probabilities: Array | None = None
    """One column a class, in the order of `classes`."""
    classes: Array | None = None

    def take(self, rows: Array) -> Predictions:
        """Those of some rows."""
        chances = self.probabilities
        return Predictions(
            self.values[rows], chances[rows] if chances is not None else None, self.classes
        )


Score = Callable[[Array, Predictions], float]


def score(name: str, truth: Array, predicted: Predictions) -> float:
    """The value of a metric; NaN where it has none, such as for a single class."""
    try:
        return float(find(name)(truth, predicted))
    except ValueError:
        return float("nan")


def find(name: str) -> Score:
    """The metric of a name; NoUse names those that are known."""
    if name not in _SCORES:
        raise NoUse(
            Reason.SPEC_INVALID, f"there is no metric {name!r}; there are {', '.join(_SCORES)}"
        )
    return _SCORES[name]


def usual(*, classification: bool) -> tuple[str, ...]:
    """The metrics that each trial gets besides its objective."""
    return ("accuracy", "f1", "roc_auc", "log_loss") if classification else ("rmse", "mae", "r2")


def _chances(predicted: Predictions) -> Array:
    if predicted.probabilities is None:
        raise ValueError("the model gives no probabilities")
    return predicted.probabilities


def _positive(predicted: Predictions) -> Array:
    """The probability of the second of two classes, or of each of several."""
    chances = _chances(predicted)
    return chances[:, 1] if chances.shape[1] == 2 else chances  # noqa: PLR2004 - two classes


def _sought(truth: Array, predicted: Predictions) -> Array:
    """Of two classes, whether it is the second: scikit-learn looks for 1 otherwise."""
    classes = predicted.classes
    return truth == classes[1] if classes is not None and len(classes) == 2 else truth  # noqa: PLR2004 - two classes


def _average(truth: Array) -> str:
    return "binary" if set(np.unique(truth).tolist()) <= {0, 1} else "macro"


def _labels(predicted: Predictions) -> Any:  # noqa: ANN401 - scikit-learn's array-like
    return predicted.classes


_SCORES: Mapping[str, Score] = {
    "roc_auc": lambda truth, one: metrics.roc_auc_score(
        truth, _positive(one), multi_class="ovr", labels=_labels(one)
    ),
    "average_precision": lambda truth, one: metrics.average_precision_score(
        _sought(truth, one), _positive(one)
    ),
    "log_loss": lambda truth, one: metrics.log_loss(truth, _chances(one), labels=_labels(one)),
    "accuracy": lambda truth, one: metrics.accuracy_score(truth, one.values),
    "balanced_accuracy": lambda truth, one: metrics.balanced_accuracy_score(truth, one.values),
    "f1": lambda truth, one: metrics.f1_score(
        truth, one.values, average=_average(truth), zero_division=0
    ),
    "precision": lambda truth, one: metrics.precision_score(
        truth, one.values, average=_average(truth), zero_division=0
    ),
    "recall": lambda truth, one: metrics.recall_score(
        truth, one.values, average=_average(truth), zero_division=0
    ),
    "rmse": lambda truth, one: metrics.root_mean_squared_error(truth, one.values),
    "mae": lambda truth, one: metrics.mean_absolute_error(truth, one.values),
    "mape": lambda truth, one: metrics.mean_absolute_percentage_error(truth, one.values),
    "r2": lambda truth, one: metrics.r2_score(truth, one.values),
}
