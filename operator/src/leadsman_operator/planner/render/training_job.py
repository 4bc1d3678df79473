"""The Jobs of a TrainingRun: workers over one study, or single trials, and the conclusion."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from leadsman_api import TrainingRun
from leadsman_api.labels import Annotation, Label
from leadsman_api.termination import ExitCode
from leadsman_api.v1alpha1.search import Search
from leadsman_operator.facts import Manifest
from leadsman_operator.planner.observation import Configuration
from leadsman_operator.planner.render.ownership import owned
from leadsman_operator.planner.render.training_pod import CONTAINER, training_pod
from leadsman_operator.planner.training.naming import (
    conclude_job,
    memory_job,
    owner_labels,
    search_job,
    trial_job,
)

WORK, CONCLUDE, REPRODUCE = "work", "conclude", "reproduce"
QUEUE = "kueue.x-k8s.io/queue-name"
PRIORITY = "kueue.x-k8s.io/priority-class"
LEAST_PODS = "kueue.x-k8s.io/job-min-parallelism"
SHORTEST_KEPT = timedelta(hours=1)
"""A finished Job is kept so long at least: an operator that is away must still see its end."""
_SLACK = timedelta(minutes=10)
"""Time that a Job gets beyond the search's own, for the start of pods and the last trial."""
_RETRIES_OF_A_WORKER = 3
_RETRIES_OF_THE_CONCLUSION = 3
_CHANGED_ON_A_LIVE_JOB = (
    "parallelism",
    "completions",
    "suspend",
    "activeDeadlineSeconds",
    "ttlSecondsAfterFinished",
)
"""What Kubernetes lets change while a Job runs; of a suspended or elastic one all of it."""


def search_manifest(
    resource: TrainingRun, configuration: Configuration, attempt: int, run_id: str
) -> Manifest:
    """An Indexed Job of workers that live as long as the search.

    Completions are the number of workers: a worker that ends well is not started again, and
    both numbers may change together while it runs.
    """
    search = resource.spec.effective_search or Search()
    manifest = _search_job(resource, search_job(resource.metadata.name, attempt), attempt)
    annotations = manifest["metadata"]["annotations"]
    if resource.spec.queue is not None and resource.spec.queue.min_parallelism is not None:
        annotations[LEAST_PODS] = str(resource.spec.queue.min_parallelism)
    manifest["spec"] |= {
        **_indexed(search.parallelism),
        "template": _template(resource, configuration, WORK, attempt, run_id),
    }
    return manifest


def trial_manifest(
    resource: TrainingRun, configuration: Configuration, attempt: int, run_id: str, number: int
) -> Manifest:
    """A Job of one worker that ends after a trial, however that ends.

    No pod takes the place of one that failed: which trial comes next is for the study to say.
    """
    name = trial_job(resource.metadata.name, attempt, number)
    manifest = _search_job(resource, name, attempt)
    manifest["spec"] |= {
        **_indexed(1),
        "backoffLimitPerIndex": 0,
        "template": _template(resource, configuration, WORK, attempt, run_id),
    }
    return manifest


def memory_manifest(
    resource: TrainingRun, configuration: Configuration, attempt: int, run_id: str, doublings: int
) -> Manifest:
    """A Job of one worker with more memory, for trials that ran out of it.

    A Job of its own, because the pods of a Job are all alike and never change.
    """
    name = memory_job(resource.metadata.name, attempt, doublings)
    manifest = _job(resource, name, attempt)
    manifest["spec"] |= {
        **_indexed(1),
        "template": _template(resource, configuration, WORK, attempt, run_id, doublings),
    }
    return manifest


def conclude_manifest(
    resource: TrainingRun, configuration: Configuration, attempt: int, run_id: str
) -> Manifest:
    """A Job of one pod that fits, judges and registers; doing it twice changes nothing."""
    manifest = _job(resource, conclude_job(resource.metadata.name, attempt), attempt)
    command = CONCLUDE if resource.spec.reproduce is None else REPRODUCE
    manifest["spec"] |= {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": _RETRIES_OF_THE_CONCLUSION,
        "podFailurePolicy": {"rules": _rules()},
        "template": _template(resource, configuration, command, attempt, run_id),
    }
    return manifest


def _indexed(workers: int) -> dict[str, Any]:
    return {
        "completionMode": "Indexed",
        "completions": workers,
        "parallelism": workers,
        "backoffLimitPerIndex": _RETRIES_OF_A_WORKER,
        "podFailurePolicy": {"rules": [*_rules(), _fail_index()]},
    }


def changed(desired: Manifest, live: Manifest) -> Manifest | None:
    """A live Job with what may change of it as desired; None when it is so already.

    All else of a Job is fixed, its pods above all: it stays as it was begun, even if the
    operator would render it otherwise today.
    """
    wanted = {name: desired["spec"].get(name) for name in _CHANGED_ON_A_LIVE_JOB}
    if all(_written(live, name) == value for name, value in wanted.items()):
        return None
    # A null that the API server writes would be a field of ours if it were applied.
    spec = {**_without_nulls(live["spec"]), **wanted}
    annotations = dict(desired["metadata"].get("annotations", {}))
    begun_for = live["metadata"].get("annotations", {}).get(Annotation.TRIALS)
    if begun_for is not None:
        annotations[Annotation.TRIALS.value] = begun_for
    return {
        **desired,
        "metadata": {**desired["metadata"], "annotations": annotations},
        "spec": spec,
    }


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nulls(value) if isinstance(value, Mapping) else value
        for name, value in fields.items()
        if value is not None
    }


def _written(live: Manifest, name: str) -> object:
    found: object = live["spec"].get(name, False if name == "suspend" else None)
    return found


def kept_for(resource: TrainingRun) -> timedelta:
    """Time until Kubernetes itself deletes a finished Job."""
    return max(resource.spec.keep_pods_for, SHORTEST_KEPT)


def _job(resource: TrainingRun, name: str, attempt: int) -> dict[str, Any]:
    """The head of a Job and what both have in common."""
    manifest = owned(resource, "batch/v1", "Job", name, _labels(resource, attempt))
    search = resource.spec.effective_search or Search()
    deadline = search.timeout + _SLACK
    manifest["spec"] = {
        "suspend": resource.spec.suspend,
        "activeDeadlineSeconds": round(deadline.total_seconds()),
        "ttlSecondsAfterFinished": round(kept_for(resource).total_seconds()),
        "podReplacementPolicy": "Failed",
    }
    queue = resource.spec.queue
    if queue is not None:
        # Whether and how wide a queued Job runs is the queue's to say.
        del manifest["spec"]["suspend"]
        manifest["metadata"]["labels"][QUEUE] = queue.name
        if queue.priority_class is not None:
            manifest["metadata"]["labels"][PRIORITY] = queue.priority_class
    return manifest


def _search_job(resource: TrainingRun, name: str, attempt: int) -> dict[str, Any]:
    """The head of a Job by which a search may end: it says how many trials that is for."""
    manifest = _job(resource, name, attempt)
    search = resource.spec.effective_search or Search()
    manifest["metadata"].setdefault("annotations", {})[Annotation.TRIALS.value] = str(search.trials)
    return manifest


def _labels(resource: TrainingRun, attempt: int) -> dict[str, str]:
    return {**owner_labels(resource.metadata.name), Label.ATTEMPT: str(attempt)}


def _template(
    resource: TrainingRun,
    configuration: Configuration,
    command: str,
    attempt: int,
    run_id: str,
    doublings: int = 0,
) -> dict[str, Any]:
    labels = {str(key): value for key, value in _labels(resource, attempt).items()}
    of_search = attempt if command == WORK else None
    pod = training_pod(
        resource, configuration, command, run_id, attempt=of_search, doublings=doublings
    )
    return {
        "metadata": {
            "labels": labels,
            "annotations": {Annotation.MODEL_NAME.value: resource.spec.model.name},
        },
        "spec": pod,
    }


def _rules() -> list[dict[str, Any]]:
    """A pod that was taken away costs nothing; one that can't ever work ends it all.

    The order counts: the first rule that fits decides.
    """
    return [
        {
            "action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        },
        # Whoever deletes a pod leaves no such condition, but the program knows that it had to go.
        _on_exit("Ignore", ExitCode.PREEMPTED),
        _on_exit("FailJob", ExitCode.NO_USE),
    ]


def _fail_index() -> dict[str, Any]:
    return _on_exit("FailIndex", ExitCode.THIS_WORKER)


def _on_exit(action: str, code: ExitCode) -> dict[str, Any]:
    codes = {"containerName": CONTAINER, "operator": "In", "values": [int(code)]}
    return {"action": action, "onExitCodes": codes}
