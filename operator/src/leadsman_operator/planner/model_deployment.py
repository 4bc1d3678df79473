"""The plan for a ModelDeployment: where it goes, what that takes, and what people are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1 import ModelDeploymentStatus
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase
from leadsman_operator.planner.commands import refusals
from leadsman_operator.planner.conditions import Change, updated
from leadsman_operator.planner.converge import actions_toward, take_all
from leadsman_operator.planner.course import Course
from leadsman_operator.planner.deployment_status import written
from leadsman_operator.planner.observation import DeploymentObservation
from leadsman_operator.planner.plan import Event, Plan
from leadsman_operator.planner.rollout import next_course
from leadsman_operator.planner.routing.traffic import ALL_STABLE, by_gateway, carries, wanted_split
from leadsman_operator.planner.scene import Scene
from leadsman_operator.planner.swap import is_interrupted

_AT_ONCE = timedelta(0)
_SETTLED = timedelta(seconds=30)
_SOON = timedelta(seconds=1)
"""While a gateway is to take something up, for a route of the user's is not watched; and while
nothing serves."""
_LOOKS = 3
"""Between two scrapes, while a rollout moves: else a bad candidate stays for as long again."""
_MOVING = frozenset({DeploymentPhase.ROLLING_OUT, DeploymentPhase.BAKING, DeploymentPhase.PAUSED})

DeploymentPlan = Plan[ModelDeploymentStatus]


def plan_model_deployment(observation: DeploymentObservation) -> DeploymentPlan:
    """What to do now for one ModelDeployment."""
    scene = Scene(observation)
    if observation.resource.metadata.deletion_timestamp is not None:
        return _delete(scene)
    complaint = next(_not_built_yet(scene), None)
    if complaint is not None:
        return _stalled(scene, complaint)
    course = next_course(scene)
    status = written(scene, course)
    return Plan(
        actions=(*actions_toward(scene, status), *course.actions),
        status=status,
        events=(*_events(course), *refusals(scene.status, status)),
        look_again_in=_look_again(scene, status, course),
    )


def _not_built_yet(scene: Scene) -> Iterator[str]:
    """What the resource may say and this version can't do: said, not passed over."""
    spec = scene.spec
    for target in ("requests_per_second", "concurrency"):
        if getattr(spec.scaling.targets, target) is not None:
            name = "requestsPerSecond" if target == "requests_per_second" else target
            yield (f"scaling.targets.{name} is not supported by this version: write cpuUtilization")
    if spec.retraining is not None:
        yield "retraining is not supported by this version: leave it out"


def _stalled(scene: Scene, complaint: str) -> DeploymentPlan:
    """Leave everything as it is, and say what to write instead."""
    status, metadata = scene.status, scene.observation.resource.metadata
    conditions = updated(
        status.conditions,
        Change(ConditionType.READY, ConditionStatus.FALSE, Reason.SPEC_INVALID, complaint),
        Change(ConditionType.RECONCILING, ConditionStatus.FALSE, Reason.SPEC_INVALID, complaint),
        Change(ConditionType.STALLED, ConditionStatus.TRUE, Reason.SPEC_INVALID, complaint),
        now=scene.now,
        generation=metadata.generation or 0,
    )
    phase = status.phase or DeploymentPhase.FAILED
    news = status.message != complaint
    return Plan(
        actions=(),
        status=status.model_copy(
            update={
                "phase": phase,
                "message": complaint,
                "conditions": conditions,
                "observed_generation": metadata.generation,
            }
        ),
        events=(Event(Reason.SPEC_INVALID, complaint, warning=True),) if news else (),
    )


def _delete(scene: Scene) -> DeploymentPlan:
    """Take everything away in order, and go when nothing is left."""
    actions = take_all(scene)
    left = len(scene.observation.cluster.objects) + len(scene.observation.cluster.pods)
    message = f"{left} objects and pods are still there"
    status = scene.status.model_copy(update={"phase": DeploymentPhase.DELETING, "message": message})
    return Plan(actions, status, look_again_in=timedelta(seconds=1), gone=left == 0)


def _events(course: Course) -> Iterator[Event]:
    for told in course.told:
        yield Event(told.reason, told.message, warning=course.is_bad_news)


def _look_again(scene: Scene, status: ModelDeploymentStatus, course: Course) -> timedelta:
    before = scene.status
    turned = (status.phase, status.weight) != (before.phase, before.weight)
    stepped = status.rollout is not None and (
        before.rollout is None or status.rollout.step != before.rollout.step
    )
    if course.told or turned or stepped:
        return _AT_ONCE
    if is_interrupted(status) or _waits_for_gateway(scene, status):
        return _SOON
    if status.phase in _MOVING:
        return min(scene.observation.configuration.scrape_interval / _LOOKS, _SETTLED)
    if status.previous is not None and status.previous.keep_until is not None:
        return max(_AT_ONCE, min(_SETTLED, status.previous.keep_until - scene.now))
    return _SETTLED


def _waits_for_gateway(scene: Scene, status: ModelDeploymentStatus) -> bool:
    """Whether a gateway has still to take up what it is to split."""
    if not by_gateway(scene):
        return False
    at_rest = status.candidate is not None or carries(scene, ALL_STABLE)
    return not at_rest or not carries(scene, wanted_split(scene, status))
