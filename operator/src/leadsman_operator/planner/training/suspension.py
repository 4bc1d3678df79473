"""A run that its user stopped for a while."""

from __future__ import annotations

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import Missing, Unknown
from leadsman_operator.planner.plan import Action
from leadsman_operator.planner.training.belongings import halted, recalled
from leadsman_operator.planner.training.course import LATER, Course
from leadsman_operator.planner.training.reaping import lost_events, reap
from leadsman_operator.planner.training.scene import Scene


def suspended(scene: Scene) -> Course | None:
    """Take the pods away and keep what was found, whatever server answers."""
    if not scene.spec.suspend:
        return None
    counts = scene.status.trials
    found = f" after {counts.progress} trials" if counts and counts.progress else ""
    message = f"suspended{found}: spec.suspend is true"
    can_reap = _is_known(scene)
    return Course(
        RunPhase.SUSPENDED,
        Reason.SUSPENDED,
        message,
        (*_stop(scene), *(reap(scene) if can_reap else ())),
        LATER,
        events=tuple(lost_events(scene)) if can_reap else (),
    )


def _stop(scene: Scene) -> tuple[Action, ...]:
    stopped, job = recalled(scene, "spec.suspend is true"), scene.stage_job
    if job is None or job.is_over or job.is_leaving:
        return stopped
    return (*stopped, *halted(scene, job))


def _is_known(scene: Scene) -> bool:
    """Whether the trials can be ended in the study and in MLflow."""
    model = scene.observation.model
    missing = isinstance(model, Missing) and model.reason is not Reason.MODEL_NOT_FOUND
    return scene.study is not None and not missing and not isinstance(model, Unknown)
