"""A version that was trained again: how alike the two models are, and what differs."""

from __future__ import annotations

from leadsman_api.conclusion import Reproduction, Told
from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_spec import Reproduce
from leadsman_api.v1alpha1.training_run_status import (
    Provenance,
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
    reason, message = _REASONS[found.reproduction.verdict], _told(scene, asked, found)
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
    was, now = told.recorded_image, made_from.image_digest
    differs = found.first_difference
    if differs is None and was is not None and now is not None:
        differs = f"image: was {was} and is {now}" if was != now else _chance(found.verdict)
    compared = found.model_copy(update={"first_difference": differs})
    return told.model_copy(update={"reproduction": compared, "provenance": made_from})


def _chance(verdict: ReproductionVerdict) -> str | None:
    """What is left where all is known and alike."""
    if verdict is not ReproductionVerdict.NOT_REPRODUCIBLE:
        return None
    return "no input that is recorded: training gives another model each time"


def _tag(scene: Scene, asked: Reproduce, found: Reproduction) -> TagVersion:
    """The verdict on the version itself."""
    tags = {Tag.REPRODUCTION.value: found.to_text()}
    because = f"version {asked.version} was trained again: {found.reproduction.verdict}"
    return TagVersion(scene.spec.model.name, asked.version, tags, because)


def _told(scene: Scene, asked: Reproduce, told: Reproduction) -> str:
    found = told.reproduction
    said = {
        ReproductionVerdict.EXACT: "gave the same model, to the last bit",
        ReproductionVerdict.STATISTICAL: "gave the same predictions",
        ReproductionVerdict.NOT_REPRODUCIBLE: "gave another model",
    }[found.verdict]
    largest = found.largest_difference
    by = f", predictions differ by {largest:.3g} at most" if largest else ""
    input_ = f"; the first input that differs: {found.first_difference}"
    differs = input_ if found.first_difference else "; no recorded input differs"
    again = f"training version {asked.version} of {scene.spec.model.name} again"
    return f"{again} {said}{by}{differs}{_unknown_image(told)}"


def _unknown_image(told: Reproduction) -> str:
    """Which image can't be compared; of no interest beside a difference that has a name."""
    if told.reproduction.first_difference is not None:
        return ""
    if told.recorded_image is None:
        return ", the image was not recorded"
    return "" if told.provenance.image_digest else ", the image that ran now is not known"


def provenance_of(scene: Scene, told: Told) -> Provenance:
    """With what only the cluster knows: the image that really ran, and what started the run."""
    found = told.provenance
    return found.model_copy(
        update={
            "image_digest": found.image_digest or scene.concluding_image(told.pod_uid),
            "trigger": found.trigger or trigger_of(scene.resource),
        }
    )
