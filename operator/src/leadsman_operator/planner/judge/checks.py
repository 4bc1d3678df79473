"""Threshold rules as Argo Rollouts and Flagger have them, for people who come from there.

At the end of each interval a condition is checked on the requests of that interval alone.
Argo Rollouts counts the failed measurements of each metric and ends when there are more than
its limit (analysis/analysis.go); Flagger counts the intervals in which any check failed and
ends at its threshold (pkg/controller/scheduler.go). Neither counter is ever reset in a rollout.
Unlike there, an interval without a request of the candidate is no check at all, nor is a ratio
to what was never counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from leadsman_api.v1alpha1.evidence import (
    ConditionEvidence,
    Evidence,
    Memory,
    Series,
    Verdict,
)
from leadsman_api.v1alpha1.health import HealthCondition, Judge, JudgeRule, PromQL

DEFAULT_INTERVAL = timedelta(minutes=1)
DEFAULT_FAILURES = 3


def interval_of(judge: Judge) -> timedelta:
    """Time between two checks."""
    return judge.interval or DEFAULT_INTERVAL


def failures_of(judge: Judge) -> int:
    """Failed checks that the spec bears, as the rule counts them."""
    return DEFAULT_FAILURES if judge.failures is None else judge.failures


def checked(
    conditions: Sequence[HealthCondition],
    memory: Memory,
    judge: Judge,
    evidence: Evidence | None,
    queries: Mapping[str, ConditionEvidence],
) -> tuple[ConditionEvidence, ...]:
    """Check every condition if its interval is over; `evidence` has the checks so far."""
    before = {one.name: one for one in evidence.conditions} if evidence else {}
    over = _is_over(memory, evidence.memory if evidence else None, interval_of(judge))
    found = {
        one.name: _checked(one.name, memory, before.get(one.name), over=over)
        for one in conditions
        if not isinstance(one, PromQL)
    }
    if judge.rule is JudgeRule.FLAGGER:
        found = _one_at_a_time(found, before)
    borne = failures_of(judge)
    verdicts = _argo(found, borne) if judge.rule is JudgeRule.ARGO else _flagger(found, borne)
    told = {
        name: one.model_copy(update={"verdict": verdicts.get(name, one.verdict)})
        for name, one in found.items()
    }
    return tuple(told.get(one.name) or queries[one.name] for one in conditions)


def _is_over(memory: Memory, before: Memory | None, interval: timedelta) -> bool:
    """Whether an interval ends with this look: one that brought nothing new ends none."""
    has_news = before is None or memory.counted_at != before.counted_at
    return has_news and memory.recent_seconds >= interval.total_seconds()


def _checked(
    name: str, memory: Memory, before: ConditionEvidence | None, *, over: bool
) -> ConditionEvidence:
    """A condition with its numbers, and one more check when the interval is over."""
    series = [one for one in memory.series if one.condition == name]
    passed = (before.passed_checks if before else None) or 0
    failed = (before.failed_checks if before else None) or 0
    verdict = before.verdict if before else Verdict.BLIND
    counted = any(one.whole.candidate_total for one in series)
    if verdict is Verdict.BLIND and counted:
        verdict = Verdict.UNDECIDED
    measured = [one for one in series if _is_measured(one)]
    if over and measured:
        broken = any(map(_is_broken, measured))
        passed, failed = passed + (not broken), failed + broken
        verdict = Verdict.UNDECIDED if broken else Verdict.GOOD
    whole = series[0].whole if series else None
    stable = whole if series and not series[0].copies else None
    return ConditionEvidence(
        name=name,
        verdict=verdict,
        stable_total=stable.stable_total if stable else None,
        stable_bad=stable.stable_bad if stable else None,
        candidate_total=whole.candidate_total if whole else None,
        candidate_bad=whole.candidate_bad if whole else None,
        passed_checks=passed,
        failed_checks=failed,
    )


def _is_broken(series: Series) -> bool:
    """Whether the requests of the interval break the limit."""
    recent = series.recent
    share = recent.candidate_bad / max(1, recent.candidate_total)
    if series.share is not None:
        return share > series.share
    bad, total = _yardstick(series)
    return share > (series.ratio or 1.0) * bad / max(1, total)


def _yardstick(series: Series) -> tuple[float, float]:
    """Requests of the stable revision that a ratio is held against: bad ones, and all.

    In a bake it gets none: then what it did before is the measure.
    """
    recent, whole = series.recent, series.whole
    if recent.stable_total:
        return recent.stable_bad, recent.stable_total
    return series.past_bad + whole.stable_bad, series.past_total + whole.stable_total


def _is_measured(series: Series) -> bool:
    """Whether there is anything to hold against a limit."""
    against = series.share is not None or _yardstick(series)[1] > 0
    return series.recent.candidate_total > 0 and against


def _one_at_a_time(
    found: Mapping[str, ConditionEvidence], before: Mapping[str, ConditionEvidence]
) -> dict[str, ConditionEvidence]:
    """The first check that fails ends the interval's checks: those after it are not made."""
    kept: dict[str, ConditionEvidence] = {}
    ended = False
    for name, one in found.items():
        earlier = before.get(name)
        kept[name] = earlier if ended and earlier is not None else one
        ended = ended or (one.failed_checks or 0) > ((earlier and earlier.failed_checks) or 0)
    return kept


def checks_left(judge: Judge, conditions: Sequence[ConditionEvidence]) -> Mapping[str, int]:
    """By condition, the further checks that must fail until the candidate is taken back."""
    failed = {one.name: one.failed_checks or 0 for one in conditions}
    borne = failures_of(judge)
    if judge.rule is JudgeRule.ARGO:
        return {name: max(0, borne + 1 - count) for name, count in failed.items()}
    left = max(0, max(1, borne) - sum(failed.values()))
    return dict.fromkeys(failed, left)


def _argo(found: Mapping[str, ConditionEvidence], borne: int) -> Mapping[str, Verdict]:
    return {name: Verdict.BAD for name, one in found.items() if (one.failed_checks or 0) > borne}


def _flagger(found: Mapping[str, ConditionEvidence], borne: int) -> Mapping[str, Verdict]:
    failed = {name: one.failed_checks or 0 for name, one in found.items()}
    if not any(failed.values()) or sum(failed.values()) < borne:
        return {}
    return {max(failed, key=lambda name: failed[name]): Verdict.BAD}
