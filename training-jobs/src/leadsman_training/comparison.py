"""How much better one model is than another on the same rows, and how sure that is.

The paired bootstrap in Rubin's form (D. B. Rubin, 1981, "The Bayesian bootstrap",
https://doi.org/10.1214/aos/1176345338): each draw weighs the rows anew, and both models are
scored with the same weights. One row more, the worst for the challenger, stands for what the
sample has not shown. Without it two models that agree on all of few rows would be held equal for
sure. For shares, such as accuracy, the bound is then that of N. Gaffke (2005, "Three test
statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative variable"), which
for right and wrong is that of Clopper and Pearson.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leadsman_training import weighted
from leadsman_training.scores import Array, Predictions, score

DRAWS = 2000
OF_LOSSES = weighted.OF_ERRORS | {"log_loss"}
"""The metrics of which less is better."""
_MOST_CANDIDATES = 200
_CELLS = 2_000_000
"""Weights that are held at once: 16 MB."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Rows with their truth, and what both models say of them."""

    truth: Array
    challenger: Predictions
    champion: Predictions

    def take(self, rows: Array) -> Pair:
        """Some of the rows."""
        return Pair(self.truth[rows], self.challenger.take(rows), self.champion.take(rows))

    @property
    def is_one_model(self) -> bool:
        """Whether all chances, or all predicted numbers, are the same to the last bit.

        Two models that differ don't agree so on each row; in classes alone they may.
        """
        ours, theirs = self.challenger, self.champion
        if ours.probabilities is not None and theirs.probabilities is not None:
            return np.array_equal(ours.probabilities, theirs.probabilities)
        is_fine = (
            ours.values.dtype.kind == "f" and len(np.unique(ours.values)) > len(self.truth) / 2
        )
        return is_fine and np.array_equal(ours.values, theirs.values)

    def gains(self, metric: str, sign: int, weights: Array) -> Array:
        """How much better the challenger is in each draw; `sign` is 1 where more is better."""
        ours = weighted.values(metric, self.truth, self.challenger, weights)
        theirs = weighted.values(metric, self.truth, self.champion, weights)
        found: Array = sign * (ours - theirs)
        return found


@dataclass(frozen=True, slots=True)
class Interval:
    """The gain, and the bounds that each hold with the confidence; NaN where there is none."""

    gain: float
    low: float
    high: float


def compare(pair: Pair, metric: str, sign: int, confidence: float, seed: int) -> Interval:
    """The gain of the challenger with its bounds."""
    rows = len(pair.truth)
    if not rows:
        return Interval(math.nan, math.nan, math.nan)
    gain = float(pair.gains(metric, sign, np.ones((1, rows)))[0])
    if math.isnan(gain):
        return Interval(math.nan, math.nan, math.nan)
    if pair.is_one_model:
        return Interval(0.0, 0.0, 0.0)
    low = _bound(with_worst(pair, metric, sign), metric, sign, 1 - confidence, seed)
    turned = Pair(pair.truth, pair.champion, pair.challenger)
    high = -_bound(with_worst(turned, metric, sign), metric, sign, 1 - confidence, seed)
    return Interval(gain, min(low, gain), max(high, gain))


def interval(
    truth: Array, predicted: Predictions, metric: str, confidence: float, seed: int
) -> Interval:
    """The value of one model, and the bounds that both hold with the confidence.

    It is compared with what is always right, so that few rows without a mistake are not held for
    perfection.
    """
    sign = -1 if metric in OF_LOSSES else 1
    right = _always_right(truth, predicted, metric)
    shown = compare(Pair(truth, predicted, right), metric, sign, 1 - (1 - confidence) / 2, seed)
    best = score(metric, truth, right)
    ends = sorted(best + sign * min(bound, 0.0) for bound in (shown.low, shown.high))
    return Interval(best + sign * shown.gain, *ends)


def _always_right(truth: Array, predicted: Predictions, metric: str) -> Predictions:
    classes = predicted.classes
    if metric in weighted.OF_NUMBERS:
        return Predictions(truth.astype(float))
    if predicted.probabilities is None or classes is None:
        return Predictions(truth)
    return Predictions(truth, (truth[:, None] == classes).astype(float), classes)


def _bound(pair: Pair, metric: str, sign: int, share: float, seed: int) -> float:
    """The gain that only this share of the draws stays below; NaN if any draw has no value."""
    random, rows = np.random.default_rng(seed), len(pair.truth)
    found: list[Array] = []
    for draws in _portions(DRAWS, max(1, _CELLS // rows)):
        weights = random.standard_exponential((draws, rows))
        found.append(pair.gains(metric, sign, weights))
    gains = np.concatenate(found)
    return float(np.quantile(gains, share)) if not np.isnan(gains).any() else math.nan


def _portions(whole: int, most: int) -> Iterator[int]:
    for start in range(0, whole, most):
        yield min(most, whole - start)


# The row that stands for what was not seen


def with_worst(pair: Pair, metric: str, sign: int) -> Pair:
    """The rows with one more: of those that might come, the worst for the challenger.

    A share, such as accuracy, has a worst row that is known. Of numbers, and of chances in their
    order, it is the worst that was seen, counted once more; where none of them tells the two
    models apart, they too are only as sure as the rows are many.
    """
    if metric in weighted.BY_ROWS_SEEN:
        found, spread = _worst_seen(pair, metric, sign)
        if spread > 0 or metric in weighted.OF_NUMBERS:
            return found
    grown = [_joined(pair, one) for one in _of_classes(pair)]
    gains = [float(one.gains(metric, sign, np.ones((1, len(one.truth))))[0]) for one in grown]
    known = [(gain, place) for place, gain in enumerate(gains) if not math.isnan(gain)]
    return grown[min(known)[1]] if known else pair


def _worst_seen(pair: Pair, metric: str, sign: int) -> tuple[Pair, float]:
    """With the worst of the rows, or of some of very many, and how far they are apart."""
    rows = len(pair.truth)
    places = np.unique(np.linspace(0, rows - 1, _MOST_CANDIDATES).astype(int))
    twice = np.ones((len(places), rows))
    twice[np.arange(len(places)), places] = 2
    gains = pair.gains(metric, sign, twice)
    if np.isnan(gains).any():
        return pair, 0.0
    worst = places[np.argmin(gains)]
    return pair.take(np.append(np.arange(rows), worst)), float(np.ptp(gains))


def _of_classes(pair: Pair) -> Iterator[Pair]:
    """For each class a row that the champion knows and the challenger takes for another.

    Its chances are those that each model gives to such rows in the middle: chances have no worst
    value that is likely, as a yes or no has.
    """
    classes = np.unique(np.concatenate([pair.truth, pair.challenger.values]))
    if len(classes) == 1:
        # All are of one class, and held for it: any other word is wrong.
        classes = np.append(classes, classes + 1 if classes.dtype.kind in "if" else [""])
    for place, value in enumerate(classes):
        if not (pair.truth == value).any():
            continue
        other = classes[place - 1]
        yield Pair(
            np.asarray([value], dtype=pair.truth.dtype),
            _typical(pair.challenger, pair.truth == other, other),
            _typical(pair.champion, pair.truth == value, value),
        )


def _typical(said: Predictions, rows: Array, value: object) -> Predictions:
    chances = said.probabilities
    if chances is not None:
        some = chances[rows] if rows.any() else chances
        chances = np.median(some, axis=0, keepdims=True)
    return Predictions(np.asarray([value]), chances, said.classes)


def _joined(pair: Pair, more: Pair) -> Pair:
    return Pair(
        np.concatenate([pair.truth, more.truth]),
        _longer(pair.challenger, more.challenger),
        _longer(pair.champion, more.champion),
    )


def _longer(one: Predictions, other: Predictions) -> Predictions:
    values = np.concatenate([one.values, other.values])
    if one.probabilities is None or other.probabilities is None:
        return Predictions(values, None, one.classes)
    return Predictions(values, np.vstack([one.probabilities, other.probabilities]), one.classes)
