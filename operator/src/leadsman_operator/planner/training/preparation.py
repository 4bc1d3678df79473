"""What a training run needs before its first pod: what it may ask for, servers, a parent run."""

from __future__ import annotations

from collections.abc import Iterator

from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import Missing, ModelFacts, Unknown
from leadsman_operator.planner.plan import EnsureRun
from leadsman_operator.planner.references import data_references
from leadsman_operator.planner.render.training_objects import spec_hash
from leadsman_operator.planner.training.course import AT_ONCE, LATER, SOON, Course, stay
from leadsman_operator.planner.training.naming import (
    namespace_of,
    namespaced,
    study_of,
    trigger_of,
)
from leadsman_operator.planner.training.scene import Scene


def not_supported(scene: Scene) -> Course | None:
    """Stop at what the resource may say and this version can't do."""
    complaint = next(_not_built_yet(scene), None)
    if complaint is None:
        return None
    return stay(scene, Reason.SPEC_INVALID, complaint, None, is_stalled=True)


def _not_built_yet(scene: Scene) -> Iterator[str]:
    if scene.is_reproducing:
        return
    url = scene.observation.study_url
    if isinstance(url, str) and url.startswith("sqlite") and scene.search.parallelism > 1:
        yield (
            f"search.parallelism {scene.search.parallelism} needs a database that several pods"
            " can reach: write 1, or the address of a PostgreSQL in spec.search.storage"
        )


def without_record(scene: Scene) -> Course | None:
    """Stop where nobody knows what is to be trained again: no pod can be made without."""
    record = scene.observation.record
    if isinstance(record, Missing):
        # A version that comes wakes nobody.
        return stay(scene, record.reason, record.message, LATER, is_stalled=True)
    if isinstance(record, Unknown):
        return stay(scene, record.reason, record.message, SOON)
    return None


def obstacle(scene: Scene) -> Course | None:
    """Wait for what can't be read, and stop at what is not there."""
    missing = next(_missing(scene), None)
    if missing is not None:
        # A Secret that comes wakes nobody.
        return stay(scene, missing.reason, missing.message, LATER, is_stalled=True)
    unknown = next(_unknown(scene), None)
    if unknown is not None:
        return stay(scene, unknown.reason, unknown.message, SOON)
    return None


def _missing(scene: Scene) -> Iterator[Missing]:
    model, url = scene.observation.model, scene.observation.study_url
    # The first version makes the model.
    if isinstance(model, Missing) and model.reason is not Reason.MODEL_NOT_FOUND:
        yield model
    if isinstance(model, ModelFacts) and model.is_prompt:
        name = scene.spec.model.name
        yield Missing(Reason.NOT_A_MODEL, f"{name} is a prompt, not a model: name a model")
    if isinstance(url, Missing) and not scene.is_searched:
        yield url
    if scene.is_reproducing or not scene.is_searched:
        yield from _missing_data(scene)


def _missing_data(scene: Scene) -> Iterator[Missing]:
    """Pods that refer to what is not there would wait for it without a word to the user."""
    known = scene.observation.cluster.references
    for reference, field in data_references(scene.resource).items():
        if known.get(reference, "") is None:
            kind, _, name = reference.partition("/")
            where = namespace_of(scene.resource)
            message = f"there is no {kind} {name} in namespace {where}: make it, or change {field}"
            yield Missing(Reason.DATA_UNREADABLE, message)


def _unknown(scene: Scene) -> Iterator[Unknown]:
    observation = scene.observation
    needed = [observation.model, observation.run]
    for fact in needed:
        if isinstance(fact, Unknown):
            yield fact
    if scene.is_searched:
        return
    for of_the_study in (observation.study_url, observation.study):
        if isinstance(of_the_study, Unknown):
            yield of_the_study


def parent_run(scene: Scene) -> Course | None:
    """Make the MLflow run that the trials belong to.

    The executor puts its id into `status.runId`. A crash before that is harmless: the run is
    found again by the uid in its tags.
    """
    if scene.status.run_id is not None and not isinstance(scene.observation.run, Missing):
        return None
    resource = scene.resource
    prefix = scene.observation.configuration.experiment_prefix
    action = EnsureRun(
        experiment=f"{prefix}/{namespace_of(resource)}/{scene.spec.model.name}",
        name=scene.name,
        tags={
            Tag.TRAINING_RUN_UID.value: resource.metadata.uid or "",
            Tag.TRAINING_RUN.value: namespaced(resource),
            Tag.STUDY.value: study_of(resource),
            Tag.SPEC_HASH.value: spec_hash(resource),
            Tag.TRIGGER.value: trigger_of(resource),
        },
        because="the trials need an MLflow run that they belong to",
    )
    phase = scene.status.phase or RunPhase.PENDING
    message = "the MLflow run of the trials is being made"
    return Course(phase, Reason.PROGRESSING, message, (action,), AT_ONCE)
