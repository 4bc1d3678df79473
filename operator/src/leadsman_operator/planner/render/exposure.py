"""How the pods are reached and how many of them there are: Services, autoscaler, budget."""

from __future__ import annotations

from leadsman_api import ModelDeployment
from leadsman_api.labels import Arm, Label
from leadsman_api.ports import COPIES_PORT_NAME, GRPC_PORT_NAME, SERVICE_PORT_NAME, Port
from leadsman_operator.facts import Manifest
from leadsman_operator.planner.names import (
    candidate_service,
    owner_labels,
    selector_of,
    stable_service,
)
from leadsman_operator.planner.render.ownership import owned
from leadsman_operator.planner.render.workload import revision_labels

_COPIES = {
    "name": COPIES_PORT_NAME,
    "port": int(Port.SERVING_COPIES),
    "targetPort": COPIES_PORT_NAME,
    "protocol": "TCP",
}
"""Of the arms alone: the Service of live traffic leads to no such port."""


def account(resource: ModelDeployment) -> Manifest:
    """The identity of the pods, which can do nothing and carries no token."""
    name = resource.metadata.name
    manifest = owned(resource, "v1", "ServiceAccount", name, owner_labels(name))
    return {**manifest, "automountServiceAccountToken": False}


def live_service(resource: ModelDeployment, revision: str | None) -> Manifest:
    """The Service of all live traffic: of one revision, or of the pods of every revision."""
    return _service(resource, resource.metadata.name, revision, None)


def arm_service(resource: ModelDeployment, arm: Arm, revision: str) -> Manifest:
    """The Service of the stable revision or the candidate alone."""
    name = resource.metadata.name
    names = {Arm.STABLE: stable_service(name), Arm.CANDIDATE: candidate_service(name)}
    return _service(resource, names[arm], revision, arm)


def _service(
    resource: ModelDeployment, name: str, revision: str | None, arm: Arm | None
) -> Manifest:
    labels = owner_labels(resource.metadata.name)
    if arm is not None:
        labels[Label.ARM] = arm
    manifest = owned(resource, "v1", "Service", name, labels)
    manifest["spec"] = {
        "type": "ClusterIP",
        "selector": selector_of(resource.metadata.name, revision),
        "ports": [
            {
                "name": SERVICE_PORT_NAME,
                "port": int(Port.SERVICE_HTTP),
                "targetPort": SERVICE_PORT_NAME,
                "protocol": "TCP",
            },
            {
                "name": GRPC_PORT_NAME,
                "port": int(Port.SERVING_GRPC),
                "targetPort": GRPC_PORT_NAME,
                "protocol": "TCP",
                # What a GRPCRoute has to know: HTTP/2 without TLS, from the first byte.
                "appProtocol": "kubernetes.io/h2c",
            },
            *([_COPIES] if arm is not None else []),
        ],
    }
    return manifest


def autoscaler(resource: ModelDeployment, revision: str, version: int, floor: int) -> Manifest:
    """The HorizontalPodAutoscaler of one revision, which never goes below `floor` pods."""
    scaling = resource.spec.scaling
    labels = revision_labels(resource, revision, version)
    manifest = owned(resource, "autoscaling/v2", "HorizontalPodAutoscaler", revision, labels)
    manifest["spec"] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": revision},
        "minReplicas": floor,
        "maxReplicas": scaling.max_replicas,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {
                        "type": "Utilization",
                        "averageUtilization": scaling.targets.cpu_utilization,
                    },
                },
            }
        ],
    }
    return manifest


def disruption_budget(resource: ModelDeployment, revision: str, version: int) -> Manifest:
    """One pod of a revision at a time may be evicted, and a broken one always."""
    labels = revision_labels(resource, revision, version)
    manifest = owned(resource, "policy/v1", "PodDisruptionBudget", revision, labels)
    manifest["spec"] = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": selector_of(resource.metadata.name, revision)},
    }
    return manifest
