"""The gate: what a new version must show on rows that nobody has learnt from.

Champion and challenger are scored on the same rows. Their difference is known as well as the
paired bootstrap says (B. Efron, 1979, "Bootstrap methods: another look at the jackknife"): rows
are drawn again and again, and both are scored on the same draw. What has no value passes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadsman_api.v1alpha1.objective import Direction, Gate, GateRule, Objective
from leadsman_api.v1alpha1.training_run_status import GateCheck, GateStatus
from leadsman_training.scores import Array, Predictions, score

DRAWS = 1000
DEFAULT_MARGIN = -0.01
"""How much worse a version may be that the spec has no rules for: a hundredth is no harm shown."""


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
    rules = gate.rules or (
        GateRule(metric=objective.metric, direction=objective.direction, margin=DEFAULT_MARGIN),
    )
    checks = tuple(_check(rule, judged, seed) for rule in rules)
    return GateStatus(
        passed=all(check.passed for check in checks),
        champion_version=judged.champion_version,
        rows=len(judged.truth),
        checks=checks,
    )


def _check(rule: GateRule, judged: Judged, seed: int) -> GateCheck:
    """One rule; of parts of the rows the worst one counts."""
    if rule.slice_by is None:
        return _on(rule, judged, np.arange(len(judged.truth)), seed, None)
    # As words, since a column of numbers has no row that equals a word.
    column = judged.columns(rule.slice_by).astype(str)
    parts = [
        _on(rule, judged, np.flatnonzero(column == value), seed, str(value))
        for value in np.unique(column)
    ]
    return min(parts, key=lambda check: (check.passed, _shown(rule, check)))


def _shown(rule: GateRule, check: GateCheck) -> float:
    """How good a part is: by its difference, or where there is no champion by its value."""
    if check.difference is not None:
        return check.difference
    return -math.inf if check.challenger is None else _gain(rule, check.challenger, 0.0)


def _on(rule: GateRule, judged: Judged, rows: Array, seed: int, part: str | None) -> GateCheck:
    truth = judged.truth[rows]
    challenger = score(rule.metric, truth, judged.challenger.take(rows))
    reasons = _bounds(rule, challenger)
    found: dict[str, Any] = {"challenger": _known(challenger)}
    if judged.champion is not None and rule.margin is not None:
        champion = score(rule.metric, truth, judged.champion.take(rows))
        low, high = _interval(rule, judged, rows, seed)
        difference = _gain(rule, challenger, champion)
        found |= {
            "champion": _known(champion),
            "difference": _known(difference),
            "low": _known(low),
            "high": _known(high),
        }
        reasons.append(_margin(rule, challenger, champion, low))
    passed = all(good for good, _ in reasons)
    said = [text for good, text in reasons if not good] or [text for _, text in reasons]
    where = f" where {rule.slice_by} is {part}" if part is not None else ""
    return GateCheck(
        metric=rule.metric, passed=passed, slice=part,
        message=f"{'; '.join(said) or 'there is no champion to compare with'}{where}"[:1024],
        **found,
    )  # fmt: skip


def _bounds(rule: GateRule, value: float) -> list[tuple[bool, str]]:
    """The bounds that hold whatever the champion does."""
    if math.isnan(value):
        return [(False, f"{rule.metric} has no value for the new version")]
    found = []
    if rule.min is not None:
        good = value >= rule.min
        word = "at least" if good else "below"
        found.append((good, f"{rule.metric} {value:.4f} is {word} {rule.min:g}"))
    if rule.max is not None:
        good = value <= rule.max
        word = "at most" if good else "above"
        found.append((good, f"{rule.metric} {value:.4f} is {word} {rule.max:g}"))
    return found


def _margin(rule: GateRule, challenger: float, champion: float, low: float) -> tuple[bool, str]:
    """Whether the difference is shown to keep the margin; NaN shows nothing."""
    margin = rule.margin or 0.0
    good = low >= margin
    sure = f"{100 * rule.confidence:g} percent sure"
    text = (
        f"{rule.metric} {challenger:.4f} against {champion:.4f} of the champion:"
        f" {sure} to be better by {low:+.4f} or more, {margin:+g} is asked for"
    )
    return good, text


def _gain(rule: GateRule, challenger: float, champion: float) -> float:
    """How much better the challenger is, whichever way is better."""
    difference = challenger - champion
    return difference if rule.direction is Direction.MAXIMIZE else -difference


def _interval(rule: GateRule, judged: Judged, rows: Array, seed: int) -> tuple[float, float]:
    """Bounds of the gain, each kept with the rule's confidence; NaN where it can't be drawn."""
    if judged.champion is None or not len(rows):
        return math.nan, math.nan
    random = np.random.default_rng(seed)
    gains = [
        _gain_of(rule, judged, judged.champion, rows[random.integers(0, len(rows), len(rows))])
        for _ in range(DRAWS)
    ]
    known = [gain for gain in gains if not math.isnan(gain)]
    if len(known) < DRAWS / 2:
        return math.nan, math.nan
    low, high = np.quantile(known, [1 - rule.confidence, rule.confidence])
    return float(low), float(high)


def _gain_of(rule: GateRule, judged: Judged, champion: Predictions, rows: Array) -> float:
    truth = judged.truth[rows]
    return _gain(
        rule,
        score(rule.metric, truth, judged.challenger.take(rows)),
        score(rule.metric, truth, champion.take(rows)),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def check_columns(known: set[str] | None, asked: Sequence[str]) -> GateCheck:
    """Whether the new version asks for nothing that clients of the champion don't send.

    `known` are the champion's columns; None when it was logged without a signature.
    """
    new = [name for name in asked if known is not None and name not in known]
    message = "the new version asks for the columns that the champion asks for"
    if known is None:
        message = "the champion has no signature to compare with"
    if new:
        message = f"clients of the champion do not send {', '.join(new[:5])}"
    return GateCheck(metric="signature", passed=not new, message=message)


def with_check(status: GateStatus, check: GateCheck) -> GateStatus:
    """The verdict with one more check."""
    return status.model_copy(
        update={"checks": (*status.checks, check), "passed": status.passed and check.passed}
    )
