"""A first rule: shares of bad answers against a limit, with the doubt of small numbers.

Pure and replaceable: `weigh` hands it totals and takes a verdict for each condition.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from leadsman_api.labels import Arm
from leadsman_api.v1alpha1.evidence import ConditionEvidence, Verdict
from leadsman_api.v1alpha1.health import ErrorRate, Latency, PromQL
from leadsman_operator.facts import Unknown
from leadsman_operator.planner.judge.counting import Counted
from leadsman_operator.planner.judge.proportions import wilson_bounds

ENOUGH = 50
"""Requests of the candidate before it is called good."""
FEWEST_BAD = 5
"""Bad requests of the candidate before it is called bad: one alone is an accident."""
NEVER_ZERO = 0.005
"""A stable revision without errors still allows this share: one error is no rollback."""
DEFAULT_QUANTILE = 0.99

_ANSWERED = ("2xx", "4xx", "5xx")
_TIMED = "le=+Inf"


@dataclass(frozen=True, slots=True)
class Share:
    """Bad requests of all requests."""

    bad: float
    total: float


def judge_errors(condition: ErrorRate, counted: Counted) -> ConditionEvidence:
    """The share of answers that failed: 5xx, for a 4xx is the client's."""
    stable, candidate = (_errors(counted, arm) for arm in (Arm.STABLE, Arm.CANDIDATE))
    limits = []
    if condition.max is not None:
        limits.append(condition.max)
    if condition.ratio is not None and stable.total >= ENOUGH:
        limits.append(max(condition.ratio * wilson_bounds(stable.bad, stable.total)[1], NEVER_ZERO))
    return _evidence(condition.name, stable, candidate, min(limits, default=None))


def judge_latency(condition: Latency, counted: Counted) -> ConditionEvidence:
    """The share of answers slower than a bucket's bound: exact, without interpolation."""
    allowed = 1 - (condition.quantile or DEFAULT_QUANTILE)
    bounds = []
    if condition.max_latency is not None:
        bounds.append(_bound_above(counted, condition.max_latency.total_seconds()))
    if condition.ratio is not None and counted.total(Arm.STABLE, _TIMED) >= ENOUGH:
        usual = _quantile_bound(counted, Arm.STABLE, 1 - allowed)
        bounds.append(_bound_above(counted, condition.ratio * usual))
    bound = min(bounds, default=None)
    if bound is None:
        empty = Share(0, counted.total(Arm.STABLE, _TIMED))
        return _evidence(
            condition.name, empty, Share(0, counted.total(Arm.CANDIDATE, _TIMED)), None
        )
    slow = {arm: _slower(counted, arm, bound) for arm in (Arm.STABLE, Arm.CANDIDATE)}
    return _evidence(condition.name, slow[Arm.STABLE], slow[Arm.CANDIDATE], allowed)


def judge_query(
    condition: PromQL,
    value: float | Unknown,
    before: ConditionEvidence | None,
    now: datetime,
) -> ConditionEvidence:
    """A number of the user's own, bad once it has been outside its bounds for long enough."""
    if isinstance(value, Unknown):
        return ConditionEvidence(name=condition.name, verdict=Verdict.BLIND)
    low = condition.min if condition.min is not None else -inf
    high = condition.max if condition.max is not None else inf
    if low <= value <= high:
        return ConditionEvidence(name=condition.name, verdict=Verdict.GOOD, value=value)
    since = (before.outside_since if before else None) or now
    too_long = now - since >= (condition.for_ or timedelta(0))
    return ConditionEvidence(
        name=condition.name,
        verdict=Verdict.BAD if too_long else Verdict.UNDECIDED,
        value=value,
        outside_since=since,
    )


def _evidence(name: str, stable: Share, candidate: Share, limit: float | None) -> ConditionEvidence:
    """Compare the candidate's share with the highest one that is allowed."""
    ratio = None
    if stable.bad and stable.total and candidate.total:
        ratio = (candidate.bad / candidate.total) / (stable.bad / stable.total)
    return ConditionEvidence(
        name=name,
        verdict=_verdict(candidate, limit),
        stable_total=round(stable.total),
        stable_bad=round(stable.bad),
        candidate_total=round(candidate.total),
        candidate_bad=round(candidate.bad),
        ratio=ratio,
    )


def _verdict(candidate: Share, limit: float | None) -> Verdict:
    if candidate.total <= 0:
        return Verdict.BLIND
    if limit is None:
        return Verdict.UNDECIDED
    shown = wilson_bounds(candidate.bad, candidate.total)[0] > limit
    if shown and candidate.bad >= FEWEST_BAD:
        return Verdict.BAD
    enough = candidate.total >= ENOUGH
    return (
        Verdict.GOOD if enough and candidate.bad / candidate.total <= limit else Verdict.UNDECIDED
    )


def _errors(counted: Counted, arm: Arm) -> Share:
    return Share(
        bad=counted.total(arm, "5xx"),
        total=sum(counted.total(arm, status) for status in _ANSWERED),
    )


def _slower(counted: Counted, arm: Arm, bound: float) -> Share:
    total = counted.total(arm, _TIMED)
    return Share(bad=total - _within(counted, arm, bound), total=total)


def _within(counted: Counted, arm: Arm, bound: float) -> float:
    """Answers within a bucket's bound, in seconds."""
    for name, value in counted.totals.get(arm, {}).items():
        if name.startswith("le=") and float(name[3:]) == bound:
            return value
    return 0.0


def _bounds(counted: Counted) -> list[float]:
    """The bounds of all buckets, in seconds, the smallest first."""
    names = {name for counters in counted.totals.values() for name in counters}
    return sorted(float(name[3:]) for name in names if name.startswith("le="))


def _bound_above(counted: Counted, seconds: float) -> float:
    """The smallest bucket's bound that is not below; a limit between two is read generously."""
    return next((bound for bound in _bounds(counted) if bound >= seconds), inf)


def _quantile_bound(counted: Counted, arm: Arm, quantile: float) -> float:
    """The smallest bucket's bound that so large a share of the answers keeps."""
    needed = quantile * counted.total(arm, _TIMED)
    return next(
        (bound for bound in _bounds(counted) if _within(counted, arm, bound) >= needed), inf
    )
