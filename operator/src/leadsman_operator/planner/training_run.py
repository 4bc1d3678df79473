"""The plan for a TrainingRun: where it stands, what that takes, and what people are told.

Each step below either says what is done now or that its part is done; the first that has
something to do makes the plan. The order is the life of a run.
"""

from __future__ import annotations

from collections.abc import Iterator

from leadsman_api.v1alpha1 import TrainingRunStatus
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.planner.observation import RunObservation
from leadsman_operator.planner.plan import Event, Plan
from leadsman_operator.planner.training.concluding import concluding
from leadsman_operator.planner.training.course import Course
from leadsman_operator.planner.training.deletion import deleted
from leadsman_operator.planner.training.preparation import (
    not_supported,
    obstacle,
    parent_run,
    without_record,
)
from leadsman_operator.planner.training.promoting import promoting
from leadsman_operator.planner.training.resting import resting
from leadsman_operator.planner.training.run_status import is_news, written
from leadsman_operator.planner.training.scene import Scene
from leadsman_operator.planner.training.searching import searching
from leadsman_operator.planner.training.suspension import suspended

RunPlan = Plan[TrainingRunStatus]

_BAD_ENDS = frozenset({RunPhase.FAILED, RunPhase.REJECTED})


def plan_training_run(observation: RunObservation) -> RunPlan:
    """What to do now for one TrainingRun."""
    scene = Scene(observation)
    return deleted(scene) or _plan(scene, _next_course(scene))


def _next_course(scene: Scene) -> Course:
    return (
        resting(scene)
        or not_supported(scene)
        or suspended(scene)
        or without_record(scene)
        or obstacle(scene)
        or parent_run(scene)
        or searching(scene)
        or concluding(scene)
        or promoting(scene)
    )


def _plan(scene: Scene, course: Course) -> RunPlan:
    return Plan(
        actions=course.actions,
        status=written(scene, course),
        events=tuple(_events(scene, course)),
        look_again_in=course.look_again_in,
    )


def _events(scene: Scene, course: Course) -> Iterator[Event]:
    yield from course.events
    if is_news(scene, course):
        is_bad = course.is_stalled or course.phase in _BAD_ENDS
        yield Event(course.reason, course.message, warning=is_bad)
