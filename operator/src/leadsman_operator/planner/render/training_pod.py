"""The pod of a worker or of the conclusion: restricted, and told by its environment what to do."""

from __future__ import annotations

from typing import Any

from leadsman_api import TrainingRun
from leadsman_api.environment import MlflowVariable, Variable
from leadsman_api.values import Quantity
from leadsman_operator.planner.observation import Configuration
from leadsman_operator.planner.render.pods import (
    TMP,
    container,
    credentials,
    environment,
    placement,
    pod_security,
    resources,
    users_environment,
)
from leadsman_operator.planner.render.training_objects import SPEC_FILE, STUDY_KEY
from leadsman_operator.planner.training.naming import (
    account,
    namespaced,
    registry_secret,
    spec_config_map,
    study_of,
    study_secret,
    trigger_of,
)

CONTAINER = "training"
SPEC_DIR = "/etc/leadsman"
DATA_DIR = "/data"
INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
_GRACE_SECONDS = 60
_MLFLOW_RETRIES = "5"
_MLFLOW_TIMEOUT_SECONDS = "30"

Fragment = dict[str, Any]


def training_pod(
    resource: TrainingRun,
    configuration: Configuration,
    command: str,
    run_id: str,
    *,
    attempt: int | None,
    doublings: int = 0,
) -> Fragment:
    """The pod's spec; a worker of an attempt knows its number, other pods are told of none.

    Its memory is doubled so often, the requested one and the limit.
    """
    trainer = resource.spec.trainer
    volumes = _volumes(resource)
    mounts = [
        {"name": "spec", "mountPath": SPEC_DIR, "readOnly": True},
        *({"name": "data", "mountPath": DATA_DIR, "readOnly": True} for _ in _data(resource)),
        TMP,
    ]
    image = trainer.image or configuration.training_image
    main = {
        **container(CONTAINER, image, configuration.image_pull_policy),
        "args": [command],
        "env": _environment(resource, configuration, run_id, attempt, doublings),
        "envFrom": _credentials(resource, configuration),
        "resources": _with_memory(resources(trainer), 2**doublings),
        "volumeMounts": mounts,
    }
    return {
        "restartPolicy": "Never",
        "serviceAccountName": account(resource.metadata.name),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "containers": [main],
        "volumes": volumes,
        **placement(trainer),
    }


def _environment(
    resource: TrainingRun,
    configuration: Configuration,
    run_id: str,
    attempt: int | None,
    doublings: int,
) -> list[Fragment]:
    registry = resource.spec.model.registry
    ours = [
        *environment(
            {
                Variable.TRAINING_RUN: namespaced(resource),
                Variable.TRAINING_RUN_UID: resource.metadata.uid,
                Variable.TRAINING_SPEC: f"{SPEC_DIR}/{SPEC_FILE}",
                Variable.STUDY: study_of(resource),
                Variable.PARENT_RUN: run_id,
                Variable.TRIGGER: trigger_of(resource),
                Variable.ATTEMPT: str(attempt) if attempt is not None else None,
                Variable.DOUBLINGS: str(doublings) if doublings else None,
                Variable.IMAGE: resource.spec.trainer.image or configuration.training_image,
                Variable.DATA_DIR: DATA_DIR if _data(resource) else None,
                MlflowVariable.TRACKING_URI: (
                    registry.tracking_uri if registry else configuration.tracking_uri
                ),
                MlflowVariable.WORKSPACE: registry.workspace if registry else None,
                MlflowVariable.RETRIES: _MLFLOW_RETRIES,
                MlflowVariable.TIMEOUT: _MLFLOW_TIMEOUT_SECONDS,
            }
        ),
        *([] if resource.spec.reproduce is not None else [_from_secret(resource)]),
        _from_field(Variable.POD_UID, "metadata.uid"),
        *([_from_field(Variable.WORKER, INDEX)] if attempt is not None else []),
    ]
    # Server-side apply refuses a name that is there twice: ours say who the pod is, and stay.
    taken = {variable["name"] for variable in ours}
    users = users_environment(resource.spec.trainer)
    return [*ours, *(variable for variable in users if variable["name"] not in taken)]


def _with_memory(fields: Fragment, factor: int) -> Fragment:
    return {
        kind: {
            name: str(Quantity(amount).times(factor)) if name == "memory" else amount
            for name, amount in amounts.items()
        }
        for kind, amounts in fields.items()
    }


def _from_secret(resource: TrainingRun) -> Fragment:
    """The address of the study: of the user's own Secret, or of the one that we made."""
    search = resource.spec.effective_search
    storage = search.storage if search else None
    name = storage.name if storage else study_secret(resource.metadata.name)
    key = storage.key if storage else STUDY_KEY
    reference = {"secretKeyRef": {"name": name, "key": key}}
    return {"name": str(Variable.STUDY_URL), "valueFrom": reference}


def _from_field(variable: Variable, path: str) -> Fragment:
    return {"name": str(variable), "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _credentials(resource: TrainingRun, configuration: Configuration) -> list[Fragment]:
    """The Secrets that open the registry and the data."""
    found = credentials(resource.spec.model.registry)
    if resource.spec.model.registry is None and configuration.tracking_credentials:
        found = [{"secretRef": {"name": registry_secret(resource.metadata.name)}}]
    secret = resource.spec.data.source.secret_ref
    return [*found, *([{"secretRef": {"name": secret.name}}] if secret else [])]


def _volumes(resource: TrainingRun) -> list[Fragment]:
    name = spec_config_map(resource.metadata.name)
    return [
        {"name": "spec", "configMap": {"name": name}},
        *({"name": "data", **source} for source in _data(resource)),
        {"name": "tmp", "emptyDir": {}},
    ]


def _data(resource: TrainingRun) -> list[Fragment]:
    """The claim or the ConfigMap that holds the data, where its address names one."""
    source = resource.spec.data.source
    name = source.uri.partition("://")[2].partition("/")[0]
    match source.scheme:
        case "pvc":
            return [{"persistentVolumeClaim": {"claimName": name, "readOnly": True}}]
        case "configmap":
            return [{"configMap": {"name": name}}]
        case _:
            return []
