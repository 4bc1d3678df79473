"""From what was counted to one verdict, with the sentence that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from leadsman_api import ModelDeployment
from leadsman_api.labels import Arm
from leadsman_api.v1alpha1.evidence import ConditionEvidence, Evidence, Memory, Verdict
from leadsman_api.v1alpha1.health import (
    Disagreement,
    ErrorRate,
    HealthCondition,
    Judge,
    JudgeRule,
    Latency,
    PromQL,
)
from leadsman_operator.facts import Unknown
from leadsman_operator.planner.judge.checks import checked, interval_of
from leadsman_operator.planner.judge.counting import as_totals, counted
from leadsman_operator.planner.judge.remembering import Look, remembered
from leadsman_operator.planner.judge.sequential import RECENT_SECONDS
from leadsman_operator.planner.judge.verdicts import Judged, Promise, judge_query, judged
from leadsman_operator.planner.observation import DeploymentObservation, scrape_interval

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
    if isinstance(counts, Unknown):
        return _blind(before, now, counts.message)
    health, found = resource.spec.health, counted(before, counts, arms, now)
    look = Look(
        conditions=health.conditions,
        counted=found,
        past=() if isinstance(observation.past, Unknown) else observation.past,
        past_unread=isinstance(observation.past, Unknown),
        now=now,
        usual_seconds=scrape_interval(resource, observation.configuration).total_seconds(),
        window_seconds=_window_seconds(health.judge),
    )
    memory = remembered(before, look)
    judgement = _judgement(observation, memory)
    conditions = judgement.conditions
    verdict = next(word for word in _WORST_FIRST if any(one.verdict is word for one in conditions))
    return Evidence(
        verdict=verdict,
        because=_because(resource, verdict, conditions),
        since=before.since if before else now,
        updated_at=now,
        blind_since=_blind_since(before, now) if verdict is Verdict.BLIND else None,
        log_evidence=judgement.log_evidence,
        log_bar=judgement.log_bar,
        conditions=conditions,
        totals=as_totals(found.totals),
        pods=found.pods,
        memory=memory,
    )


def _window_seconds(judge: Judge) -> float:
    if judge.rule is JudgeRule.SEQUENTIAL:
        return RECENT_SECONDS
    return interval_of(judge).total_seconds()


def _judgement(observation: DeploymentObservation, memory: Memory) -> Judged:
    """By the rule that the spec names."""
    resource, queries = observation.resource, _queries(observation)
    health = resource.spec.health
    if health.judge.rule is JudgeRule.SEQUENTIAL:
        promise = Promise(health.false_rollback_rate, _longest(resource))
        return judged(health.conditions, memory, promise, queries)
    evidence = resource.status.evidence
    return Judged(checked(health.conditions, memory, health.judge, evidence, queries))


def _longest(resource: ModelDeployment) -> timedelta:
    return resource.spec.rollout.deadline + resource.spec.rollout.bake


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


def _blind(before: Evidence | None, now: datetime, message: str) -> Evidence:
    because = message[:_LONGEST_SENTENCE]
    if before is None:
        return Evidence(verdict=Verdict.BLIND, because=because, since=now, blind_since=now)
    return before.model_copy(
        update={
            "verdict": Verdict.BLIND,
            "because": because,
            "blind_since": _blind_since(before, now),
        }
    )


def _blind_since(before: Evidence | None, now: datetime) -> datetime:
    return (before.blind_since if before else None) or now


def _because(
    resource: ModelDeployment, verdict: Verdict, conditions: Sequence[ConditionEvidence]
) -> str:
    """One sentence with the numbers of the conditions that decided."""
    specs = {condition.name: condition for condition in resource.spec.health.conditions}
    deciding = [one for one in conditions if one.verdict is verdict]
    return "; ".join(describe(specs[one.name], one) for one in deciding)[:_LONGEST_SENTENCE]


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
        case _:
            assert_never(condition)


def _requests(evidence: ConditionEvidence, what: str) -> str:
    if evidence.candidate_total is None:
        return "too few answers yet to compare times with"
    if not evidence.candidate_total:
        return "the candidate has answered no request yet"
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
