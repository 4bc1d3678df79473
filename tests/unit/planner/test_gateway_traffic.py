"""Weights through a gateway: what is written, when it waits, and what is said is missing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leadsman_api.ports import Port
from leadsman_api.reasons import Reason
from leadsman_operator.facts import ObjectRef
from support.world import SPEC
from support.world_gateway import (
    GATEWAY,
    OWN,
    ROUTE,
    ROUTES,
    USERS,
    GatewaySimulation,
    users_route,
)

OUR_ROUTE = ObjectRef(ROUTES, "HTTPRoute", "ml", "churn")


def go_on(sim: GatewaySimulation, seconds: int) -> None:
    """Let time pass, a second at a time."""
    for _ in range(seconds):
        asyncio.run(sim.advance(1))


def serving(traffic: dict[str, Any]) -> GatewaySimulation:
    """Version 1 serves."""
    sim = GatewaySimulation(traffic)
    sim.registry.aliases["champion"] = sim.register("good")
    go_on(sim, 12)
    assert sim.status()["phase"] == "Stable"
    return sim


def rolling_out(traffic: dict[str, Any], behaviour: str = "good") -> GatewaySimulation:
    """Version 2 has just got its first share."""
    sim = serving(traffic)
    sim.registry.aliases["champion"] = sim.register(behaviour)
    until(sim, lambda: sim.split() == (70, 30))
    return sim


def until(sim: GatewaySimulation, holds: Any, most: int = 300) -> None:
    """Go on until something holds."""
    for _ in range(most):
        if holds():
            return
        go_on(sim, 1)
    raise AssertionError("\n".join(sim.story[-30:]))


def condition(sim: GatewaySimulation, kind: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition."""
    (found,) = [one for one in sim.status()["conditions"] if one["type"] == kind]
    return found["status"], found["reason"], found["message"]


def test_a_rollout_goes_through_its_weights_and_ends_at_the_stable_service() -> None:
    """30, 60 and 100 percent as the steps say, then all to the Service of the stable revision."""
    sim = serving(OWN)
    sim.registry.aliases["champion"] = sim.register("good")
    seen = [sim.split()]
    for _ in range(150):
        go_on(sim, 1)
        if sim.split() != seen[-1]:
            seen.append(sim.split())
    assert seen == [(100, 0), (70, 30), (40, 60), (0, 100), (100, 0)]
    assert sim.version("stable") == 2
    assert sim.unanswered == []


def test_the_way_back_is_one_change_of_weights() -> None:
    """The stable pods were there all the time."""
    sim = rolling_out(OWN, "errors")
    stable = sim.status()["stable"]["name"]
    until(sim, lambda: sim.status()["phase"] == "RolledBack")
    assert sim.split() == (100, 0)
    assert sim.status()["stable"]["name"] == stable
    assert sim.unanswered == []


def test_a_grpc_route_is_made_where_it_is_asked_for() -> None:
    """To the gRPC port, with the same weights."""
    grpc = {**OWN["gateway"], "grpcHostnames": ["churn-grpc.example.com"]}  # type: ignore[dict-item]
    sim = GatewaySimulation({**OWN, "gateway": grpc})
    sim.registry.aliases["champion"] = sim.register("good")
    go_on(sim, 3)
    route = sim.cluster.objects[ObjectRef(ROUTES, "GRPCRoute", "ml", "churn-grpc")]
    ports = {one["port"] for one in route["spec"]["rules"][0]["backendRefs"]}
    assert ports == {int(Port.SERVING_GRPC)}
    assert route["spec"]["hostnames"] == ["churn-grpc.example.com"]


def test_of_the_users_route_only_the_two_weights_change() -> None:
    """Filters, matches, other rules and other backends are as they were."""
    sim = rolling_out(USERS)
    spec, before = sim.cluster.objects[ROUTE]["spec"], users_route()["spec"]
    before["rules"][1]["backendRefs"][0]["weight"] = 70
    before["rules"][1]["backendRefs"][1]["weight"] = 30
    assert spec == before


def test_each_arm_has_an_autoscaler_and_the_stable_one_does_not_shrink() -> None:
    """With a gateway the share does not follow from the number of pods."""
    sim = rolling_out(OWN)
    floors = {
        ref.name: manifest["spec"]["minReplicas"]
        for ref, manifest in sim.cluster.objects.items()
        if ref.kind == "HorizontalPodAutoscaler"
    }
    status = sim.status()
    assert floors == {status["stable"]["name"]: 2, status["candidate"]["name"]: 1}


def floor_of(sim: GatewaySimulation, revision: str) -> int | None:
    """The least number of pods that the autoscaler of a revision leaves."""
    ref = ObjectRef("autoscaling/v2", "HorizontalPodAutoscaler", "ml", revision)
    found = sim.cluster.objects.get(ref)
    return found["spec"]["minReplicas"] if found else None


@pytest.mark.parametrize("verb", ["Promote", "Abort"])
def test_what_takes_all_of_the_traffic_keeps_its_pods_until_its_load_is_seen(verb: str) -> None:
    """An autoscaler goes by the last five minutes, and in these others had a part of it."""
    sim = rolling_out(OWN)
    stable, candidate = (sim.status()[arm]["name"] for arm in ("stable", "candidate"))
    sim.cluster.objects[ObjectRef("apps/v1", "Deployment", "ml", stable)]["spec"]["replicas"] = 5
    until(sim, lambda: sim.status()["weight"] == 100)
    sim.command(verb, candidate)
    until(sim, lambda: "candidate" not in sim.status())
    serves = sim.status()["stable"]["name"]
    assert serves == (candidate if verb == "Promote" else stable)
    go_on(sim, 3)
    assert floor_of(sim, serves) == 5
    until(sim, lambda: floor_of(sim, serves) == 2, most=310)
    assert sim.unanswered == []


def test_weights_leave_an_arm_whose_pods_are_not_ready() -> None:
    """And come back with them: the step itself is as it was."""
    sim = rolling_out(OWN)
    candidate = sim.status()["candidate"]["name"]
    mine = [pod for pod in sim.cluster.pods.values() if pod.revision == candidate]
    for pod in mine:
        pod.started_at = sim.clock.now().timestamp()
        pod.ready = False
        pod.manifest["status"] = {"phase": "Running"}
    go_on(sim, 2)
    assert sim.split() == (100, 0)
    assert sim.status()["weight"] == 30
    until(sim, lambda: sim.split() == (70, 30))


def test_nothing_is_taken_while_the_gateway_has_not_taken_up_the_way_back() -> None:
    """Its proxies go on with what they know."""
    sim = rolling_out(OWN, "errors")
    candidate = sim.status()["candidate"]["name"]
    sim.faults.down.add(GATEWAY)
    go_on(sim, 120)
    assert sim.status()["phase"] == "RollingBack"
    assert any(ref.name == candidate for ref in sim.cluster.objects if ref.kind == "Deployment")
    assert condition(sim, "TrafficRouted")[:2] == ("False", Reason.ROUTE_NOT_ACCEPTED)
    sim.faults.heal()
    until(sim, lambda: sim.status()["phase"] == "RolledBack")
    assert sim.unanswered == []


def test_a_rollout_waits_while_its_weights_do_not_reach_the_traffic() -> None:
    """A step that nobody sees must not pass for a good one."""
    sim = serving(OWN)
    sim.faults.down.add(GATEWAY)
    sim.registry.aliases["champion"] = sim.register("good")
    go_on(sim, 90)
    assert sim.version("stable") == 1
    assert sim.status()["weight"] in (None, 0, 30)
    assert sim.status()["rollout"]["step"] == 0


def test_weights_that_somebody_writes_again_and_again_are_not_fought_over() -> None:
    """Put right three times, then left alone for a while, with a word on what to do."""
    sim = rolling_out(USERS)
    for _ in range(6):
        sim.cluster.put(users_route())
        backends = sim.cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"]
        backends[0]["weight"], backends[1]["weight"] = 100, 0
        go_on(sim, 3)
    assert sim.split() == (100, 0)
    status, reason, message = condition(sim, "Stalled")
    assert (status, reason) == ("True", Reason.ROUTE_CONTESTED)
    assert "backendRefs" in message
    patches = sum(line.startswith("PatchObject") for line in sim.story)
    go_on(sim, 30)
    assert sum(line.startswith("PatchObject") for line in sim.story) == patches


def _without_route(sim: GatewaySimulation) -> None:
    sim.cluster.remove(ROUTE)


def _without_rule(sim: GatewaySimulation) -> None:
    sim.cluster.objects[ROUTE]["spec"]["rules"][1]["name"] = "other"


def _without_backend(sim: GatewaySimulation) -> None:
    sim.cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"].pop(1)


def _without_gateway_api(sim: GatewaySimulation) -> None:
    sim.cluster.lacks = "gateway.networking.k8s.io"


@pytest.mark.parametrize(
    ("break_it", "reason", "words"),
    [
        (_without_route, Reason.ROUTE_NOT_FOUND, "there is no HTTPRoute shop"),
        (_without_rule, Reason.ROUTE_NOT_FOUND, "named rules: shop, other"),
        (_without_backend, Reason.ROUTE_NOT_FOUND, "{name: churn-candidate, port: 80}"),
        (_without_gateway_api, Reason.GATEWAY_API_MISSING, "write traffic.provider Replicas"),
    ],
)
def test_what_is_missing_is_said_and_what_serves_goes_on(
    break_it: Any, reason: Reason, words: str
) -> None:
    """Stalled, with the words that mend it; it goes on by itself when it is mended."""
    sim = serving(USERS)
    break_it(sim)
    sim.registry.aliases["champion"] = sim.register("good")
    go_on(sim, 40)
    status, found, message = condition(sim, "Stalled")
    assert (status, found) == ("True", reason)
    assert words in message
    assert sim.version("stable") == 1
    assert sim.status().get("candidate") is None
    sim.cluster.lacks = None
    sim.cluster.put(users_route())
    until(sim, lambda: sim.version("stable") == 2)


def test_a_gateway_that_is_not_there_is_said() -> None:
    """By its name and its namespace."""
    sim = serving({**OWN, "gateway": {"parentRefs": [{"name": "web"}]}})
    sim.cluster.remove(ObjectRef(ROUTES, "Gateway", "ml", "web"))
    go_on(sim, 2)
    status, reason, message = condition(sim, "TrafficRouted")
    assert (status, reason) == ("False", Reason.GATEWAY_NOT_FOUND)
    assert "ml/web" in message


def test_a_gateways_refusal_is_told_in_its_own_words() -> None:
    """The condition Accepted is False for the route as it is now."""
    sim = serving(OWN)
    said = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners",
            "message": "no listener lets it in", "observedGeneration": 9}  # fmt: skip
    parent = {"parentRef": {"name": "web"}, "conditions": [said]}
    sim.cluster.objects[OUR_ROUTE]["status"] = {"parents": [parent]}
    asyncio.run(sim.reconcile())
    status, reason, message = condition(sim, "Stalled")
    assert (status, reason) == ("True", Reason.ROUTE_NOT_ACCEPTED)
    assert "no listener lets it in" in message


def test_without_the_gateway_the_own_route_goes() -> None:
    """A change of the provider leaves nothing behind."""
    sim = serving(OWN)
    sim.apply(SPEC)
    go_on(sim, 3)
    assert OUR_ROUTE not in sim.cluster.objects
    assert "traffic" not in sim.status()
