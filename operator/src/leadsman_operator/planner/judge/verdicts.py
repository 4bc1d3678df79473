"""What each condition has shown, and what all of them show together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, isfinite, log

import numpy as np

from leadsman_api.v1alpha1.evidence import (
    ConditionEvidence,
    Memory,
    PodFailures,
    Series,
    Verdict,
)
from leadsman_api.v1alpha1.health import HealthCondition, PromQL
from leadsman_api.v1alpha1.rollout import Rollout
from leadsman_operator.facts import Unknown
from leadsman_operator.planner.judge.intervals import ratio_interval, share_interval
from leadsman_operator.planner.judge.remembering import series_of
from leadsman_operator.planner.judge.sequential import (
    PODS_WEIGHT,
    RECENT_SECONDS,
    Number,
    Record,
    Span,
)
from leadsman_operator.planner.judge.standing import standing_of


@dataclass(frozen=True, slots=True)
class Promise:
    """How often a healthy candidate may be rolled back, and in how long."""

    rate: float
    rollout: timedelta
    """Longest time from the first request to the end of the bake."""

    @property
    def log_bar(self) -> float:
        """The evidence that a rollback needs, as a logarithm."""
        return log(1 / self.rate)

    def windows(self, counted_seconds: Number) -> Number:
        """How many recent windows there are at most, also where it already took longer."""
        longest = np.maximum(self.rollout.total_seconds(), counted_seconds)
        return np.asarray(longest / RECENT_SECONDS)


def promise_of(rate: float, rollout: Rollout) -> Promise:
    """What is promised of a rollout at this rate of false rollbacks."""
    return Promise(rate, rollout.deadline + rollout.bake)


@dataclass(frozen=True, slots=True)
class Judged:
    """All conditions and the pods, and their evidence together."""

    conditions: tuple[ConditionEvidence, ...]
    failures: PodFailures
    log_evidence: float | None = None
    """Mean of the conditions' evidence, and the pods' with its own weight: an e-value, however
    they hang together."""
    log_bar: float | None = None
    """What it has to reach for a rollback."""


def judged(
    conditions: Sequence[HealthCondition],
    memory: Memory,
    promise: Promise,
    queries: Mapping[str, ConditionEvidence],
    failures: PodFailures,
) -> Judged:
    """Judge every condition; `queries` has those that are numbers of the user's own."""
    found = {
        one.name: _of_series(one.name, memory, promise)
        for one in conditions
        if not isinstance(one, PromQL)
    }
    known = {name: one.log_evidence for name, one in found.items() if one.log_evidence is not None}
    requests, pods = of_requests(list(known.values()), len(found)), of_pods(failures)
    total = float(np.logaddexp(requests, pods))
    if total >= promise.log_bar:
        if pods > requests:
            failures = failures.model_copy(update={"verdict": Verdict.BAD})
        else:
            strongest = max(known, key=lambda name: known[name])
            found[strongest] = found[strongest].model_copy(update={"verdict": Verdict.BAD})
    told = tuple(found.get(one.name) or queries[one.name] for one in conditions)
    return Judged(told, failures, total, promise.log_bar)


def of_requests(known: Sequence[float], conditions: int) -> float:
    """Logarithm of the evidence of all conditions: the mean; what is not known yet adds none."""
    return float(np.logaddexp.reduce(known)) - log(conditions) if known else -inf


def of_pods(failures: PodFailures) -> float:
    """Logarithm of the evidence of pods that fail, with their weight."""
    return failures.log_evidence + log(PODS_WEIGHT)


def _of_series(name: str, memory: Memory, promise: Promise) -> ConditionEvidence:
    """One condition: the limit that most speaks against is told, all of them count alike."""
    standing = standing_of(name, memory, promise.windows(memory.counted_seconds))
    if standing is None:
        return ConditionEvidence(name=name, verdict=Verdict.UNDECIDED)
    logs = standing.log_each
    strongest = logs.index(max(logs))
    span = standing.spans[strongest]
    told = series_of(memory, name)[strongest]
    whole, record = told.whole, standing.records[strongest]
    low, high = map(float, ratio_interval(record, span, promise.rate))
    least, most = map(
        float, share_interval(record, span, promise.rate, of_copies=bool(told.copies))
    )
    return ConditionEvidence(
        name=name,
        verdict=standing.verdict(),
        stable_total=None if told.copies else whole.stable_total,
        stable_bad=None if told.copies else whole.stable_bad,
        candidate_total=whole.candidate_total,
        candidate_bad=whole.candidate_bad,
        ratio=_ratio(told),
        ratio_low=low if high < inf or low else None,
        ratio_high=high if isfinite(high) else None,
        share_low=least if whole.candidate_total else None,
        share_high=most if whole.candidate_total else None,
        dispersion=_dispersion(record, span) if span.whole and not told.copies else None,
        log_evidence=standing.log_evidence,
    )


def _dispersion(record: Record, span: Span) -> float:
    return float(span.wander(record.spread, span.whole))


def _ratio(series: Series) -> float | None:
    """How many times the stable share, before and during the rollout, the candidate's is."""
    whole = series.whole
    bad, total = series.past_bad + whole.stable_bad, series.past_total + whole.stable_total
    if not bad or not whole.candidate_total:
        return None
    return (whole.candidate_bad / whole.candidate_total) / (bad / total)


def judge_query(
    condition: PromQL,
    value: float | Unknown | None,
    before: ConditionEvidence | None,
    now: datetime,
) -> ConditionEvidence:
    """A number of the user's own, bad once it has been outside its bounds for long enough."""
    if value is None or isinstance(value, Unknown):
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
