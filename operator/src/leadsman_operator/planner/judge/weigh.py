"""From what was counted to one verdict, with the sentence that says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from leadsman_api import ModelDeployment
from leadsman_api.labels import Arm
from leadsman_api.v1alpha1.evidence import (
    ConditionEvidence,
    Evidence,
    Memory,
    PodFailures,
    Verdict,
)
from leadsman_api.v1alpha1.health import (
    Disagreement,
    ErrorRate,
    HealthCondition,
    Judge,
    JudgeRule,
    Latency,
    PromQL,
    WrongAnswers,
)
from leadsman_operator.facts import PodFacts, Unknown
from leadsman_operator.planner.judge.checks import checked, interval_of
from leadsman_operator.planner.judge.counting import Counted, as_totals, counted
from leadsman_operator.planner.judge.failures import PodLook, describe_failures, failures_with
from leadsman_operator.planner.judge.remembering import Look, remembered
from leadsman_operator.planner.judge.sequential import RECENT_SECONDS
from leadsman_operator.planner.judge.verdicts import Judged, judge_query, judged, promise_of
from leadsman_operator.planner.observation import DeploymentObservation, scrape_interval
from leadsman_operator.planner.shadow import is_asked

_ALL = 100
_LONGEST_SENTENCE = 1024
"""Characters that the status has room for."""
_WORST_FIRST = (Verdict.BAD, Verdict.BLIND, Verdict.UNDECIDED, Verdict.GOOD)


def weigh(observation: DeploymentObservation, arms: Mapping[str, Arm]) -> Evidence:
    """Bring the evidence of a rollout up to date.

    `arms` gives the part of each revision on trial. What could not be read makes the verdict
    Blind and leaves all that is remembered as it was: no data is never evidence against a model.
    """
    resource, now = observation.resource, observation.now
    before, counts = resource.status.evidence, observation.counts
    failures = _failures(observation, arms)
    if isinstance(counts, Unknown):
        return _blind(before, now, counts.message, failures)
    health = resource.spec.health
    found = counted(before, counts, arms, now, _warm_from(observation.cluster.pods, health.warm_up))
    memory = remembered(before, _look(observation, found))
    judgement = _with_unread(_judgement(observation, memory, failures), observation.unread_labels)
    verdict = min(_said(health.conditions, judgement), key=_WORST_FIRST.index)
    return Evidence(
        verdict=verdict,
        because=_because(resource, verdict, judgement),
        since=before.since if before else now,
        updated_at=now,
        blind_since=_blind_since(before, now) if verdict is Verdict.BLIND else None,
        log_evidence=judgement.log_evidence,
        log_bar=judgement.log_bar,
        conditions=judgement.conditions,
        failures=judgement.failures,
        totals=as_totals(found.totals),
        pods=found.pods,
        memory=memory,
    )


def _look(observation: DeploymentObservation, found: Counted) -> Look:
    health, past, labels = (
        observation.resource.spec.health,
        observation.past,
        observation.past_labels,
    )
    return Look(
        conditions=health.conditions,
        counted=found,
        now=observation.now,
        usual_seconds=scrape_interval(
            observation.resource, observation.configuration
        ).total_seconds(),
        window_seconds=_window_seconds(health.judge),
        past=() if isinstance(past, Unknown) else past,
        past_labels=() if isinstance(labels, Unknown) else labels,
        past_unread=isinstance(past, Unknown) or isinstance(labels, Unknown),
    )


def _said(conditions: Sequence[HealthCondition], judgement: Judged) -> Iterator[Verdict]:
    """What speaks for or against going on: labels come late, so nothing waits for them."""
    yield judgement.failures.verdict
    for condition, found in zip(conditions, judgement.conditions, strict=True):
        if found.verdict is Verdict.BAD or not isinstance(condition, WrongAnswers):
            yield found.verdict


def _warm_from(pods: Sequence[PodFacts], warm_up: timedelta) -> Mapping[str, datetime]:
    """From when on the times of each pod's answers count; the same for both arms."""
    if not warm_up:
        return {}
    return {pod.name: pod.ready_since + warm_up for pod in pods if pod.ready_since is not None}


def _window_seconds(judge: Judge) -> float:
    if judge.rule is JudgeRule.SEQUENTIAL:
        return RECENT_SECONDS
    return interval_of(judge).total_seconds()


def _failures(observation: DeploymentObservation, arms: Mapping[str, Arm]) -> PodFailures:
    status, pods = observation.resource.status, observation.cluster.pods
    before = status.evidence.failures if status.evidence else None
    busy = {Arm.CANDIDATE} if is_asked(status) else set()
    if status.weight != _ALL:
        busy.add(Arm.STABLE)
    return failures_with(before, PodLook(pods, arms, frozenset(busy), observation.now))


def _judgement(observation: DeploymentObservation, memory: Memory, failures: PodFailures) -> Judged:
    """By the rule that the spec names; no rule of others says anything about failing pods."""
    resource, queries = observation.resource, _queries(observation)
    health = resource.spec.health
    promise = promise_of(health.false_rollback_rate, resource.spec.rollout)
    if health.judge.rule is JudgeRule.SEQUENTIAL:
        return judged(health.conditions, memory, promise, queries, failures)
    pods = judged((), memory, promise, queries, failures).failures
    evidence = resource.status.evidence
    return Judged(checked(health.conditions, memory, health.judge, evidence, queries), pods)


def _with_unread(judgement: Judged, unread: Mapping[str, str]) -> Judged:
    """Say of each condition why its labels can't be read."""
    told = (
        one.model_copy(update={"unread": unread[one.name][:_LONGEST_SENTENCE]})
        if one.name in unread
        else one
        for one in judgement.conditions
    )
    return replace(judgement, conditions=tuple(told))


def _queries(observation: DeploymentObservation) -> Mapping[str, ConditionEvidence]:
    """Conditions that no count of requests answers."""
    evidence = observation.resource.status.evidence
    before = {one.name: one for one in evidence.conditions} if evidence else {}
    found = {}
    for one in observation.resource.spec.health.conditions:
        if isinstance(one, PromQL):
            value = observation.queries.get(one.name)
            found[one.name] = judge_query(one, value, before.get(one.name), observation.now)
    return found


def _blind(before: Evidence | None, now: datetime, message: str, failures: PodFailures) -> Evidence:
    because = message[:_LONGEST_SENTENCE]
    if before is None:
        return Evidence(
            verdict=Verdict.BLIND, because=because, since=now, blind_since=now, failures=failures
        )
    return before.model_copy(
        update={
            "verdict": Verdict.BLIND,
            "because": because,
            "blind_since": _blind_since(before, now),
            "failures": failures,
        }
    )


def _blind_since(before: Evidence | None, now: datetime) -> datetime:
    return (before.blind_since if before else None) or now


def _because(resource: ModelDeployment, verdict: Verdict, judgement: Judged) -> str:
    """One sentence with the numbers of what decided; of pods that are well nothing is said."""
    specs = {condition.name: condition for condition in resource.spec.health.conditions}
    deciding = [one for one in judgement.conditions if one.verdict is verdict]
    told = [describe(specs[one.name], one) for one in deciding]
    if verdict is judgement.failures.verdict is not Verdict.GOOD:
        told.append(describe_failures(judgement.failures))
    return "; ".join(told)[:_LONGEST_SENTENCE]


def describe(condition: HealthCondition, evidence: ConditionEvidence) -> str:
    """What one condition has shown, with its numbers."""
    match condition:
        case ErrorRate() | Latency():
            what = "failed" if isinstance(condition, ErrorRate) else "were too slow"
            return f"{condition.name}: {_requests(evidence, what)}"
        case PromQL():
            if evidence.value is None:
                return f"{condition.name}: the query gave no number"
            return f"{condition.name}: the query gives {evidence.value:g}, {_bounds(condition)}"
        case Disagreement():
            return f"{condition.name}: {_answers(evidence)}"
        case WrongAnswers():
            return f"{condition.name}: {_labelled(evidence)}"
        case _:
            assert_never(condition)


def _requests(evidence: ConditionEvidence, what: str) -> str:
    if evidence.candidate_total is None:
        return "too few answers yet to compare times with"
    if not evidence.candidate_total:
        return "no request of the candidate was counted yet"
    return (
        f"{evidence.candidate_bad} of {evidence.candidate_total} requests"
        f" {what} at the candidate, {evidence.stable_bad} of {evidence.stable_total}"
        f" at the stable revision{_checks(evidence)}"
    )


def _answers(evidence: ConditionEvidence) -> str:
    if not evidence.candidate_total:
        return "no answer was compared with the stable revision's yet"
    return (
        f"{evidence.candidate_bad} of {evidence.candidate_total} answers"
        f" differ from the stable revision's{_checks(evidence)}"
    )


def _labelled(evidence: ConditionEvidence) -> str:
    if not evidence.candidate_total:
        whose = "the candidate" if evidence.stable_total else "either revision"
        return evidence.unread or f"no label of an answer of {whose} has come yet"
    unread = f", and now {evidence.unread}" if evidence.unread else ""
    return (
        f"{evidence.candidate_bad} of {evidence.candidate_total} labelled answers of the candidate"
        f" were wrong, {evidence.stable_bad} of {evidence.stable_total}"
        f" of the stable revision{_checks(evidence)}{unread}"
    )


def _checks(evidence: ConditionEvidence) -> str:
    """What a threshold rule decides by; nothing of the sequential test."""
    if evidence.failed_checks is None:
        return ""
    made = evidence.failed_checks + (evidence.passed_checks or 0)
    return f", {evidence.failed_checks} of {made} checks failed"


def _bounds(condition: PromQL) -> str:
    if condition.min is None:
        return f"healthy is at most {condition.max:g}"
    if condition.max is None:
        return f"healthy is at least {condition.min:g}"
    return f"healthy is {condition.min:g} to {condition.max:g}"
