"""A run that is being deleted: its pods are told to go, then nothing of it is left running."""

from __future__ import annotations

from datetime import timedelta

from leadsman_api.v1alpha1 import TrainingRunStatus
from leadsman_operator.facts import RunFacts
from leadsman_operator.planner.plan import Action, DeleteObject, Plan
from leadsman_operator.planner.training.course import ended
from leadsman_operator.planner.training.reaping import end_losses
from leadsman_operator.planner.training.scene import Scene

_SOON = timedelta(seconds=1)
_KILLED = "KILLED"


def deleted(scene: Scene) -> Plan[TrainingRunStatus] | None:
    """Take the Jobs away, workers first; when no pod is left, end what they left open.

    What the pods read goes with the resource, by its owner references. A server that can't be
    reached keeps nobody from deleting.
    """
    if scene.resource.metadata.deletion_timestamp is None:
        return None
    left = len(scene.jobs) + len(scene.observation.cluster.pods)
    message = f"is being deleted: {left} Jobs and pods are still there"
    return Plan(
        _take_away(scene) if left else _leave_nothing_open(scene),
        scene.status.model_copy(update={"message": message}),
        look_again_in=_SOON,
        gone=left == 0,
    )


def _take_away(scene: Scene) -> tuple[Action, ...]:
    going = [job for job in scene.jobs if not job.is_leaving]
    going.sort(key=lambda job: ("-search-" not in job.name, job.name))
    refs = [scene.job_ref(job.name) for job in going]
    return tuple(DeleteObject(ref, f"{ref} goes with its TrainingRun") for ref in refs)


def _leave_nothing_open(scene: Scene) -> tuple[Action, ...]:
    """Nobody else would ever end these runs: MLflow has no heartbeat."""
    trials = end_losses(scene) if _reaches_mlflow(scene) else ()
    return (*trials, *ended(scene, _KILLED, "the TrainingRun is being deleted"))


def _reaches_mlflow(scene: Scene) -> bool:
    return isinstance(scene.observation.run, RunFacts)
