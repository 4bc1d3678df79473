"""Names of the objects that belong to a ModelDeployment: functions of its name, nothing random."""

from __future__ import annotations

from leadsman_api.labels import MANAGED_BY, Label
from leadsman_api.ports import SERVICE_PORT_NAME, Port

_LONGEST_STEM = 58
"""Of the name of a pod: 63 characters without the suffix of 5 that the API server adds."""


def stable_service(name: str) -> str:
    """Service of the stable revision alone; the one of all live traffic has the plain name."""
    return f"{name}-stable"


def candidate_service(name: str) -> str:
    """Service of the candidate alone, for those who want to try it before it gets traffic."""
    return f"{name}-candidate"


def grpc_route(name: str) -> str:
    """The GRPCRoute; the HTTPRoute has the plain name.

    Contour 1.33 keeps its word on routes by their names alone, whatever their kind: of two that
    are called alike one never hears that it was taken up.
    """
    return f"{name}-grpc"


def revision_name(name: str, version: int, digest: str) -> str:
    """Name of a revision and of its Deployment; `digest` is that of all that makes it."""
    return f"{name}-{version}-{digest[:8]}"


def pod_prefix(revision: str) -> str:
    """How the names of all pods of a revision begin.

    Kubernetes puts a hash and a random suffix behind it, and cuts what is longer.
    """
    return f"{revision}-"[:_LONGEST_STEM]


def url(name: str, namespace: str) -> str:
    """Address of the model within the cluster."""
    return f"{SERVICE_PORT_NAME}://{name}.{namespace}.svc"


def copies_url(name: str, namespace: str) -> str:
    """Where pods ask the stable revision for what copies of requests have asked them."""
    return f"http://{stable_service(name)}.{namespace}.svc:{int(Port.SERVING_COPIES)}"


def owner_labels(name: str) -> dict[str, str]:
    """Labels by which all that belongs to a ModelDeployment is found."""
    return {
        Label.MANAGED_BY: MANAGED_BY,
        Label.COMPONENT: "serving",
        Label.INSTANCE: name,
        Label.MODEL_DEPLOYMENT: name,
    }


def selector_of(name: str, revision: str | None) -> dict[str, str]:
    """Labels of the pods of one revision, or of every revision."""
    selector = {Label.MODEL_DEPLOYMENT.value: name}
    if revision is not None:
        selector[Label.REVISION.value] = revision
    return selector


def selector_text(name: str) -> str:
    """The selector of all pods, as `kubectl scale` and autoscalers read it."""
    return ",".join(f"{key}={value}" for key, value in selector_of(name, None).items())
