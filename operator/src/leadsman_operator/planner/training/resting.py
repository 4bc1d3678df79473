"""A run that has ended: nothing is made any more, and its pods go when their time is over."""

from __future__ import annotations

from datetime import timedelta

from leadsman_api.conditions import ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import RunPhase, TrialCounts
from leadsman_operator.planner.plan import DeleteObject
from leadsman_operator.planner.render.training_job import SHORTEST_KEPT
from leadsman_operator.planner.training.course import Course
from leadsman_operator.planner.training.scene import Scene
from leadsman_operator.planner.training.searching import another_attempt, wants_more


def resting(scene: Scene) -> Course | None:
    """Keep a run that has ended as it is, unless more trials are asked for."""
    if not scene.is_over:
        return None
    counts = scene.status.trials or TrialCounts()
    if wants_more(scene, scene.trials_asked_for, counts):
        return another_attempt(scene)
    left = _time_left(scene)
    late = [job for job in scene.jobs if not job.is_leaving] if not left else []
    ready = scene.conditions.get(ConditionType.READY)
    return Course(
        scene.status.phase or RunPhase.FAILED,
        ready.reason if ready else Reason.AS_DESIRED,
        scene.status.message or "",
        tuple(
            DeleteObject(
                scene.job_ref(job.name), f"{job.name} was kept for spec.keepPodsFor after the end"
            )
            for job in late
        ),
        left if scene.jobs and left and scene.spec.keep_pods_for < SHORTEST_KEPT else None,
    )


def _time_left(scene: Scene) -> timedelta:
    """Time until the pods go; Kubernetes itself sees to it where they are kept for long."""
    timings = scene.status.timings
    ended = timings.finished_at if timings else None
    if ended is None or scene.spec.keep_pods_for >= SHORTEST_KEPT:
        return SHORTEST_KEPT
    return max(timedelta(0), ended + scene.spec.keep_pods_for - scene.now)
