"""The routes of our own: an HTTPRoute, and a GRPCRoute where one is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from leadsman_api import ModelDeployment
from leadsman_api.ports import Port
from leadsman_api.v1alpha1.traffic import Gateway, RouteKind
from leadsman_operator.facts import Manifest
from leadsman_operator.planner.names import candidate_service, owner_labels, stable_service
from leadsman_operator.planner.render.ownership import owned
from leadsman_operator.planner.routing.backends import Split
from leadsman_operator.planner.routing.traffic import API_VERSION


def own_routes(resource: ModelDeployment, split: Split) -> Iterator[Manifest]:
    """The routes to both arms, with their weights."""
    gateway = resource.spec.traffic.gateway
    if gateway is None:
        return
    http, grpc = gateway.hostnames, gateway.grpc_hostnames
    yield _route(resource, gateway, RouteKind.HTTP_ROUTE, http, _rule(resource, split, "HTTP"))
    if grpc:
        yield _route(resource, gateway, RouteKind.GRPC_ROUTE, grpc, _rule(resource, split, "GRPC"))


def _route(
    resource: ModelDeployment,
    gateway: Gateway,
    kind: RouteKind,
    hostnames: Sequence[str],
    rule: dict[str, Any],
) -> Manifest:
    name = resource.metadata.name
    manifest = owned(resource, API_VERSION, kind.value, name, owner_labels(name))
    manifest["spec"] = {
        "parentRefs": [parent.to_wire() for parent in gateway.parent_refs],
        **({"hostnames": list(hostnames)} if hostnames else {}),
        "rules": [rule],
    }
    return manifest


def _rule(resource: ModelDeployment, split: Split, protocol: str) -> dict[str, Any]:
    name = resource.metadata.name
    port = int(Port.SERVING_GRPC if protocol == "GRPC" else Port.SERVICE_HTTP)
    arms = ((stable_service(name), split.stable), (candidate_service(name), split.candidate))
    return {
        "backendRefs": [
            {"group": "", "kind": "Service", "name": service, "port": port, "weight": weight}
            for service, weight in arms
        ]
    }
