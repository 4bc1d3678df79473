"""What would change the decision: how many more requests, checks or failing pods.

Solved from the judge's own arithmetic, by bisection over counts. Each condition is asked by
itself, while the others stay as they stand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf

import numpy as np

from leadsman_api import ModelDeployment
from leadsman_api.v1alpha1.evidence import (
    ConditionEvidence,
    Evidence,
    PodFailures,
    Verdict,
)
from leadsman_api.v1alpha1.health import HealthCondition, JudgeRule, PromQL
from leadsman_operator.planner.judge.checks import checks_left
from leadsman_operator.planner.judge.failures import with_more
from leadsman_operator.planner.judge.sequential import RECENT_SECONDS, Record, Tally, usual_share
from leadsman_operator.planner.judge.standing import Standing, standing_of
from leadsman_operator.planner.judge.verdicts import of_pods, of_requests, promise_of

MOST = 10_000_000
"""So many requests are looked ahead."""
MOST_FAILURES = 1_000
"""So many failures of pods."""


@dataclass(frozen=True, slots=True)
class ConditionOutlook:
    """How far one condition is from either end; None where it does not lead there."""

    name: str
    bad_to_roll_back: int | None = None
    """Further requests of the candidate, all of them bad, that would take it back."""
    good_to_clear: int | None = None
    """Further requests of the candidate, none of them bad, that would clear it."""
    checks_to_roll_back: int | None = None
    """Further failed checks that would take it back, by a threshold rule."""
    outside_to_roll_back: timedelta | None = None
    """Further time outside of the bounds of a query that would take it back."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would change the verdict of a rollout."""

    conditions: tuple[ConditionOutlook, ...]
    pod_failures_to_roll_back: int | None
    """Further failures of the candidate's ready pods that would take it back."""


def outlook_of(resource: ModelDeployment, evidence: Evidence, now: datetime) -> Outlook:
    """Look ahead from the evidence of the rollout that runs."""
    known = {one.name: one for one in evidence.conditions}
    ahead = _ahead(resource, evidence)
    return Outlook(
        tuple(
            ahead.of_condition(one, known[one.name], now)
            for one in resource.spec.health.conditions
            if one.name in known
        ),
        ahead.of_pods(),
    )


@dataclass(frozen=True, slots=True)
class _Ahead:
    """From where it is looked ahead."""

    log_bar: float
    standings: Mapping[str, Standing]
    """By condition, of those about which something is known."""
    compared: int
    """Conditions that share the promise."""
    checks: Mapping[str, int]
    """By condition, the failed checks that are left, where a threshold rule decides."""
    failures: PodFailures | None

    def of_condition(
        self, condition: HealthCondition, found: ConditionEvidence, now: datetime
    ) -> ConditionOutlook:
        name = condition.name
        if isinstance(condition, PromQL):
            outside = now - found.outside_since if found.outside_since else timedelta(0)
            left = max((condition.for_ or timedelta(0)) - outside, timedelta(0))
            return ConditionOutlook(name, outside_to_roll_back=left)
        if name in self.checks:
            return ConditionOutlook(name, checks_to_roll_back=self.checks[name])
        standing = self.standings.get(name)
        if standing is None:
            return ConditionOutlook(name)
        return ConditionOutlook(
            name,
            bad_to_roll_back=_fewest(lambda more: self._is_over(name, _after(standing, more, 1))),
            good_to_clear=_fewest(lambda more: _after(standing, more, 0).verdict() is Verdict.GOOD),
        )

    def of_pods(self) -> int | None:
        failures = self.failures
        if failures is None:
            return None
        requests = self._requests(self.standings)
        return _fewest(
            lambda more: self._reaches(requests, with_more(failures, more)), MOST_FAILURES
        )

    def _is_over(self, name: str, standing: Standing) -> bool:
        return self._reaches(self._requests({**self.standings, name: standing}), self.failures)

    def _requests(self, standings: Mapping[str, Standing]) -> float:
        return of_requests([one.log_evidence for one in standings.values()], self.compared)

    def _reaches(self, requests: float, failures: PodFailures | None) -> bool:
        pods = of_pods(failures) if failures else -inf
        return bool(np.logaddexp(requests, pods) >= self.log_bar)


def _ahead(resource: ModelDeployment, evidence: Evidence) -> _Ahead:
    health, promise = (
        resource.spec.health,
        promise_of(resource.spec.health.false_rollback_rate, resource.spec.rollout),
    )
    compared = [one.name for one in health.conditions if not isinstance(one, PromQL)]
    sequential = health.judge.rule is JudgeRule.SEQUENTIAL
    memory = evidence.memory if sequential else None
    found = {
        name: standing_of(name, memory, promise.windows(memory.counted_seconds))
        for name in compared
        if memory
    }
    return _Ahead(
        log_bar=promise.log_bar,
        standings={name: one for name, one in found.items() if one is not None},
        compared=len(compared),
        checks={} if sequential else checks_left(health.judge, evidence.conditions),
        failures=evidence.failures,
    )


def _after(standing: Standing, more: int, bad: int) -> Standing:
    """With `more` requests of the candidate, each of them `bad` or not, at the present pace.

    Once the window that runs now is over they are counted in one of their own.
    """
    span = standing.spans[0]
    seconds = _seconds(standing, more)
    left = max(0.0, RECENT_SECONDS - float(span.recent))
    begins = seconds > left
    recent = min(seconds - left, RECENT_SECONDS) if begins else float(span.recent) + seconds
    within = recent / seconds if begins else 1.0
    return replace(
        standing,
        records=tuple(
            _record_after(one, more, bad, within, begins=begins) for one in standing.records
        ),
        spans=tuple(
            replace(one, whole=one.whole + seconds, recent=recent) for one in standing.spans
        ),
    )


def _seconds(standing: Standing, more: int) -> float:
    """In which so many requests come; until the next look where there was none yet."""
    span = standing.spans[0]
    recent = max(float(one.recent.candidate_total) for one in standing.records)
    if not recent:
        return span.shortest if more else 0.0
    return more * float(span.recent) / recent


def _record_after(record: Record, more: int, bad: int, within: float, *, begins: bool) -> Record:
    """The stable revision gets its part of the traffic meanwhile, and answers as usual."""
    latest = record.recent if record.recent.candidate_total else record.whole
    beside = more * latest.stable_total / (latest.candidate_total or inf)
    added = Tally(beside * usual_share(record), beside, float(bad * more), float(more))
    window = Tally() if begins else record.recent
    return replace(record, whole=record.whole + added, recent=window + _part(added, within))


def _part(tally: Tally, part: float) -> Tally:
    return Tally(
        tally.stable_bad * part,
        tally.stable_total * part,
        tally.candidate_bad * part,
        tally.candidate_total * part,
    )


def _fewest(holds: Callable[[int], bool], most: int = MOST) -> int | None:
    """The smallest count for which it holds; None when it holds for none that is asked."""
    high = 0
    while not holds(high):
        if high >= most:
            return None
        high = min(most, 2 * high + 1)
    return bisect_left(range(high), x=True, lo=high // 2, key=holds)
