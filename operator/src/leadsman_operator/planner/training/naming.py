"""Names of all that belongs to a TrainingRun: functions of its name, nothing random."""

from __future__ import annotations

from leadsman_api import TrainingRun
from leadsman_api.labels import MANAGED_BY, Label
from leadsman_api.studies import study_name

JOB_LABEL = "batch.kubernetes.io/job-name"
JOB_UID_LABEL = "batch.kubernetes.io/controller-uid"
"""Put on every pod of a Job by Kubernetes itself."""
UNNAMED_TRIGGER = "manual"


def search_job(name: str, attempt: int) -> str:
    """Job of the workers."""
    return f"{name}-search-{attempt}"


def trial_job(name: str, attempt: int, number: int) -> str:
    """Job of a single trial; the number is the Job's own, and not that of the trial."""
    return f"{search_job(name, attempt)}-{number}"


def trial_job_number(job: str, name: str, attempt: int) -> int | None:
    """Number of the Job of a single trial; None for any other Job."""
    number = job.removeprefix(trial_job(name, attempt, 0).removesuffix("0"))
    return int(number) if number.isdecimal() else None


def memory_job(name: str, attempt: int, doublings: int) -> str:
    """Job of the worker whose memory was doubled so often."""
    return f"{search_job(name, attempt)}-memory-{doublings}"


def conclude_job(name: str, attempt: int) -> str:
    """Job that fits the best parameters again, judges and registers."""
    return f"{name}-conclude-{attempt}"


def study_secret(name: str) -> str:
    """Secret with the address of the operator's own database of studies."""
    return f"{name}-study"


def registry_secret(name: str) -> str:
    """Secret with what opens the operator's own MLflow server."""
    return f"{name}-registry"


def spec_config_map(name: str) -> str:
    """ConfigMap with the TrainingRun as its pods read it."""
    return f"{name}-spec"


def account(name: str) -> str:
    """ServiceAccount of the pods; a ModelDeployment of the same name has one of its own."""
    return f"{name}-training"


def owner_labels(name: str) -> dict[str, str]:
    """Labels by which all that belongs to a TrainingRun is found."""
    return {
        Label.MANAGED_BY: MANAGED_BY,
        Label.COMPONENT: "training",
        Label.INSTANCE: name,
        Label.TRAINING_RUN: name,
    }


def selector_text(name: str) -> str:
    """The selector of all pods, as `kubectl scale` and autoscalers read it."""
    return f"{Label.TRAINING_RUN}={name}"


def namespaced(resource: TrainingRun) -> str:
    """`namespace/name`."""
    return f"{namespace_of(resource)}/{resource.metadata.name}"


def namespace_of(resource: TrainingRun) -> str:
    """Namespace of a TrainingRun."""
    return resource.metadata.namespace or "default"


def study_of(resource: TrainingRun) -> str:
    """Name of the Optuna study."""
    metadata = resource.metadata
    return study_name(namespace_of(resource), metadata.name, metadata.uid or "")


def trigger_of(resource: TrainingRun) -> str:
    """What started the run: a retraining says so in a label."""
    return resource.metadata.labels.get(Label.TRIGGER, UNNAMED_TRIGGER)
