"""A version that was trained again: how alike the two models are, and what differs."""

from __future__ import annotations

from leadsman_api.conclusion import Reproduction
from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import (
    Provenance,
    ReproductionStatus,
    ReproductionVerdict,
    RunPhase,
)
from leadsman_operator.planner.conditions import Change
from leadsman_operator.planner.training.course import Course
from leadsman_operator.planner.training.naming import trigger_of
from leadsman_operator.planner.training.scene import Scene
from leadsman_operator.planner.training.told import told_by

_REASONS = {
    ReproductionVerdict.EXACT: Reason.REPRODUCED_EXACTLY,
    ReproductionVerdict.STATISTICAL: Reason.REPRODUCED_STATISTICALLY,
    ReproductionVerdict.NOT_REPRODUCIBLE: Reason.NOT_REPRODUCIBLE,
}


def reproduced(scene: Scene) -> Course:
    """What the Job has found, from the tag that it wrote on its run; with it the run is over."""
    found = told_by(scene, Tag.REPRODUCTION, Reproduction)
    if isinstance(found, Course):
        return found
    reason, message = _REASONS[found.reproduction.verdict], _told(scene, found.reproduction)
    is_alike = found.reproduction.verdict is not ReproductionVerdict.NOT_REPRODUCIBLE
    status = ConditionStatus.TRUE if is_alike else ConditionStatus.FALSE
    return Course(
        RunPhase.SUCCEEDED if is_alike else RunPhase.FAILED,
        reason,
        message,
        changes={
            "reproduction": found.reproduction,
            "provenance": provenance_of(scene, found.provenance),
        },
        conditions=(Change(ConditionType.REPRODUCED, status, reason, message),),
    )


def _told(scene: Scene, found: ReproductionStatus) -> str:
    version = scene.spec.reproduce.version if scene.spec.reproduce else 0
    said = {
        ReproductionVerdict.EXACT: "gave the same model, to the last bit",
        ReproductionVerdict.STATISTICAL: "gave the same predictions",
        ReproductionVerdict.NOT_REPRODUCIBLE: "gave another model",
    }[found.verdict]
    largest = found.largest_difference
    by = f", predictions differ by {largest:.3g} at most" if largest else ""
    input_ = f"; the first input that differs: {found.first_difference}"
    differs = input_ if found.first_difference else "; no recorded input differs"
    return f"training version {version} of {scene.spec.model.name} again {said}{by}{differs}"


def provenance_of(scene: Scene, found: Provenance) -> Provenance:
    """With what only the cluster knows: the image that really ran, and what started the run."""
    job = scene.conclude_job
    pods = scene.pods_of(job.name) if job is not None else ()
    digests = [pod.image_digest for pod in pods if pod.image_digest]
    return found.model_copy(
        update={
            "image_digest": digests[-1] if digests else found.image_digest,
            "trigger": found.trigger or trigger_of(scene.resource),
        }
    )
