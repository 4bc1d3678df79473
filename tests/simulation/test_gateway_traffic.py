"""A ModelDeployment behind a gateway, in the same world with faults: whatever happens, the laws of
its weights hold too. The gateway's controller may be down, and somebody may write into the route.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from typing_extensions import override

from leadsman_operator.facts import ObjectRef
from simulation.test_model_deployment import ModelDeploymentLife
from support.world import REF, Simulation
from support.world_gateway import GATEWAY, GRPC, OWN, ROUTE, USERS, GatewaySimulation, users_route

MOST_MEDDLING = 2
OURS = (f"{REF.name}-stable", f"{REF.name}-candidate")


def without_weights(route: dict[str, Any]) -> dict[str, Any]:
    """What a route says beside the weights of our two Services."""
    spec = copy.deepcopy(route["spec"])
    for one in spec["rules"]:
        for backend in one["backendRefs"]:
            if backend["name"] in OURS:
                backend.pop("weight", None)
    return dict(spec)


class BehindGateway(ModelDeploymentLife):
    """The same life, its traffic split by a route of its own."""

    @override
    def begin(self) -> Simulation:
        """A gateway that splits."""
        return GatewaySimulation(OWN)

    @override
    def carries_traffic(self, ref: ObjectRef) -> bool:
        """The gateway reaches the pods through the Services of both arms."""
        return ref.kind == "Service"

    @property
    def gateway(self) -> GatewaySimulation:
        """The world with its gateway."""
        assert isinstance(self.sim, GatewaySimulation)
        return self.sim

    @rule()
    def break_gateway(self) -> None:
        """The controller of the gateway goes down: its proxies go on with what they know."""
        self.sim.faults.down.add(GATEWAY)
        self.sim.story.append("the gateway's controller goes down")

    @invariant()
    def weights_sum_to_100(self) -> None:
        """At every moment, in the route as the proxies have it."""
        if self.sim.served:
            assert {sum(split) for split in self.gateway.splits()} == {100}, self._story()

    @invariant()
    def a_rolled_back_candidate_has_no_weight(self) -> None:
        """From the moment at which the status says that it is blocked."""
        status = self.sim.status()
        blocked = {one["name"] for one in status.get("blocked", [])}
        if (status.get("candidate") or {}).get("name") in blocked:
            assert status["weight"] == 0
            assert status["traffic"]["candidate"] == 0, self._story()

    @invariant()
    def what_gets_traffic_stays(self) -> None:
        """Pods that the proxies still reach are not taken, however long the controller is away."""
        for _, pods in self.gateway.gateway.shares() if self.gateway.gateway else ():
            assert pods or not self.sim.served or self.sim.made_room, self._story()


class InUsersRoute(BehindGateway):
    """The same life, its traffic split by one rule in a route of the user's."""

    meddled = 0

    @override
    def begin(self) -> Simulation:
        """A gateway, and a route that others have a part in."""
        return GatewaySimulation(USERS)

    @precondition(lambda self: self.meddled < MOST_MEDDLING)
    @rule(path=st.sampled_from(["/churn", "/v2"]), calls=st.none() | st.integers(0, 40))
    def apply_route(self, path: str, calls: int | None) -> None:
        """Somebody applies the route with weights of their own, perhaps between two calls."""
        self.meddled += 1
        if calls is None:
            self._write_route(path)
        else:
            self.sim.faults.meanwhile = (calls, lambda: self._write_route(path))

    def _write_route(self, path: str) -> None:
        route = users_route()
        ours = route["spec"]["rules"][1]
        ours["matches"][0]["path"]["value"] = path
        ours["backendRefs"][0]["weight"], ours["backendRefs"][1]["weight"] = 100, 0
        self.wanted = without_weights(route)
        self.sim.cluster.put(route)
        self.sim.story.append(f"somebody applies the route with path {path}")

    @invariant()
    def all_else_in_the_route_is_theirs(self) -> None:
        """Other rules, matches, filters and backends are as their owner wrote them."""
        wanted = getattr(self, "wanted", without_weights(users_route()))
        assert without_weights(self.sim.cluster.objects[ROUTE]) == wanted, self._story()


class WithGrpc(BehindGateway):
    """The same life, its traffic split by two routes, for HTTP and for gRPC."""

    @override
    def begin(self) -> Simulation:
        """A gateway for both."""
        return GatewaySimulation(GRPC)

    @invariant()
    def both_are_there(self) -> None:
        """Once the gateway has taken up what it is to split."""
        assert not self.sim.served or len(self.gateway.splits()) == 2, self._story()


BehindGateway.TestCase.settings = settings(ModelDeploymentLife.TestCase.settings, max_examples=40)
InUsersRoute.TestCase.settings = settings(ModelDeploymentLife.TestCase.settings, max_examples=40)
WithGrpc.TestCase.settings = settings(ModelDeploymentLife.TestCase.settings, max_examples=20)
TestBehindGateway = BehindGateway.TestCase
TestWithGrpc = WithGrpc.TestCase
TestInUsersRoute = InUsersRoute.TestCase
