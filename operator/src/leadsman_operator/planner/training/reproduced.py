"""A version that was trained again: how alike the two models are, and what differs."""

from __future__ import annotations

from leadsman_api.conclusion import Reproduction, Told
from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_spec import Reproduce
from leadsman_api.v1alpha1.training_run_status import (
    Provenance,
    ReproductionStatus,
    ReproductionVerdict,
    RunPhase,
)
from leadsman_operator.planner.conditions import Change
from leadsman_operator.planner.plan import TagVersion
from leadsman_operator.planner.training.course import Course
from leadsman_operator.planner.training.naming import trigger_of
from leadsman_operator.planner.training.scene import Scene
from leadsman_operator.planner.training.told import told_by

_REASONS = {
    ReproductionVerdict.EXACT: Reason.REPRODUCED_EXACTLY,
    ReproductionVerdict.STATISTICAL: Reason.REPRODUCED_STATISTICALLY,
    ReproductionVerdict.NOT_REPRODUCIBLE: Reason.NOT_REPRODUCIBLE,
}


def reproduced(scene: Scene, asked: Reproduce) -> Course:
    """What the Job has found, from the tag that it wrote on its run; with it the run is over."""
    told = told_by(scene, Tag.REPRODUCTION, Reproduction)
    if isinstance(told, Course):
        return told
    found = _with_image(scene, told)
    reason, message = _REASONS[found.reproduction.verdict], _told(scene, asked, found.reproduction)
    is_alike = found.reproduction.verdict is not ReproductionVerdict.NOT_REPRODUCIBLE
    status = ConditionStatus.TRUE if is_alike else ConditionStatus.FALSE
    return Course(
        RunPhase.SUCCEEDED if is_alike else RunPhase.FAILED,
        reason,
        message,
        actions=(_tag(scene, asked, found),),
        changes={"reproduction": found.reproduction, "provenance": found.provenance},
        conditions=(Change(ConditionType.REPRODUCED, status, reason, message),),
    )


def _with_image(scene: Scene, told: Reproduction) -> Reproduction:
    """With the image among the inputs, which no pod knows of itself.

    It comes last: what differs inside it and has a name, such as a package, says more.
    """
    made_from, found = provenance_of(scene, told), told.reproduction
    differs = found.first_difference or _other_image(told.recorded_image, made_from.image_digest)
    if differs is None and found.verdict is ReproductionVerdict.NOT_REPRODUCIBLE:
        differs = "no input that is recorded: training gives another model each time"
    compared = found.model_copy(update={"first_difference": differs})
    return told.model_copy(update={"reproduction": compared, "provenance": made_from})


def _other_image(was: str | None, now: str | None) -> str | None:
    if was is None:
        return "image: not recorded"
    return None if was == now else f"image: was {was} and is {now or 'unknown'}"


def _tag(scene: Scene, asked: Reproduce, found: Reproduction) -> TagVersion:
    """The verdict on the version itself."""
    tags = {Tag.REPRODUCTION.value: found.to_text()}
    because = f"version {asked.version} was trained again: {found.reproduction.verdict}"
    return TagVersion(scene.spec.model.name, asked.version, tags, because)


def _told(scene: Scene, asked: Reproduce, found: ReproductionStatus) -> str:
    said = {
        ReproductionVerdict.EXACT: "gave the same model, to the last bit",
        ReproductionVerdict.STATISTICAL: "gave the same predictions",
        ReproductionVerdict.NOT_REPRODUCIBLE: "gave another model",
    }[found.verdict]
    largest = found.largest_difference
    by = f", predictions differ by {largest:.3g} at most" if largest else ""
    input_ = f"; the first input that differs: {found.first_difference}"
    differs = input_ if found.first_difference else "; no recorded input differs"
    return f"training version {asked.version} of {scene.spec.model.name} again {said}{by}{differs}"


def provenance_of(scene: Scene, told: Told) -> Provenance:
    """With what only the cluster knows: the image that really ran, and what started the run."""
    found = told.provenance
    return found.model_copy(
        update={
            "image_digest": found.image_digest or scene.concluding_image(told.pod_uid),
            "trigger": found.trigger or trigger_of(scene.resource),
        }
    )
