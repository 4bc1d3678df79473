"""Metrics of many draws at once: each draw gives every row a weight of its own.

With equal weights each value is the one of `scores`. The gate needs thousands of them, and the
general functions would take a millisecond or more for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.metrics import average_precision_score

from leadsman_training.scores import Array, Predictions

Weighted = Callable[[Array, Predictions, Array], Array]
"""Truth, predictions and weights (draws x rows) to one value a draw."""
OF_NUMBERS = frozenset({"rmse", "mae", "mape", "r2"})
"""The metrics of predicted numbers; all others are of classes."""
OF_ERRORS = OF_NUMBERS - {"r2"}
"""Those of them that are in units of the target, or a share of it: less is better."""
BY_ROWS_SEEN = OF_NUMBERS | {"roc_auc", "average_precision", "log_loss"}
"""The metrics in which a row has no worst value that is likely."""
_LEAST_CHANCE = np.finfo(np.float64).eps


def values(metric: str, truth: Array, predicted: Predictions, weights: Array) -> Array:
    """The metric's value in each draw; NaN in all of them where it has none."""
    if not len(truth):
        return np.full(len(weights), np.nan)
    try:
        found = _VALUES[metric](truth, predicted, weights)
    except ValueError:
        return np.full(len(weights), np.nan)
    return np.asarray(found, dtype=float)


def _mean(losses: Array, weights: Array) -> Array:
    found: Array = weights @ losses / weights.sum(axis=1)
    return found


def _accuracy(truth: Array, one: Predictions, weights: Array) -> Array:
    return _mean((truth == one.values).astype(float), weights)


def _log_loss(truth: Array, one: Predictions, weights: Array) -> Array:
    chances, classes = _chances(one)
    places = {value: place for place, value in enumerate(classes.tolist())}
    columns = [places[value] for value in _known(truth, places)]
    told = np.clip(chances, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    return _mean(-np.log(told[np.arange(len(truth)), columns]), weights)


def _known(truth: Array, places: Mapping[object, int]) -> list[object]:
    found: list[object] = truth.tolist()
    if any(value not in places for value in found):
        raise ValueError("a row's class is unknown to the model")
    return found


def _rmse(truth: Array, one: Predictions, weights: Array) -> Array:
    found: Array = np.sqrt(_mean(_errors(truth, one) ** 2, weights))
    return found


def _mae(truth: Array, one: Predictions, weights: Array) -> Array:
    return _mean(np.abs(_errors(truth, one)), weights)


def _mape(truth: Array, one: Predictions, weights: Array) -> Array:
    scale = np.maximum(np.abs(truth.astype(float)), np.finfo(np.float64).eps)
    return _mean(np.abs(_errors(truth, one)) / scale, weights)


def _r2(truth: Array, one: Predictions, weights: Array) -> Array:
    if len(truth) < 2:  # noqa: PLR2004 - a single row has no spread
        raise ValueError("r2 needs two rows")
    # Around the plain mean, so that large numbers of little spread keep their digits.
    centred = truth.astype(float) - float(np.mean(truth.astype(float)))
    spread = _mean(centred**2, weights) - _mean(centred, weights) ** 2
    return _ratio(spread - _mean(_errors(truth, one) ** 2, weights), spread)


def _errors(truth: Array, one: Predictions) -> Array:
    found: Array = truth.astype(float) - one.values.astype(float)
    return found


def _ratio(above: Array, below: Array) -> Array:
    """NaN where there is nothing below: no value is no number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)


def _chances(one: Predictions) -> tuple[Array, Array]:
    if one.probabilities is None or one.classes is None:
        raise ValueError("the model gives no probabilities")
    return one.probabilities, one.classes


# By the counts of right and wrong


def _recalls(truth: Array, one: Predictions, weights: Array) -> Array:
    """Balanced accuracy: the mean recall of the classes that the rows have."""
    found = []
    for value in np.unique(truth):
        is_it, said = truth == value, one.values == value
        found.append(_ratio(weights @ (is_it & said), weights @ is_it))
    mean: Array = np.mean(found, axis=0)
    return mean


def _by_counts(of: Callable[[Array, Array, Array], Array]) -> Weighted:
    """A metric of hits, cases and calls: of class 1 where classes are 0 and 1, else their mean."""

    def value(truth: Array, one: Predictions, weights: Array) -> Array:
        binary = set(np.unique(truth).tolist()) <= {0, 1}
        labels = np.array([1]) if binary else np.union1d(truth, one.values)
        found = []
        for label in labels:
            is_it, said = truth == label, one.values == label
            found.append(of(weights @ (is_it & said), weights @ is_it, weights @ said))
        mean: Array = np.mean(found, axis=0)
        return mean

    return value


def _or_none(above: Array, below: Array) -> Array:
    """0 where there is nothing below, as the metrics of `scores` have it."""
    return np.nan_to_num(_ratio(above, below), nan=0.0)


# By the order of the chances


def _area(truth: Array, one: Predictions, weights: Array) -> Array:
    """ROC AUC; of several classes the mean of each against the others."""
    chances, classes = _chances(one)
    if len(np.unique(truth)) < 2 or not np.isin(truth, classes).all():  # noqa: PLR2004 - two classes
        raise ValueError("the area needs rows of two classes that the model knows")
    if len(classes) == 2:  # noqa: PLR2004 - two classes
        return _area_of(truth == classes[1], chances[:, 1], weights)
    areas = [
        _area_of(truth == value, chances[:, place], weights) for place, value in enumerate(classes)
    ]
    mean: Array = np.mean(areas, axis=0)
    return mean


def _area_of(is_it: Array, chance: Array, weights: Array) -> Array:
    """The share of pairs in the right order; pairs with the same chance count half."""
    order = np.argsort(chance, kind="stable")
    starts = np.flatnonzero(np.diff(chance[order], prepend=-np.inf))
    hits = np.add.reduceat(weights[:, order] * is_it[order], starts, axis=1)
    others = np.add.reduceat(weights[:, order] * ~is_it[order], starts, axis=1)
    below = np.cumsum(others, axis=1) - others / 2
    return _ratio((hits * below).sum(axis=1), hits.sum(axis=1) * others.sum(axis=1))


def _precision_area(truth: Array, one: Predictions, weights: Array) -> Array:
    chances, classes = _chances(one)
    if len(classes) == 2:  # noqa: PLR2004 - two classes
        sought, chance = truth == classes[1], chances[:, 1]
        return np.array([average_precision_score(sought, chance, sample_weight=w) for w in weights])
    sought = truth[:, None] == classes
    return np.array([average_precision_score(sought, chances, sample_weight=w) for w in weights])


_VALUES: Mapping[str, Weighted] = {
    "roc_auc": _area,
    "average_precision": _precision_area,
    "log_loss": _log_loss,
    "accuracy": _accuracy,
    "balanced_accuracy": _recalls,
    "f1": _by_counts(lambda hits, cases, calls: _or_none(2 * hits, cases + calls)),
    "precision": _by_counts(lambda hits, _cases, calls: _or_none(hits, calls)),
    "recall": _by_counts(lambda hits, cases, _calls: _or_none(hits, cases)),
    "rmse": _rmse,
    "mae": _mae,
    "mape": _mape,
    "r2": _r2,
}
