"""The routes of our own: an HTTPRoute, and a GRPCRoute where one is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from leadsman_api import ModelDeployment
from leadsman_api.ports import Port
from leadsman_api.v1alpha1.traffic import Gateway, RouteKind
from leadsman_operator.facts import Manifest
from leadsman_operator.planner.names import (
    candidate_service,
    grpc_route,
    owner_labels,
    stable_service,
)
from leadsman_operator.planner.render.ownership import owned
from leadsman_operator.planner.routing.backends import Split, copies_to
from leadsman_operator.planner.routing.traffic import API_VERSION


def own_routes(resource: ModelDeployment, split: Split) -> Iterator[Manifest]:
    """The routes to both arms, with their weights."""
    gateway = resource.spec.traffic.gateway
    if gateway is None:
        return
    http, grpc = gateway.hostnames, gateway.grpc_hostnames
    yield _route(resource, gateway, RouteKind.HTTP_ROUTE, http, split)
    if grpc:
        yield _route(resource, gateway, RouteKind.GRPC_ROUTE, grpc, split)


def _route(
    resource: ModelDeployment,
    gateway: Gateway,
    kind: RouteKind,
    hostnames: Sequence[str],
    split: Split,
) -> Manifest:
    name = resource.metadata.name
    grpc = kind is RouteKind.GRPC_ROUTE
    called = grpc_route(name) if grpc else name
    manifest = owned(resource, API_VERSION, kind.value, called, owner_labels(name))
    port = int(Port.SERVING_GRPC if grpc else Port.SERVICE_HTTP)
    arms = ((stable_service(name), split.stable), (candidate_service(name), split.candidate))
    backends: list[dict[str, Any]] = [
        {"group": "", "kind": "Service", "name": service, "port": port, "weight": weight}
        for service, weight in arms
    ]
    manifest["spec"] = {
        "parentRefs": [parent.to_wire() for parent in gateway.parent_refs],
        **({"hostnames": list(hostnames)} if hostnames else {}),
        "rules": [{**_copies(name, split), "backendRefs": backends}],
    }
    return manifest


def _copies(name: str, split: Split) -> dict[str, Any]:
    return {"filters": [copies_to(candidate_service(name))]} if split.copied else {}
