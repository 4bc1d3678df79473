"""What serving and training pods have in common: a restricted container and its environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadsman_api.termination import TERMINATION_PATH
from leadsman_api.v1alpha1.model_source import Registry
from leadsman_api.v1alpha1.pods import PodFields

_LEAVE_DEAD_NODE_SECONDS = 30
USER = 65532
"""The user of our images."""
TMP = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - the one place that may be written


def pod_security() -> dict[str, Any]:
    """Security context of a pod under the restricted standard."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container(name: str, image: str, pull_policy: str) -> dict[str, Any]:
    """A container under the restricted standard, whose last words reach the pod's status."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": pull_policy,
        "terminationMessagePath": TERMINATION_PATH,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def environment(variables: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Variables with values; those without one are left out."""
    return [
        {"name": str(name), "value": str(value)}
        for name, value in variables.items()
        if value is not None
    ]


def users_environment(fields: PodFields) -> list[dict[str, Any]]:
    """The variables of the user's own."""
    return [variable.to_wire() for variable in fields.env]


def credentials(registry: Registry | None) -> list[dict[str, Any]]:
    """The Secret that opens the registry, for containers that speak to it."""
    if registry is None or registry.secret_ref is None:
        return []
    return [{"secretRef": {"name": registry.secret_ref.name}}]


def resources(fields: PodFields) -> dict[str, Any]:
    """Requests and limits, those that are set."""
    return {name: value for name, value in fields.resources.to_wire().items() if value}


def placement(fields: PodFields) -> dict[str, Any]:
    """Where the pods may run and with what priority, those fields that are set."""
    wire = fields.to_wire()
    found = {
        name: wire[name]
        for name in ("nodeSelector", "tolerations", "affinity", "priorityClassName")
        if wire.get(name)
    }
    if fields.image_pull_secrets:
        found["imagePullSecrets"] = wire["imagePullSecrets"]
    found["tolerations"] = [*found.get("tolerations", []), *_leave_dead_nodes()]
    return found


def _leave_dead_nodes() -> list[dict[str, Any]]:
    """Replace pods of a node that does not answer sooner than after the usual five minutes."""
    return [
        {
            "key": f"node.kubernetes.io/{taint}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": _LEAVE_DEAD_NODE_SECONDS,
        }
        for taint in ("not-ready", "unreachable")
    ]
