"""What a TrainingRun's pods need, and its Jobs: made when missing, mended when changed."""

from __future__ import annotations

from collections.abc import Iterator

from leadsman_operator.facts import Manifest, Missing, ObjectRef, Unknown
from leadsman_operator.planner.plan import Action, ApplyObject, DeleteObject
from leadsman_operator.planner.render.applied import needs_apply, with_hash
from leadsman_operator.planner.render.training_job import (
    changed,
    conclude_manifest,
    memory_manifest,
    search_manifest,
    trial_manifest,
)
from leadsman_operator.planner.render.training_objects import (
    registry_credentials,
    spec_file,
    study_address,
    training_account,
)
from leadsman_operator.planner.training.jobs import Job
from leadsman_operator.planner.training.scene import Scene
from leadsman_operator.planner.training.trial_jobs import done_with, new_numbers
from leadsman_operator.planner.training.trials import short_of_memory


def search_objects(scene: Scene) -> tuple[Action, ...]:
    """All that the search needs, its Jobs last."""
    needs = (*_needs(scene), *_apply(scene, _spec(scene), "the pods read the spec"))
    search = _trial_jobs(scene) if scene.has_job_per_trial else _search(scene)
    return (*needs, *search, *_more_memory(scene))


def conclude_objects(scene: Scene) -> tuple[Action, ...]:
    """All that the conclusion needs, its Job last.

    The spec's file stays as it is: it says how many trials were asked for until now.
    """
    known = scene.live("ConfigMap", _spec(scene)["metadata"]["name"])
    spec = () if known is not None else _apply(scene, _spec(scene), "the pods read the spec")
    return (*_needs(scene), *spec, *_conclude(scene))


def halted(scene: Scene, job: Job) -> tuple[Action, ...]:
    """Take the pods of a Job away, and let it go on later.

    A queue says whether a Job of its runs: such a Job is made anew later. So is one of which
    nobody knows what it was made for.
    """
    if scene.spec.queue is not None or isinstance(scene.observation.record, (Missing, Unknown)):
        ref = scene.job_ref(job.name)
        return (DeleteObject(ref, f"{ref} is stopped: spec.suspend is true"),)
    return tuple(_conclude(scene) if scene.is_searched else _search(scene))


def recalled(scene: Scene, because: str) -> tuple[DeleteObject, ...]:
    """Take the Jobs away that are for some trials only; they are made anew later."""
    for_trials = [job for job in scene.trial_jobs.values() if not job.is_over]
    jobs = [job for job in (*for_trials, *scene.memory_jobs) if not job.is_leaving]
    refs = [scene.job_ref(job.name) for job in jobs]
    return tuple(DeleteObject(ref, f"{ref} is stopped: {because}") for ref in refs)


def _needs(scene: Scene) -> Iterator[ApplyObject]:
    resource, observation = scene.resource, scene.observation
    configuration = observation.configuration
    yield from _apply(scene, training_account(resource), "the pods have no rights")
    storage = scene.search.storage
    is_ours = storage is None and not scene.is_reproducing
    if is_ours and isinstance(observation.study_url, str):
        secret = study_address(resource, observation.study_url)
        yield from _apply(scene, secret, "the pods reach the study")
    if resource.spec.model.registry is None and configuration.tracking_credentials:
        secret = registry_credentials(resource, configuration.tracking_credentials)
        yield from _apply(scene, secret, "the pods may write to MLflow")


def _spec(scene: Scene) -> Manifest:
    return spec_file(scene.resource, scene.search.trials)


def _search(scene: Scene) -> Iterator[ApplyObject]:
    run_id = scene.status.run_id or ""
    manifest = search_manifest(
        scene.resource, scene.observation.configuration, scene.attempt, run_id
    )
    yield from _apply_job(scene, manifest, scene.search_job)


def _trial_jobs(scene: Scene) -> Iterator[Action]:
    """A Job for each trial that may run now; those that have been read make room."""
    run_id, configuration = scene.status.run_id or "", scene.observation.configuration
    going = [job.name for job in done_with(scene)]
    staying = [number for number, job in scene.trial_jobs.items() if job.name not in going]
    for number in (*staying, *new_numbers(scene)):
        manifest = trial_manifest(scene.resource, configuration, scene.attempt, run_id, number)
        yield from _apply_job(scene, manifest, scene.trial_jobs.get(number))
    for name in going:
        ref = scene.job_ref(name)
        yield DeleteObject(ref, f"{ref} is done with")


def _more_memory(scene: Scene) -> Iterator[Action]:
    """A Job for each amount of memory that trials wait for, made anew when it was over before."""
    run_id = scene.status.run_id or ""
    waiting = short_of_memory(scene.study) if scene.study is not None else []
    known = {job.name: job for job in scene.memory_jobs}
    for doublings in sorted({trial.doublings for trial in waiting}):
        manifest = memory_manifest(
            scene.resource, scene.observation.configuration, scene.attempt, run_id, doublings
        )
        ref = ObjectRef.of(manifest)
        job = known.get(ref.name)
        if job is None:
            yield ApplyObject(with_hash(manifest), f"{ref} is missing: trials ran out of memory")
        elif job.is_over and not job.is_leaving:
            yield DeleteObject(ref, f"{ref} is over, and is made anew for more trials")


def _conclude(scene: Scene) -> Iterator[ApplyObject]:
    run_id = scene.status.run_id or ""
    manifest = conclude_manifest(
        scene.resource, scene.observation.configuration, scene.attempt, run_id
    )
    yield from _apply_job(scene, manifest, scene.conclude_job)


def _apply(scene: Scene, manifest: Manifest, because: str) -> Iterator[ApplyObject]:
    desired = with_hash(manifest)
    ref = ObjectRef.of(desired)
    live = scene.observation.cluster.objects.get(ref)
    if needs_apply(desired, live):
        verb = "is missing" if live is None else "differs"
        yield ApplyObject(desired, f"{ref} {verb}: {because}")


def _apply_job(scene: Scene, manifest: Manifest, live: Job | None) -> Iterator[ApplyObject]:
    """Make a Job, or change the little of a live one that may change.

    A queue writes the same fields of its Jobs: they are made, and then left alone.
    """
    ref = ObjectRef.of(manifest)
    if live is None:
        yield ApplyObject(with_hash(manifest), f"{ref} is missing")
        return
    if scene.spec.queue is not None or live.is_over:
        return
    different = changed(manifest, live.manifest)
    if different is not None:
        yield ApplyObject(with_hash(different), f"{ref} differs: the spec has changed")
