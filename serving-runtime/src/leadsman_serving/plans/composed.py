"""Plans made of plans: votes, stacks, calibrated classifiers and others that ask several models.

Each part is a plan of its own, in a folder of its own; what is made of their answers is here.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from leadsman_serving.flavors import Predictor
from leadsman_serving.plans.linear import PROBABILITIES
from leadsman_serving.plans.links import logistic
from leadsman_serving.plans.stored import load_plan
from leadsman_serving.table import Array, Table

FILE = "composed.npz"
SHARES, VOTES, MEAN, BESIDE, EACH, PAIRS = "shares", "votes", "mean", "beside", "each", "pairs"
CALIBRATED, CUT, BACK, BOOSTS = "calibrated", "cut", "back", "boosts"
"""What is made of the answers of the parts."""
_ENGINES = ("numpy", "lightgbm", "xgboost")
Answers: TypeAlias = Sequence[Array]


class ComposedPlan:
    """Asks its parts, and makes one answer of theirs."""

    def __init__(
        self,
        parts: Sequence[Predictor],
        last: Predictor | None,
        arrays: Mapping[str, Array],
        settings: Mapping[str, Any],
    ) -> None:
        """`last` is the model at the end of a stack, which takes the parts' answers."""
        self._parts, self._last = parts, last
        self._arrays, self._settings = arrays, settings
        classes = settings["classes"]
        self._classes = None if classes is None else np.array(classes)
        self._serves_shares = settings["function"] == PROBABILITIES

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method of the original gives."""
        del params
        return self._served(self._asked(table), table)

    def probabilities(self, table: Table) -> Array | None:
        """The probability of each class; None for a model without any."""
        return self._shares(self._asked(table), table) if self._settings["has_shares"] else None

    def row(self, values: Sequence[Any]) -> object:
        """What `predict` gives for one row, as JSON has it; for one thread at a time."""
        answers = [np.asarray([_of_row(part, values)]) for part in self._parts]
        table = Table(matrix=np.array([values])) if self._settings.get("passes_on") else Table()
        found: Any = self._served(answers, table)
        return found.tolist()[0]

    def _asked(self, table: Table) -> list[Array]:
        return [np.asarray(part.predict(table)) for part in self._parts]

    def _served(self, answers: Answers, table: Table) -> object:
        if self._serves_shares:
            return self._shares(answers, table)
        if self._last is not None:
            found: Any = self._last.predict(self._stacked(answers, table))
            return found if self._classes is None else self._classes[found]
        how = self._settings["how"]
        if how in _NUMBERS:
            return _NUMBERS[how](answers, self._arrays, self._settings)
        places = _PLACES[how](answers, self._arrays, self._settings)
        return places if self._classes is None else self._classes[places]

    def _shares(self, answers: Answers, table: Table) -> Array | None:
        if self._last is not None:
            return self._last.probabilities(self._stacked(answers, table))
        return _SHARES[self._settings["how"]](answers, self._arrays, self._settings)

    def _stacked(self, answers: Answers, table: Table) -> Table:
        """One row of numbers for the last model; of two classes, the second's share is enough."""
        columns = [
            one[:, 1:] if skips else one.reshape(len(one), -1)
            for one, skips in zip(answers, self._settings["skips_first"], strict=True)
        ]
        more = [table.array().astype(np.float64)] if self._settings.get("passes_on") else []
        return Table(matrix=np.hstack([*columns, *more]).astype(np.float64, copy=False))


def _of_row(part: Any, values: Sequence[Any]) -> object:  # noqa: ANN401 - a plan
    own = getattr(part, "row", None)
    if own is not None:
        return own(values)
    return part.predict(Table(matrix=np.array([values], np.float64)))[0]


_Arrays: TypeAlias = Mapping[str, Array]
_Settings: TypeAlias = Mapping[str, Any]


def _mean(answers: Answers, arrays: _Arrays, _settings: _Settings) -> Array:
    """The mean of the parts' numbers, weighted where weights are given."""
    return np.asarray(np.average(np.array(answers), axis=0, weights=arrays.get("weights")))


def _beside(answers: Answers, _arrays: _Arrays, _settings: _Settings) -> Array:
    """One column for each part."""
    return np.asarray(answers).T


def _back(answers: Answers, arrays: _Arrays, settings: _Settings) -> Array:
    """From the scale on which the model was trained to that of its target."""
    found = answers[0].astype(np.float64)
    for place, name in enumerate(settings["steps"]):
        found = STEPS[name](found, *([arrays[f"s{place}"]] if f"s{place}" in arrays else []))
    return np.asarray(found)


STEPS: dict[str, Callable[..., Array]] = {
    "multiply": np.multiply, "add": np.add, "subtract": np.subtract, "divide": np.divide,
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "square": np.square,
    "sqrt": np.sqrt, "exp2": np.exp2, "reciprocal": np.reciprocal, "sinh": np.sinh,
    "arcsinh": np.arcsinh, "log2": np.log2, "log10": np.log10, "cbrt": np.cbrt, "tanh": np.tanh,
    "arctanh": np.arctanh,
}  # fmt: skip


def _largest(answers: Answers, arrays: _Arrays, settings: _Settings) -> Array:
    """The place of the class with the largest share."""
    return np.asarray(_SHARES[settings["how"]](answers, arrays, settings).argmax(axis=1))


def _votes(answers: Answers, arrays: _Arrays, settings: _Settings) -> Array:
    """The class with the most votes, weighted; the first of those with as many."""
    votes = np.asarray(answers).T
    counts = np.zeros((len(votes), len(settings["classes"])))
    weights = arrays.get("weights", np.ones(len(answers)))
    for voter, weight in enumerate(weights):
        counts[np.arange(len(votes)), votes[:, voter]] += weight
    return np.asarray(counts.argmax(axis=1))


def _each_scores(answers: Answers, _arrays: _Arrays, settings: _Settings) -> Array:
    """For each class the score of the part that tells it from the rest."""
    if len(answers) == 1:
        return np.asarray(_positive(answers[0]) > settings["threshold"], np.intp)
    return np.asarray(np.array([_positive(one) for one in answers]).argmax(axis=0))


def _each_shares(answers: Answers, _arrays: _Arrays, settings: _Settings) -> Array:
    """Each class's share by itself, and made to add up to one."""
    given = [_positive(one) for one in answers]
    if settings["threshold"] == 0.0:
        given = [logistic(one) for one in given]
    shares = np.array(given).T
    if len(answers) == 1:
        shares = np.concatenate((1.0 - shares, shares), axis=1)
    sums = shares.sum(axis=1)[:, np.newaxis]
    return np.asarray(np.divide(shares, sums, out=np.array(shares), where=sums != 0))


def _positive(answer: Array) -> Array:
    return answer[:, 1] if answer.ndim > 1 else answer


def _pairs(answers: Answers, _arrays: _Arrays, settings: _Settings) -> Array:
    """Votes of all pairs of classes; sums of scores break ties.

    https://scikit-learn.org/stable/modules/generated/sklearn.multiclass.OneVsOneClassifier.html
    """
    scores = [_positive(one) for one in answers]
    if len(scores) == 1:
        return np.asarray(scores[0] > settings["threshold"], np.intp)
    count = len(settings["classes"])
    votes, sums = np.zeros((2, len(scores[0]), count))
    pairs = [(one, other) for one in range(count) for other in range(one + 1, count)]
    for (one, other), score in zip(pairs, scores, strict=True):
        sums[:, one] -= score
        sums[:, other] += score
        won = score > settings["threshold"]
        votes[:, other] += won
        votes[:, one] += ~won
    return np.asarray((votes + sums / (3 * (np.abs(sums) + 1))).argmax(axis=1))


def _calibrated(answers: Answers, arrays: _Arrays, settings: _Settings) -> Array:
    """The mean of the parts' shares, each after its calibrators."""
    count = len(settings["classes"])
    total = np.zeros((len(answers[0]), count))
    for part, answer in enumerate(answers):
        columns = _positive(answer)[:, np.newaxis] if count == 2 else answer  # noqa: PLR2004 - two
        shares = np.zeros_like(total)
        for place, column in enumerate(columns.T):
            at = 1 if count == 2 else place  # noqa: PLR2004 - two
            shares[:, at] = _curve(column, arrays, f"{part}_{place}")
        total += _adding_up(shares)
    return np.asarray(total / len(answers))


def _curve(scores: Array, arrays: _Arrays, name: str) -> Array:
    """A sigmoid of two numbers, or a line through points."""
    if f"sigmoid_{name}" in arrays:
        slope, shift = arrays[f"sigmoid_{name}"]
        return logistic(-(slope * scores + shift))
    # What lies beyond the points is as at the nearest.
    return np.asarray(np.interp(scores, arrays[f"x_{name}"], arrays[f"y_{name}"]))


def _adding_up(shares: Array) -> Array:
    if shares.shape[1] == 2:  # noqa: PLR2004 - two classes
        shares[:, 0] = 1.0 - shares[:, 1]
    else:
        sums = shares.sum(axis=1)[:, np.newaxis]
        even = np.full_like(shares, 1 / shares.shape[1])
        shares = np.divide(shares, sums, out=even, where=sums != 0)
    shares[(shares > 1.0) & (shares <= 1.0 + 1e-5)] = 1.0
    return shares


def _cut(answers: Answers, _arrays: _Arrays, settings: _Settings) -> Array:
    """Two classes, told apart at a threshold of the scores."""
    scores, positive = answers[0], settings["positive"]
    chosen = scores[:, positive] if scores.ndim > 1 else scores
    if scores.ndim == 1 and positive == 0:
        chosen = -chosen
    above = chosen >= settings["threshold"]
    return np.asarray(np.where(above, positive, 1 - positive))


def _boosts(answers: Answers, arrays: _Arrays, settings: _Settings) -> Array:
    """For each class the weights of the parts that name it, less a part of all others.

    https://scikit-learn.org/stable/modules/ensemble.html#adaboost
    """
    classes, weights = np.array(settings["classes"]), arrays["weights"][:, np.newaxis, np.newaxis]
    is_named = np.asarray(answers)[:, :, np.newaxis] == classes
    scores = np.where(is_named, weights, -1 / (len(classes) - 1) * weights).sum(axis=0)
    scores /= arrays["weights"].sum()
    if len(classes) > 2:  # noqa: PLR2004 - two
        return np.asarray(scores)
    score = scores[:, 1] - scores[:, 0]
    return np.vstack([-score, score]).T


def _boosts_place(answers: Answers, arrays: _Arrays, settings: _Settings) -> Array:
    return np.asarray(_boosts(answers, arrays, settings).argmax(axis=1))


def _boosts_shares(answers: Answers, arrays: _Arrays, settings: _Settings) -> Array:
    scores = _boosts(answers, arrays, settings) / max(2, len(settings["classes"]) - 1)
    shares = np.exp(scores - scores.max(axis=1)[:, np.newaxis])
    return np.asarray(shares / shares.sum(axis=1)[:, np.newaxis])


def _first(answers: Answers, _arrays: _Arrays, _settings: _Settings) -> Array:
    return answers[0]


_NUMBERS = {MEAN: _mean, BESIDE: _beside, BACK: _back}
_PLACES = {
    SHARES: _largest, CALIBRATED: _largest, VOTES: _votes, EACH: _each_scores, PAIRS: _pairs,
    CUT: _cut, BOOSTS: _boosts_place,
}  # fmt: skip
_SHARES = {
    SHARES: _mean,
    CALIBRATED: _calibrated,
    EACH: _each_shares,
    CUT: _first,
    BOOSTS: _boosts_shares,
}


def library() -> str:
    """Names and versions of all engines that parts may have, for any of them may answer."""
    found = []
    for engine in _ENGINES:
        try:
            found.append(f"{engine} {importlib.metadata.version(engine)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def save(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write the arrays."""
    np.savez(folder / FILE, allow_pickle=False, **arrays)


def load(folder: Path, settings: Mapping[str, Any]) -> ComposedPlan:
    """A plan from its files and those of its parts."""
    parts = [
        load_plan(folder / str(place), part["backend"], part["settings"])
        for place, part in enumerate(settings["parts"])
    ]
    last = parts.pop() if settings["ends_with_last"] else None
    with np.load(folder / FILE, allow_pickle=False) as arrays:
        return ComposedPlan(parts, last, dict(arrays), settings)
