"""How good a model is on the held-out rows, as numbers: what the page shows, and more."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState
from sklearn.calibration import calibration_curve
from sklearn.inspection import permutation_importance
from sklearn.metrics import confusion_matrix

from leadsman_training.candidate import predict
from leadsman_training.comparison import OF_LOSSES, interval
from leadsman_training.data import Split
from leadsman_training.scores import Array, Predictions, score, usual
from leadsman_training.study import sign_of

CONFIDENCE = 0.95
_MOST_ROWS = 20_000
"""Of more held-out rows some are drawn: so many tell all that a picture can show."""
_SHUFFLED_ROWS, _SHUFFLES, _MOST_COLUMNS = 2_000, 5, 200
_MOST_PARTS, _LEAST_ROWS, _MOST_SLICED = 12, 20, 5
_BINS = 10
_TWO = 2


@dataclass(frozen=True, slots=True)
class Value:
    """A metric with its interval; None where it has no value."""

    metric: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Slice:
    """The objective's metric on the rows with one value of a column."""

    column: str
    value: str
    rows: int
    of: Value


@dataclass(frozen=True, slots=True)
class Importance:
    """How much something counts: a column of the data, or a parameter of the search."""

    name: str
    value: float
    spread: float = 0.0
    """Standard deviation over the shuffles of a column."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows with about the same chance, and how many of them were what was foretold."""

    chance: float
    share: float


@dataclass(frozen=True, slots=True)
class Classes:
    """What classes were taken for which, and whether their chances can be believed."""

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """A row for each true class, a column for each that was predicted."""
    calibration: tuple[Bin, ...]
    foretold: str
    """What the chances of the bins are about."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """True and predicted numbers, row by row."""

    truth: tuple[float, ...]
    predicted: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All of it."""

    metric: str
    rows: int
    held_out: int
    metrics: tuple[Value, ...]
    classes: Classes | None
    numbers: Numbers | None
    slices: tuple[Slice, ...]
    features: tuple[Importance, ...]
    """By how much the metric gets worse when a column is shuffled, the largest first."""
    parameters: tuple[Importance, ...]
    """Share of a parameter in how good a trial was, the largest first."""


def evaluate(
    model: Any,  # noqa: ANN401 - any estimator
    split: Split,
    metric: str,
    study: optuna.Study,
    columns: tuple[str, ...],
    seed: int,
) -> Evaluation:
    """Look at a model from all sides; `columns` are those that the gate looks at in parts."""
    some = _drawn(split, seed)
    truth, said = some.test_y.to_numpy(), predict(model, some.test_x)
    names = sorted({metric, *usual(classification=split.classification)})
    return Evaluation(
        metric=metric,
        rows=len(truth),
        held_out=len(split.test_y),
        metrics=tuple(_value(name, truth, said, seed) for name in names),
        classes=_classes(truth, said) if split.classification else None,
        numbers=None if split.classification else _numbers(truth, said),
        slices=tuple(_slices(some.test_x, truth, said, metric, columns, seed)),
        features=_features(model, some, metric, seed),
        parameters=_parameters(study),
    )


def _drawn(split: Split, seed: int) -> Split:
    """The held-out rows, or some of very many."""
    if len(split.test_y) <= _MOST_ROWS:
        return split
    places = np.random.default_rng(seed).choice(len(split.test_y), _MOST_ROWS, replace=False)
    return replace(split, test_x=split.test_x.iloc[places], test_y=split.test_y.iloc[places])


def _value(metric: str, truth: Array, said: Predictions, seed: int) -> Value:
    shown = interval(truth, said, metric, CONFIDENCE, seed)
    return Value(metric, _known(shown.gain), _known(shown.low), _known(shown.high))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


# Classes and numbers


def _classes(truth: Array, said: Predictions) -> Classes:
    names = np.unique(np.concatenate([truth, said.values]))  # noqa: PD011 - no table
    counts = confusion_matrix(truth, said.values, labels=names)
    foretold, chances, came_true = _foretold(truth, said)
    bins: tuple[Bin, ...] = ()
    if chances is not None:
        shares, means = calibration_curve(came_true, chances, n_bins=_BINS, strategy="quantile")
        pairs = zip(means.tolist(), shares.tolist(), strict=True)
        bins = tuple(Bin(chance, share) for chance, share in pairs)
    return Classes(
        tuple(str(name) for name in names),
        tuple(tuple(int(count) for count in row) for row in counts),
        bins,
        foretold,
    )


def _foretold(truth: Array, said: Predictions) -> tuple[str, Array | None, Array]:
    """Of two classes the chance of the second; of several that of the one that is predicted."""
    chances, classes = said.probabilities, said.classes
    if chances is None or classes is None:
        return "", None, truth
    if len(classes) == _TWO:
        return str(classes[1]), chances[:, 1], truth == classes[1]
    return "the predicted class", chances.max(axis=1), truth == classes[chances.argmax(axis=1)]


def _numbers(truth: Array, said: Predictions) -> Numbers:
    predicted = said.values.astype(float)  # noqa: PD011 - no table
    return Numbers(tuple(truth.astype(float).tolist()), tuple(predicted.tolist()))


# Parts of the rows


def _slices(
    features: pd.DataFrame,
    truth: Array,
    said: Predictions,
    metric: str,
    columns: tuple[str, ...],
    seed: int,
) -> Iterator[Slice]:
    for name in dict.fromkeys((*columns, *_of_few_words(features))):
        values = features[name].astype(str).to_numpy()
        parts, counts = np.unique(values, return_counts=True)
        for part in parts[np.argsort(-counts)][:_MOST_PARTS]:
            rows = np.flatnonzero(values == part)
            if len(rows) >= _LEAST_ROWS:
                of = _value(metric, truth[rows], said.take(rows), seed)
                yield Slice(str(name), str(part), len(rows), of)


def _of_few_words(features: pd.DataFrame) -> list[str]:
    """Columns of words or truths with few values."""
    words = features.select_dtypes(exclude=["number"])
    few = [str(name) for name, values in words.items() if 1 < values.nunique() <= _MOST_PARTS]
    return few[:_MOST_SLICED]


# What counts


def _features(
    model: Any,  # noqa: ANN401 - any estimator
    split: Split,
    metric: str,
    seed: int,
) -> tuple[Importance, ...]:
    """Permutation importance (L. Breiman, 2001, "Random forests"); none for very many columns."""
    if len(split.test_x.columns) > _MOST_COLUMNS:
        return ()
    sign = -1 if metric in OF_LOSSES else 1

    def good(model: Any, features: pd.DataFrame, target: pd.Series) -> float:  # noqa: ANN401 - any estimator
        return sign * score(metric, target.to_numpy(), predict(model, features))

    rows = min(_SHUFFLED_ROWS, len(split.test_y))
    found = permutation_importance(
        model, split.test_x.iloc[:rows], split.test_y.iloc[:rows],
        scoring=good, n_repeats=_SHUFFLES, random_state=seed,
    )  # fmt: skip
    means = zip(split.test_x.columns, found.importances_mean, found.importances_std, strict=True)
    return _ordered(Importance(str(name), float(mean), float(std)) for name, mean, std in means)


def _parameters(study: optuna.Study) -> tuple[Importance, ...]:
    """PED-ANOVA (S. Watanabe et al., 2023, https://doi.org/10.24963/ijcai.2023/488).

    Of parameters that all trials have: others say nothing of the trials without them.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    values = [trial.values[0] for trial in complete]  # noqa: PD011 - no table
    if len(set(values)) < _TWO:
        return ()
    # Of several objectives the first, turned so that less is better: it is told by a warning.
    several = len(study.directions) > 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = get_param_importances(
            study,
            evaluator=PedAnovaImportanceEvaluator(),
            target=(lambda trial: -sign_of(study) * trial.values[0]) if several else None,  # noqa: PD011 - no table
        )
    return _ordered(Importance(name, float(value)) for name, value in found.items())


def _ordered(found: Iterator[Importance]) -> tuple[Importance, ...]:
    known = [one for one in found if math.isfinite(one.value)]
    return tuple(sorted(known, key=lambda one: -one.value))
