"""Threshold rules as Argo Rollouts and Flagger have them, for people who come from there.

At the end of each interval a condition is checked on the requests of that interval alone, and
counted as they count. Unlike there, an interval without a request of the candidate is no check at
all, nor is a query that gets no answer or a ratio to what was never counted: no data is never
evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

import numpy as np

from leadsman_api.v1alpha1.evidence import (
    ConditionEvidence,
    Evidence,
    Memory,
    Series,
    Verdict,
)
from leadsman_api.v1alpha1.health import HealthCondition, Judge, JudgeRule, PromQL
from leadsman_operator.planner.judge.remembering import limit_of, record_of, series_of
from leadsman_operator.planner.judge.sequential import Floats, Limit, Record
from leadsman_operator.planner.judge.thresholds import (
    Limits,
    Metric,
    Phase,
    Truths,
    assessed,
    measured,
    ticked,
)

DEFAULT_INTERVAL = timedelta(minutes=1)
DEFAULT_FAILURES = 3


def interval_of(judge: Judge) -> timedelta:
    """Time between two checks."""
    return judge.interval or DEFAULT_INTERVAL


def delay_of(judge: Judge) -> timedelta:
    """Time of the candidate's requests before its first check."""
    return judge.initial_delay or timedelta(0)


def failures_of(judge: Judge) -> int:
    """Failed checks that the spec bears, as the rule counts them."""
    return DEFAULT_FAILURES if judge.failures is None else judge.failures


def shortest_step_of(minimum: timedelta, judge: Judge) -> timedelta:
    """Shortest time of one step: a threshold rule makes a check of its own in each."""
    return minimum if judge.rule is JudgeRule.SEQUENTIAL else max(minimum, interval_of(judge))


def limits_of(judge: Judge) -> Limits:
    """What a condition bears, by the rule of Argo Rollouts."""
    return Limits(failures=failures_of(judge), count=judge.count)


def threshold_of(judge: Judge) -> int:
    """The failed checks at which a rollout goes back, by Flagger's rule; at least one."""
    return max(1, failures_of(judge))


def is_measured(record: Record, limit: Limit) -> Truths:
    """Whether there is anything to hold against a limit."""
    asked = np.asarray(record.recent.candidate_total) > 0
    return np.asarray(asked if limit.share is not None else asked & (_yardstick(record)[1] > 0))


def breaks(record: Record, limit: Limit) -> Truths:
    """Whether the requests of the interval break a limit."""
    recent = record.recent
    share = np.asarray(recent.candidate_bad) / np.maximum(recent.candidate_total, 1)
    if limit.share is not None:
        return np.asarray(share > limit.share)
    bad, total = _yardstick(record)
    return np.asarray(share > (limit.ratio or 1.0) * bad / np.maximum(total, 1))


def _yardstick(record: Record) -> tuple[Floats, Floats]:
    """Requests of the stable revision that a ratio is held against: bad ones, and all.

    In a bake it gets none: then what it did before is the measure.
    """
    recent, whole = record.recent, record.whole
    now = np.asarray(recent.stable_total) > 0
    return (
        np.where(now, recent.stable_bad, record.past_bad + whole.stable_bad),
        np.where(now, recent.stable_total, record.past_total + whole.stable_total),
    )


def checked(
    conditions: Sequence[HealthCondition],
    memory: Memory,
    judge: Judge,
    evidence: Evidence | None,
    queries: Mapping[str, ConditionEvidence],
) -> tuple[ConditionEvidence, ...]:
    """Check every condition if its interval is over; `evidence` has the checks so far."""
    before = {one.name: one for one in evidence.conditions} if evidence else {}
    series = {
        one.name: series_of(memory, one.name) for one in conditions if not isinstance(one, PromQL)
    }
    found = {name: _seen(name, kept, before.get(name)) for name, kept in series.items()}
    if _is_due(memory, evidence.memory if evidence else None, judge):
        asked = {name: _failing(kept) for name, kept in series.items()}
        failing = {name: fails for name, fails in asked.items() if fails is not None}
        count = _by_argo if judge.rule is JudgeRule.ARGO else _by_flagger
        found.update(count(found, failing, judge))
    return tuple(found.get(one.name) or queries[one.name] for one in conditions)


def checks_left(judge: Judge, conditions: Sequence[ConditionEvidence]) -> Mapping[str, int]:
    """By condition, the further checks that must fail until the candidate is taken back.

    By Flagger's rule that is seen at the check after. One that is checked no more has none.
    """
    if judge.rule is JudgeRule.ARGO:
        limits = limits_of(judge)
        return {
            one.name: max(0, limits.failures + 1 - (one.failed_checks or 0))
            for one in conditions
            if assessed(_metric(one), limits) != Phase.SUCCESSFUL
        }
    failed = sum(one.failed_checks or 0 for one in conditions)
    return {one.name: max(0, threshold_of(judge) - failed) for one in conditions}


def _is_due(memory: Memory, before: Memory | None, judge: Judge) -> bool:
    """Whether an interval ends with this look: one that brought nothing new ends none."""
    has_news = before is None or memory.counted_at != before.counted_at
    begun = memory.counted_seconds >= delay_of(judge).total_seconds()
    return has_news and begun and memory.recent_seconds >= interval_of(judge).total_seconds()


def _is_counted(series: Iterable[Series]) -> bool:
    return any(one.whole.candidate_total for one in series)


def _failing(series: Iterable[Series]) -> bool | None:
    """Whether the requests of the interval break any limit of a condition; None: not measured."""
    pairs = [(record_of(one), limit_of(one)) for one in series]
    found = [bool(breaks(*pair)) for pair in pairs if is_measured(*pair)]
    return any(found) if found else None


def _seen(
    name: str, series: Sequence[Series], before: ConditionEvidence | None
) -> ConditionEvidence:
    """A condition with its numbers and the checks that were made."""
    verdict = before.verdict if before else Verdict.BLIND
    if verdict is Verdict.BLIND and _is_counted(series):
        verdict = Verdict.UNDECIDED
    whole = series[0].whole if series else None
    stable = whole if series and not series[0].copies else None
    return ConditionEvidence(
        name=name,
        verdict=verdict,
        stable_total=stable.stable_total if stable else None,
        stable_bad=stable.stable_bad if stable else None,
        candidate_total=whole.candidate_total if whole else None,
        candidate_bad=whole.candidate_bad if whole else None,
        passed_checks=(before.passed_checks if before else None) or 0,
        failed_checks=(before.failed_checks if before else None) or 0,
    )


def _by_argo(
    found: Mapping[str, ConditionEvidence], failing: Mapping[str, bool], judge: Judge
) -> Iterator[tuple[str, ConditionEvidence]]:
    """Each condition is a metric; one that has all of its measurements gets no more."""
    limits = limits_of(judge)
    for name, fails in failing.items():
        metric = _metric(found[name])
        if assessed(metric, limits) == Phase.SUCCESSFUL:
            continue
        after = measured(metric, Phase.FAILED if fails else Phase.SUCCESSFUL)
        phase = assessed(after, limits)
        verdict = Verdict.UNDECIDED if fails and phase != Phase.SUCCESSFUL else Verdict.GOOD
        yield (
            name,
            _counted(found[name], Verdict.BAD if phase == Phase.FAILED else verdict, fails=fails),
        )


def _metric(one: ConditionEvidence) -> Metric:
    return Metric(one.passed_checks or 0, one.failed_checks or 0)


def _by_flagger(
    found: Mapping[str, ConditionEvidence], failing: Mapping[str, bool], judge: Judge
) -> Iterator[tuple[str, ConditionEvidence]]:
    """The first check that fails ends the tick: those after it are not made."""
    failed = {name: one.failed_checks or 0 for name, one in found.items()}
    _, goes_back = ticked(sum(failed.values()), any(failing.values()), threshold_of(judge))
    if goes_back:
        worst = max(failed, key=lambda name: failed[name])
        yield worst, found[worst].model_copy(update={"verdict": Verdict.BAD})
        return
    for name, fails in failing.items():
        yield name, _counted(found[name], Verdict.UNDECIDED if fails else Verdict.GOOD, fails=fails)
        if fails:
            return


def _counted(before: ConditionEvidence, verdict: Verdict, *, fails: bool) -> ConditionEvidence:
    """One more check."""
    return before.model_copy(
        update={
            "verdict": verdict,
            "passed_checks": (before.passed_checks or 0) + (not fails),
            "failed_checks": (before.failed_checks or 0) + fails,
        }
    )
