"""The pods of a revision: the frozen record of what they are, and the Deployment that runs them."""

from __future__ import annotations

import json
from typing import Any

from leadsman_api import ModelDeployment
from leadsman_api.contract import Contract
from leadsman_api.environment import MlflowVariable, Variable
from leadsman_api.labels import Annotation, Label
from leadsman_api.ports import (
    COPIES_PORT_NAME,
    GRPC_PORT_NAME,
    LIVE_PATH,
    READY_PATH,
    SERVICE_PORT_NAME,
    SIDE_PORT_NAME,
    Port,
)
from leadsman_operator.facts import Manifest
from leadsman_operator.planner.names import copies_url, owner_labels, selector_of
from leadsman_operator.planner.observation import Configuration
from leadsman_operator.planner.render.ownership import owned
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
from leadsman_operator.planner.revision import Revision

MODEL_DIR = "/model"
KEYS_DIR = "/keys"
FETCH_CONTAINER = "fetch"
SERVER_CONTAINER = "server"
_GRACE_SECONDS = 60


def revision_labels(resource: ModelDeployment, revision: str, version: int) -> dict[str, str]:
    """Labels of all that belongs to a revision."""
    return {
        **owner_labels(resource.metadata.name),
        Label.REVISION: revision,
        Label.MODEL_VERSION: str(version),
    }


def record(resource: ModelDeployment, revision: Revision, deployment: Manifest) -> Manifest:
    """A ControllerRevision: what a revision is, for as long as it plays a part.

    The spec changes and so does this program, but a revision that serves must not: its
    Deployment is repaired from this record and never made anew from the spec of today.
    """
    labels = revision_labels(resource, revision.name, revision.version)
    head = owned(resource, "apps/v1", "ControllerRevision", revision.name, labels)
    return {**head, "revision": revision.version, "data": {"deployment": deployment}}


def deployment(
    resource: ModelDeployment, revision: Revision, configuration: Configuration
) -> Manifest:
    """The Deployment of a revision, without a number of pods: that is set, not applied."""
    labels = revision_labels(resource, revision.name, revision.version)
    annotations = {Annotation.MODEL_NAME.value: resource.spec.model.name}
    if revision.digest:
        annotations[Annotation.DIGEST.value] = revision.digest
    manifest = owned(resource, "apps/v1", "Deployment", revision.name, labels)
    manifest["metadata"]["annotations"] = dict(annotations)
    manifest["spec"] = {
        "selector": {"matchLabels": selector_of(resource.metadata.name, revision.name)},
        "revisionHistoryLimit": 1,
        "progressDeadlineSeconds": 600,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        },
        "template": {
            "metadata": {
                "labels": {str(key): value for key, value in labels.items()},
                "annotations": dict(annotations),
            },
            "spec": _pod(resource, revision, configuration),
        },
    }
    return manifest


def _pod(
    resource: ModelDeployment, revision: Revision, configuration: Configuration
) -> dict[str, Any]:
    serving = resource.spec.serving
    volumes: list[dict[str, Any]] = [
        {"name": "model", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if serving.auth is not None:
        volumes.append({"name": "keys", "secret": {"secretName": serving.auth.secret_ref.name}})
    return {
        "serviceAccountName": resource.metadata.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {
                    "matchLabels": selector_of(resource.metadata.name, revision.name)
                },
            }
        ],
        "initContainers": [_fetch(resource, revision, configuration)],
        "containers": [_server(resource, revision, configuration)],
        "volumes": volumes,
        **placement(serving),
    }


def _identity(resource: ModelDeployment, revision: Revision) -> dict[str, str | None]:
    """What both containers know of the model."""
    return {
        Variable.MODEL_NAME: resource.spec.model.name,
        Variable.MODEL_VERSION: str(revision.version),
        Variable.MODEL_DIGEST: revision.digest,
        Variable.MODEL_DIR: MODEL_DIR,
        Variable.LOADING: resource.spec.model.loading,
        Variable.REVISION: revision.name,
    }


def _fetch(
    resource: ModelDeployment, revision: Revision, configuration: Configuration
) -> dict[str, Any]:
    """The step that has the registry's credentials, and ends before the server starts."""
    serving, registry = resource.spec.serving, resource.spec.model.registry
    uri = registry.tracking_uri if registry else configuration.tracking_uri
    return {
        **container(
            FETCH_CONTAINER,
            serving.image or configuration.serving_image,
            configuration.image_pull_policy,
        ),
        "args": ["fetch"],
        "env": environment(
            {
                **_identity(resource, revision),
                Variable.MODEL_SOURCE: revision.source,
                MlflowVariable.TRACKING_URI: uri,
                MlflowVariable.WORKSPACE: registry.workspace if registry else None,
            }
        ),
        "envFrom": credentials(registry),
        "resources": resources(serving),
        "volumeMounts": [{"name": "model", "mountPath": MODEL_DIR}, TMP],
    }


def _server(
    resource: ModelDeployment, revision: Revision, configuration: Configuration
) -> dict[str, Any]:
    serving, shadow = resource.spec.serving, resource.spec.rollout.shadow
    mounts = [{"name": "model", "mountPath": MODEL_DIR, "readOnly": True}, TMP]
    if serving.auth is not None:
        mounts.append({"name": "keys", "mountPath": KEYS_DIR, "readOnly": True})
    ours = {
        **_identity(resource, revision),
        Variable.LIMITS: _as_json(serving.limits),
        Variable.API_KEYS_DIR: KEYS_DIR if serving.auth else None,
        Variable.PAYLOAD_LOG: _as_json(serving.payload_log) if serving.payload_log else None,
        Variable.STABLE_ADDRESS: copies_url(
            resource.metadata.name, resource.metadata.namespace or "default"
        ),
        Variable.SHADOW: _as_json(shadow) if shadow else None,
    }
    return {
        **container(
            SERVER_CONTAINER,
            serving.image or configuration.serving_image,
            configuration.image_pull_policy,
        ),
        "env": [*environment(ours), *users_environment(serving)],
        "ports": [
            {"name": SERVICE_PORT_NAME, "containerPort": int(Port.SERVING_HTTP)},
            {"name": GRPC_PORT_NAME, "containerPort": int(Port.SERVING_GRPC)},
            {"name": COPIES_PORT_NAME, "containerPort": int(Port.SERVING_COPIES)},
            {"name": SIDE_PORT_NAME, "containerPort": int(Port.SERVING_SIDE)},
        ],
        "resources": resources(serving),
        "volumeMounts": mounts,
        **_probes(),
    }


def _as_json(part: Contract) -> str:
    """A part of the spec as a variable, the same text each time."""
    return json.dumps(part.to_wire(), sort_keys=True)


def _probes() -> dict[str, Any]:
    """Asked at the side port, which a busy event loop does not silence."""
    ready = {"httpGet": {"path": READY_PATH, "port": SIDE_PORT_NAME}}
    live = {"httpGet": {"path": LIVE_PATH, "port": SIDE_PORT_NAME}}
    return {
        "startupProbe": {**ready, "periodSeconds": 1, "failureThreshold": 300},
        "readinessProbe": {**ready, "periodSeconds": 2, "failureThreshold": 2},
        "livenessProbe": {**live, "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 5},
    }
