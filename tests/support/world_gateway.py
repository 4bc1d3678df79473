"""A gateway in memory: it takes up routes when its controller works, and splits as they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from leadsman_operator.facts import ObjectRef
from support.world import RATE, REF, SPEC, Simulation
from support.world_clock import Faults
from support.world_cluster import FakeCluster, Pod
from support.world_trouble import API

__all__ = ["GATEWAY", "GRPC", "OWN", "ROUTE", "SHADOW", "USERS", "FakeGateway", "GatewaySimulation"]

GATEWAY = "the gateway's controller"
ROUTES = "gateway.networking.k8s.io/v1"
OWN = {"provider": "GatewayAPI", "gateway": {"parentRefs": [{"name": "web"}]}}
GRPC = {
    "provider": "GatewayAPI",
    "gateway": {
        "parentRefs": [{"name": "web"}],
        "hostnames": ["churn.example.com"],
        "grpcHostnames": ["grpc.churn.example.com"],
    },
}
"""Two routes of our own."""
KINDS = ("HTTPRoute", "GRPCRoute")
USERS = {"provider": "GatewayAPI", "routeRef": {"name": "shop", "rule": "churn"}}
SHADOW: dict[str, Any] = {
    **SPEC,
    "rollout": {**SPEC["rollout"], "strategy": "Shadow"},
    "health": {
        "conditions": [
            {"name": "errors", "type": "ErrorRate", "ratio": 1.5},
            {"name": "latency", "type": "Latency", "ratio": 1.5},
            {"name": "answers", "type": "Disagreement", "max": 0.05},
        ]
    },
}
"""Copies first, and answers that are compared."""
ROUTE = ObjectRef(ROUTES, "HTTPRoute", "ml", "shop")
"""The user's."""


@dataclass
class FakeGateway:
    """What a gateway's proxies do, and its controller, which works when `run` is called."""

    cluster: FakeCluster
    faults: Faults
    programmed: dict[ObjectRef, dict[str, int]] = field(default_factory=dict)
    """The weights of Services that the proxies know, by route."""
    copied_to: set[str] = field(default_factory=set)
    """Services that they send copies to."""

    def run(self) -> None:
        """Take up every route, unless the controller is down; the proxies go on then."""
        if GATEWAY in self.faults.down:
            return
        self.programmed = self.written()
        self.copied_to = {
            one["requestMirror"]["backendRef"]["name"]
            for ref in self.programmed
            for rule in self.cluster.objects[ref]["spec"]["rules"]
            for one in rule.get("filters", ())
            if one["type"] == "RequestMirror"
        }
        for ref in self.programmed:
            manifest = self.cluster.objects[ref]
            manifest["status"] = {"parents": [_parent(manifest["metadata"]["generation"])]}

    def written(self) -> dict[ObjectRef, dict[str, int]]:
        """The weights in the routes, whether the proxies know them by now or not."""
        return {
            ref: _weights(manifest)
            for ref, manifest in self.cluster.objects.items()
            if ref.kind in KINDS
        }

    def shares(
        self, routes: Mapping[ObjectRef, Mapping[str, int]] | None = None
    ) -> list[tuple[float, list[Pod]]]:
        """The part of the requests of each Service that gets some, with the pods it has.

        By the weights that the proxies know, when none are given.
        """
        found = []
        for weights in (self.programmed if routes is None else routes).values():
            ours = {name: weight for name, weight in weights.items() if weight}
            found += [
                (
                    weight / sum(ours.values()),
                    self.cluster.selected(ObjectRef("v1", "Service", "ml", name)),
                )
                for name, weight in ours.items()
            ]
        return found

    def copied(self) -> list[Pod]:
        """The pods that copies come to."""
        services = [ObjectRef("v1", "Service", "ml", name) for name in sorted(self.copied_to)]
        return [pod for one in services for pod in self.cluster.selected(one)]


def _weights(route: Mapping[str, Any]) -> dict[str, int]:
    return {
        backend["name"]: backend.get("weight", 1)
        for rule in route["spec"]["rules"]
        for backend in rule["backendRefs"]
        if backend["name"].startswith(REF.name)
    }


def _parent(generation: int) -> dict[str, Any]:
    said = {"type": "Accepted", "status": "True", "observedGeneration": generation}
    return {"parentRef": {"name": "web"}, "conditions": [said]}


class GatewaySimulation(Simulation):
    """One ModelDeployment behind a gateway: its own route, or a rule in one of the user's."""

    hindering = frozenset({API, GATEWAY})

    def __init__(self, traffic: Mapping[str, Any], spec: Mapping[str, Any] = SPEC) -> None:
        """Begin with a Gateway, and with the user's route where the spec names it."""
        self.gateway: FakeGateway | None = None
        super().__init__({**spec, "traffic": traffic})
        self.gateway = FakeGateway(self.cluster, self.faults)
        self.cluster.put(_object("Gateway", "web", {"gatewayClassName": "test"}))
        if "routeRef" in traffic:
            self.cluster.put(users_route())

    @override
    def controllers(self) -> None:
        """Those of the cluster, then the gateway's."""
        super().controllers()
        if self.gateway is not None:
            self.gateway.run()

    @override
    def traffic(self, seconds: float) -> None:
        """Clients ask through the gateway, which passes nothing on to another Service."""
        assert self.gateway is not None
        self.ask_all()
        for share, pods in self.gateway.shares():
            for pod in pods:
                count = round(RATE * share * seconds / len(pods))
                self.metrics.count(pod, count, self.cluster.behaviours[pod.version])
        copied = self.gateway.copied()
        for pod in copied:
            count = round(RATE * seconds / len(copied))
            self.metrics.count(pod, count, self.cluster.behaviours[pod.version])
            self.metrics.compare(pod, count, self.cluster.behaviours[pod.version])

    @override
    def reached(self) -> Sequence[Sequence[Pod]]:
        """The pods of each Service that the proxies give some requests."""
        return [pods for _, pods in self.gateway.shares()] if self.gateway is not None else []

    @override
    def to_be_reached(self) -> Sequence[Sequence[Pod]]:
        """The same once the proxies know what is written."""
        if self.gateway is None:
            return []
        return [pods for _, pods in self.gateway.shares(self.gateway.written())]

    def split(self) -> tuple[int, int]:
        """The weights of the stable and the candidate Service, where there is one route."""
        (split,) = self.splits()
        return split

    def splits(self) -> list[tuple[int, int]]:
        """The weights of the stable and the candidate Service in each route of the proxies."""
        assert self.gateway is not None
        return [
            (weights[f"{REF.name}-stable"], weights[f"{REF.name}-candidate"])
            for weights in self.gateway.programmed.values()
        ]


def users_route() -> dict[str, Any]:
    """A route with more in it than our rule."""
    backends = [{"name": f"{REF.name}-{arm}", "port": 80} for arm in ("stable", "candidate")]
    other = {"name": "shop", "backendRefs": [{"name": "shop", "port": 80}]}
    header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-debug"]}}
    ours = {
        "name": "churn",
        "matches": [{"path": {"type": "PathPrefix", "value": "/churn"}}],
        "filters": [header],
        "backendRefs": [*backends, {"name": "spare", "port": 80, "weight": 0}],
    }
    return _object("HTTPRoute", "shop", {"parentRefs": [{"name": "web"}], "rules": [other, ours]})


def _object(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ml"}
    return {"apiVersion": ROUTES, "kind": kind, "metadata": metadata, "spec": dict(spec)}
