"""The gate: what a new version must show on rows that nobody has learnt from.

Champion and challenger are scored on the same rows, and `comparison` says how sure their
difference is. The gate fails closed: what has no value, or no answer for a row, passes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leadsman_api.v1alpha1.objective import Direction, Gate, GateRule, Objective
from leadsman_api.v1alpha1.training_run_status import GateCheck, GateStatus
from leadsman_training.comparison import Interval, Pair, compare
from leadsman_training.scores import Array, Predictions, score
from leadsman_training.weighted import OF_ERRORS

DEFAULT_MARGIN = -0.01
"""How much worse a version may be that the spec has no rules for: a hundredth is no harm shown."""
_DEFAULT_ROWS = 4.0
"""Of few rows, so many may be worse: two models that agree on all rows still pass (3 would be
what 95 percent of certainty asks for)."""
_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Judged:
    """The held-out rows, and what both versions say of them."""

    truth: Array
    challenger: Predictions
    champion: Predictions | None
    champion_version: int | None
    columns: Callable[[str], Array]
    """The values of a column of the held-out rows, for rules that look at parts of them."""


def judge(gate: Gate, objective: Objective, judged: Judged, seed: int) -> GateStatus:
    """What each rule says, and whether all were passed."""
    unusable = tuple(_unusable(judged))
    rules = gate.rules or (_default(objective, judged),)
    checks = unusable or tuple(_check(rule, judged, seed) for rule in rules)
    return GateStatus(
        passed=all(check.passed for check in checks),
        champion_version=judged.champion_version,
        rows=len(judged.truth),
        checks=checks,
    )


def _default(objective: Objective, judged: Judged) -> GateRule:
    """Not worse than the champion, as finely as so many rows can show it."""
    share = max(-DEFAULT_MARGIN, _DEFAULT_ROWS / max(1, len(judged.truth)))
    scale = 1.0
    if objective.metric in OF_ERRORS and judged.champion is not None:
        # Errors are in units of the target: a hundredth of what the champion's are.
        value = score(objective.metric, judged.truth, judged.champion)
        scale = 1.0 if math.isnan(value) else abs(value)
    margin = -share * scale
    return GateRule(metric=objective.metric, direction=objective.direction, margin=margin)


# What can't be judged at all


def _unusable(judged: Judged) -> Iterator[GateCheck]:
    """Answers that are missing: the rows that are left would be others for each version."""
    if not len(judged.truth):
        yield GateCheck(metric="rows", passed=False, message="there are no held-out rows", rows=0)
        return
    versions = [("the new version", judged.challenger)]
    if judged.champion is not None:
        versions.append((f"version {judged.champion_version}", judged.champion))
    for name, said in versions:
        complaint = _complaint(name, said, len(judged.truth))
        if complaint is not None:
            yield GateCheck(
                metric="answers", passed=False, message=complaint, rows=len(judged.truth)
            )


def _complaint(name: str, said: Predictions, rows: int) -> str | None:
    if len(said.values) != rows:
        return f"{name} answers {len(said.values)} of {rows} held-out rows: nothing is compared"
    missing = _without_number(said.values)
    if said.probabilities is not None:
        missing |= _without_number(said.probabilities).any(axis=1)
    if missing.any():
        return f"{name} gives no finite number for {int(missing.sum())} of {rows} held-out rows"
    return None


def _without_number(values: Array) -> Array:
    """Which are NaN, endless or None; words are all there."""
    if values.dtype.kind == "f":
        return ~np.isfinite(values)
    if values.dtype.kind == "O":
        found: Array = np.vectorize(lambda one: one is None or one != one)(values)  # noqa: PLR0124 - NaN
        return found
    return np.zeros(values.shape, dtype=bool)


# A rule


def _check(rule: GateRule, judged: Judged, seed: int) -> GateCheck:
    """One rule; of parts of the rows the worst one counts."""
    if rule.slice_by is None:
        return _on(rule, judged, seed, None)
    # As words, since a column of numbers has no row that equals a word.
    column = judged.columns(rule.slice_by).astype(str)
    parts = [
        _on(rule, _part(judged, np.flatnonzero(column == value)), seed, str(value))
        for value in np.unique(column)
    ]
    return min(parts, key=lambda check: (check.passed, _shown(rule, check)))


def _part(judged: Judged, rows: Array) -> Judged:
    champion = judged.champion
    return replace(
        judged,
        truth=judged.truth[rows],
        challenger=judged.challenger.take(rows),
        champion=champion.take(rows) if champion is not None else None,
    )


def _shown(rule: GateRule, check: GateCheck) -> float:
    """How good a part is: by its difference, or where there is no champion by its value."""
    if check.difference is not None:
        return check.difference
    return -math.inf if check.challenger is None else _sign(rule) * check.challenger


def _on(rule: GateRule, judged: Judged, seed: int, part: str | None) -> GateCheck:
    challenger = score(rule.metric, judged.truth, judged.challenger)
    reasons = list(_bounds(rule, challenger))
    found: dict[str, Any] = {
        "challenger": _known(challenger), "rows": len(judged.truth),
        "min": rule.min, "max": rule.max,
    }  # fmt: skip
    if judged.champion is not None and rule.margin is not None:
        champion = score(rule.metric, judged.truth, judged.champion)
        pair = Pair(judged.truth, judged.challenger, judged.champion)
        shown = compare(pair, rule.metric, _sign(rule), rule.confidence, seed)
        found |= {
            "champion": _known(champion), "difference": _known(shown.gain),
            "low": _known(shown.low), "high": _known(shown.high),
            "margin": rule.margin, "confidence": rule.confidence,
        }  # fmt: skip
        reasons.append(_margin(rule, challenger, champion, shown))
    passed = all(good for good, _ in reasons)
    said = [text for good, text in reasons if not good] or [text for _, text in reasons]
    where = f" where {rule.slice_by} is {part}" if part is not None else ""
    return GateCheck(
        metric=rule.metric, passed=passed, slice=part,
        message=f"{'; '.join(said) or 'there is no champion to compare with'}{where}"[:_LONGEST],
        **found,
    )  # fmt: skip


def _bounds(rule: GateRule, value: float) -> Iterator[tuple[bool, str]]:
    """The bounds that hold whatever the champion does."""
    if math.isnan(value):
        yield False, f"{rule.metric} has no value for the new version"
        return
    if rule.min is not None:
        good = value >= rule.min
        word = "at least" if good else "below"
        yield good, f"{rule.metric} {value:.4f} is {word} {rule.min:g}"
    if rule.max is not None:
        good = value <= rule.max
        word = "at most" if good else "above"
        yield good, f"{rule.metric} {value:.4f} is {word} {rule.max:g}"


def _margin(
    rule: GateRule, challenger: float, champion: float, shown: Interval
) -> tuple[bool, str]:
    """Whether the difference is shown to keep the margin; NaN shows nothing."""
    margin = rule.margin or 0.0
    if math.isnan(champion):
        return False, f"{rule.metric} has no value for the champion"
    if math.isnan(shown.low):
        return False, f"{rule.metric} gives no interval of the difference on these rows"
    sure = f"{100 * rule.confidence:g} percent sure"
    text = (
        f"{rule.metric} {challenger:.4f} against {champion:.4f} of the champion:"
        f" {sure} to be better by {shown.low:+.4f} or more, {margin:+.4g} is asked for"
    )
    return shown.low >= margin, text


def _sign(rule: GateRule) -> int:
    return 1 if rule.direction is Direction.MAXIMIZE else -1


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def check_most(metric: str, value: float | None, most: float, unit: str) -> GateCheck:
    """Whether something measured is not above its bound; what was not measured passes nothing."""
    if value is None or not math.isfinite(value):
        return GateCheck(
            metric=metric, passed=False, max=most, message=f"the {metric} could not be measured"
        )
    passed = value <= most
    word = "at most" if passed else "above"
    message = f"{metric} {value:.6g} {unit} is {word} {most:.6g} {unit}"
    return GateCheck(metric=metric, passed=passed, challenger=value, max=most, message=message)


def with_check(status: GateStatus, check: GateCheck) -> GateStatus:
    """The verdict with one more check."""
    return status.model_copy(
        update={"checks": (*status.checks, check), "passed": status.passed and check.passed}
    )
