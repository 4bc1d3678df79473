"""What would change the decision, in sentences with numbers and in fields for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from leadsman_api import ModelDeployment
from leadsman_api.loading import InvalidResource, parse_resource
from leadsman_api.v1alpha1.evidence import Evidence, Verdict
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase, RolloutStatus
from leadsman_operator.cli.paper import span
from leadsman_operator.planner.judge.outlook import (
    MOST,
    MOST_FAILURES,
    ConditionOutlook,
    Outlook,
    outlook_of,
)
from leadsman_operator.planner.shadow import is_asked
from leadsman_operator.planner.steps import shortest_step, step_time

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest

_BAD = {
    "ErrorRate": "failed",
    "Latency": "slow",
    "Disagreement": "different",
    "WrongAnswers": "wrong",
}
"""What a bad answer is, in a word, by the type of a condition."""
_ENDS = (DeploymentPhase.ROLLING_BACK, DeploymentPhase.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Ahead:
    """A rollout that runs, and what would change its verdict."""

    resource: ModelDeployment
    outlook: Outlook

    @property
    def takes_back(self) -> str:
        """What bad evidence does to the candidate."""
        return "take it back" if self.resource.spec.rollback.enabled else "stop it"


def ahead_of(manifest: Manifest, now: datetime) -> Ahead | None:
    """Look ahead; None when nothing is being decided, or another version wrote the resource."""
    try:
        resource = parse_resource(manifest)
    except InvalidResource:
        return None
    if not isinstance(resource, ModelDeployment):
        return None
    status = resource.status
    if status.evidence is None or status.rollout is None or status.candidate is None:
        return None
    if status.phase in _ENDS:
        return None
    return Ahead(resource, outlook_of(resource, status.evidence, now))


def as_fields(ahead: Ahead, now: datetime) -> dict[str, Any]:
    """For programs; a number that does not exist is left out."""
    return {
        "conditions": [_fields(one) for one in ahead.outlook.conditions],
        "podFailuresToRollBack": ahead.outlook.pod_failures_to_roll_back,
        "next": list(upcoming(ahead.resource, now)),
    }


def _fields(one: ConditionOutlook) -> dict[str, Any]:
    outside = one.outside_to_roll_back
    fields = {
        "name": one.name,
        "badToRollBack": one.bad_to_roll_back,
        "goodToClear": one.good_to_clear,
        "checksToRollBack": one.checks_to_roll_back,
        "outsideToRollBack": span(outside) if outside is not None else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def condition_line(name: str, ahead: Ahead) -> str:
    """How many more requests, checks or seconds would change the verdict of a condition."""
    one = next((one for one in ahead.outlook.conditions if one.name == name), None)
    if one is None:
        return ""
    if one.outside_to_roll_back is not None:
        outside = one.outside_to_roll_back
        longer = f"{span(outside)} more outside of its bounds" if outside else "leaving its bounds"
        return f"{longer} would {ahead.takes_back}"
    if one.checks_to_roll_back is not None:
        return f"{_counted(one.checks_to_roll_back, 'failed check')} would {ahead.takes_back}"
    types = {one.name: str(one.type) for one in ahead.resource.spec.health.conditions}
    bad = _BAD[types[name]]
    return f"{_to_bad(one.bad_to_roll_back, bad, ahead)}; {_to_good(one.good_to_clear, bad)}"


def _to_bad(more: int | None, bad: str, ahead: Ahead) -> str:
    if more is None:
        return f"not even {MOST:,} {bad} answers would {ahead.takes_back}"
    return f"{_counted(more, f'{bad} answer')} in a row would {ahead.takes_back}"


def _to_good(more: int | None, bad: str) -> str:
    if more is None:
        return f"not even {MOST:,} without a {bad} one would clear it"
    return f"{more:,} more without a {bad} one would clear it" if more else "it is Good"


def pods_line(ahead: Ahead) -> str:
    """How many more failing pods would change the verdict."""
    more = ahead.outlook.pod_failures_to_roll_back
    if more is None:
        return f"not even {MOST_FAILURES:,} failures would {ahead.takes_back}"
    return f"{_counted(more, 'failure')} would {ahead.takes_back}"


def _counted(more: int, noun: str) -> str:
    return f"{more:,} more {noun}{'' if more == 1 else 's'}"


def upcoming(resource: ModelDeployment, now: datetime) -> Iterator[str]:
    """What comes next, and when, if the evidence stays as it is."""
    status, rollout = resource.status, resource.status.rollout
    evidence = status.evidence
    if rollout is None or evidence is None:
        return
    if resource.spec.rollout.paused or rollout.paused_by is not None:
        yield "it is paused: no time passes, and `resume` lets it go on; evidence still counts"
    elif rollout.paused_at is not None:
        yield "it waits for an approval: no time passes, and evidence still counts"
    elif status.phase is DeploymentPhase.PAUSED:
        yield "it waits for a person"
    elif rollout.promoted_at is not None:
        yield from _in_bake(resource, rollout, evidence, now - rollout.promoted_at)
    elif not is_asked(status):
        yield "the candidate has no traffic yet, and nothing is decided by evidence before"
    else:
        yield from _in_step(resource, rollout, evidence, now)
    if not resource.spec.rollback.enabled:
        yield "rollback.enabled is false: bad evidence only stops the rollout"


def _in_bake(
    resource: ModelDeployment, rollout: RolloutStatus, evidence: Evidence, baked: timedelta
) -> Iterator[str]:
    """All of the traffic: a candidate without a step before has to be shown healthy here."""
    spec, verdict = resource.spec.rollout, evidence.verdict
    left = spec.bake - baked
    begun = f"the bake ends in {_span(left)}" if left > timedelta(0) else "the bake is over"
    yield "bad evidence before the end of the bake takes it back"
    if spec.weights or rollout.restored_by is not None or verdict is Verdict.GOOD:
        yield f"{begun}: without any it is promoted then, with its pods ready and counts read"
        return
    yield f"{begun}, but it goes on until the evidence is Good: no step has judged this candidate"
    deadline = rollout.started_at + spec.deadline - (rollout.promoted_at or rollout.started_at)
    yield _at_deadline(resource, verdict, max(deadline - baked, left))


def _at_deadline(resource: ModelDeployment, verdict: Verdict, left: timedelta) -> str:
    spec = resource.spec.rollout
    if verdict is Verdict.BLIND:
        return f"without data onBlind {spec.on_blind} decides in {_span(left)}"
    return f"without a clear answer onUndecided {spec.on_undecided} decides in {_span(left)}"


def _in_step(
    resource: ModelDeployment, rollout: RolloutStatus, evidence: Evidence, now: datetime
) -> Iterator[str]:
    spec, stepped = resource.spec, now - rollout.step_started_at
    shortest = shortest_step(spec) - stepped
    match evidence.verdict:
        case Verdict.GOOD:
            wait = f"in {_span(shortest)}" if shortest > timedelta(0) else "now"
            yield f"the evidence allows the next step {wait}"
        case Verdict.UNDECIDED:
            yield "a clear answer ends the step: harm takes it back, health goes on"
            yield _at_deadline(resource, evidence.verdict, step_time(spec) - stepped)
        case Verdict.BLIND:
            yield "no data counts neither for nor against it: the weights stay"
            left = spec.rollout.deadline - (now - rollout.started_at)
            yield _at_deadline(resource, evidence.verdict, max(left, shortest))
        case Verdict.BAD:
            yield "the evidence is bad: it is taken back"


def _span(left: timedelta) -> str:
    return span(left) if left > timedelta(0) else "no time: it is over"
