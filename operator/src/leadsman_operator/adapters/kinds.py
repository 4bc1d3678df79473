"""Where the API server keeps the kinds of objects that we own or use."""

from __future__ import annotations

from leadsman_api.labels import API_VERSION

_PLURALS = {
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Event"): "events",
    ("v1", "Pod"): "pods",
    ("v1", "Secret"): "secrets",
    ("v1", "Service"): "services",
    ("v1", "ServiceAccount"): "serviceaccounts",
    ("apps/v1", "ControllerRevision"): "controllerrevisions",
    ("apps/v1", "Deployment"): "deployments",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "horizontalpodautoscalers",
    ("batch/v1", "Job"): "jobs",
    ("policy/v1", "PodDisruptionBudget"): "poddisruptionbudgets",
    ("gateway.networking.k8s.io/v1", "Gateway"): "gateways",
    ("gateway.networking.k8s.io/v1", "GRPCRoute"): "grpcroutes",
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): "httproutes",
    (API_VERSION, "ModelDeployment"): "modeldeployments",
    (API_VERSION, "TrainingRun"): "trainingruns",
}


def path_of(api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
    """The path of an object, or of all objects of a kind; KeyError for a kind that is not used."""
    plural = _PLURALS[api_version, kind]
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{scope}/{plural}" + (f"/{name}" if name else "")
