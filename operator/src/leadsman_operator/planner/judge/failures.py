"""Ready pods that fail, as counts: so many in so many seconds of being ready.

A pod fails when it was ready and starts anew, or is ready no more, while nobody sent it away.
Such counts are held against those of the stable revision by the same test as bad requests, with
seconds of ready pods in place of requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from leadsman_api.durations import format_duration
from leadsman_api.labels import Arm, Label
from leadsman_api.v1alpha1.evidence import PodFailures, PodState, Verdict
from leadsman_operator.facts import PodFacts
from leadsman_operator.planner.judge.counting import MOST_PODS
from leadsman_operator.planner.judge.sequential import (
    Floats,
    Limit,
    Record,
    Span,
    Tally,
    log_whole,
)
from leadsman_operator.planner.judge.spread import nothing_seen

TOLERATED = Limit(ratio=1.5)
"""As often as the stable revision's pods, with a margin."""
_OUT_OF_MEMORY = "OOMKilled"


@dataclass(frozen=True, slots=True)
class PodLook:
    """The pods as they are now."""

    pods: Sequence[PodFacts]
    arms: Mapping[str, Arm]
    """The part of each revision on trial."""
    busy: frozenset[Arm]
    """The arms that get requests: an idle pod shows nothing of how it bears them."""
    now: datetime


def failures_with(before: PodFailures | None, look: PodLook) -> PodFailures:
    """Add what happened to the pods since the last look."""
    staying = {pod.name: pod for pod in look.pods if not (pod.deleting or pod.disrupted)}
    states = tuple(_states(staying.values(), look.arms))[:MOST_PODS]
    if before is None:
        return _begun(staying.values(), states, look)
    seconds = max(0.0, (look.now - before.counted_at).total_seconds())
    were_ready = {state.pod: state for state in before.pods if state.ready}
    watched = [one for one in states if one.pod in were_ready and one.arm in look.busy]
    failed = [one for one in watched if _has_failed(were_ready[one.pod], one)]
    told = [_told(were_ready[one.pod], staying[one.pod]) for one in failed if _is_candidate(one)]
    candidates = sum(map(_is_candidate, watched))
    counted = before.model_copy(
        update={
            "candidate_failures": before.candidate_failures + len(told),
            "candidate_seconds": before.candidate_seconds + seconds * candidates,
            "stable_failures": before.stable_failures + len(failed) - len(told),
            "stable_seconds": before.stable_seconds + seconds * (len(watched) - candidates),
            "latest": told[-1] if told else before.latest,
            "counted_at": look.now,
            "counted_seconds": before.counted_seconds + seconds * (Arm.CANDIDATE in look.busy),
            "pods": states,
        }
    )
    evidence = _log_evidence(counted)
    verdict = Verdict.UNDECIDED if evidence > 0 else Verdict.GOOD
    return counted.model_copy(update={"log_evidence": evidence, "verdict": verdict})


def with_more(failures: PodFailures, more: int) -> PodFailures:
    """If so many pods of the candidate failed now."""
    after = failures.model_copy(update={"candidate_failures": failures.candidate_failures + more})
    return after.model_copy(update={"log_evidence": _log_evidence(after)})


def _states(pods: Iterable[PodFacts], arms: Mapping[str, Arm]) -> Iterator[PodState]:
    for pod in pods:
        arm = arms.get(pod.labels.get(Label.REVISION, ""))
        if arm is not None:
            yield PodState(pod=pod.name, arm=arm, ready=pod.ready, restarts=pod.restarts)


def _begun(pods: Iterable[PodFacts], states: tuple[PodState, ...], look: PodLook) -> PodFailures:
    """With the past of the stable revision: since when each of its pods is ready.

    Each began to be ready when it started, or when it had failed; as if it had failed.
    """
    ages = [
        max(0.0, (look.now - pod.ready_since).total_seconds())
        for pod in pods
        if pod.ready_since is not None
        and look.arms.get(pod.labels.get(Label.REVISION, "")) is Arm.STABLE
    ]
    return PodFailures(
        verdict=Verdict.GOOD,
        past_pods=len(ages),
        past_seconds=sum(ages),
        counted_at=look.now,
        pods=states,
    )


def _has_failed(was: PodState, now: PodState) -> bool:
    return not now.ready or now.restarts > was.restarts


def _is_candidate(state: PodState) -> bool:
    return state.arm is Arm.CANDIDATE


def _told(was: PodState, pod: PodFacts) -> str:
    """What happened to a pod; its first container to end may not have started anew yet."""
    ended = pod.restarts > was.restarts or (not pod.restarts and pod.exit_code)
    if not ended:
        return f"pod {pod.name} was ready no more"
    if pod.exit_reason == _OUT_OF_MEMORY:
        return f"pod {pod.name} was ended for using more memory than its limit ({_OUT_OF_MEMORY})"
    return f"pod {pod.name} ended with code {pod.exit_code}"


def log_evidence_of(record: Record, span: Span) -> Floats:
    """Logarithm of the evidence that the candidate's pods fail more often.

    Pods fail so seldom that one failure of the stable revision's weighs more than all of their
    past: something may have struck both arms, and then only what happens now is the measure.
    """
    beside_past = log_whole(record, TOLERATED, span)
    none = np.zeros_like(record.past_total)
    beside_now = log_whole(replace(record, past_bad=none, past_total=none), TOLERATED, span)
    struck = np.asarray(record.whole.stable_bad) > 0
    return np.where(struck, np.minimum(beside_past, beside_now), beside_past)


def _log_evidence(failures: PodFailures) -> float:
    counted = Tally(
        failures.stable_failures,
        failures.stable_seconds,
        failures.candidate_failures,
        failures.candidate_seconds,
    )
    record = Record(counted, Tally(), failures.past_pods, failures.past_seconds, nothing_seen())
    watched = failures.past_seconds / max(1, failures.past_pods)
    span = Span(failures.counted_seconds, recent=0.0, past=watched, shortest=1.0)
    return float(log_evidence_of(record, span))


def describe_failures(failures: PodFailures) -> str:
    """What the pods have shown, with its numbers."""
    candidate, stable = (
        format_duration(timedelta(seconds=round(seconds)))
        for seconds in (failures.candidate_seconds, failures.stable_seconds)
    )
    latest = f": {failures.latest}" if failures.latest else ""
    return (
        f"pods: {failures.candidate_failures} failures in {candidate} of the candidate's ready"
        f" pods, {failures.stable_failures} in {stable} of the stable revision's{latest}"
    )
