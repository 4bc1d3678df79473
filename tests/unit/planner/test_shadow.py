"""Shadow: copies come and go with the candidate, and nobody gets an answer of it before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leadsman_api.ports import Port
from leadsman_api.reasons import Reason
from leadsman_operator.facts import ObjectRef
from leadsman_operator.planner.observation import Configuration
from support.world import CONFIGURATION, SPEC, WITHOUT_PROMETHEUS
from support.world_gateway import (
    GATEWAY,
    OWN,
    ROUTE,
    ROUTES,
    SHADOW,
    USERS,
    GatewaySimulation,
    users_route,
)

CANDIDATE = "churn-candidate"


def go_on(sim: GatewaySimulation, seconds: int) -> None:
    """Let time pass, a second at a time."""
    for _ in range(seconds):
        asyncio.run(sim.advance(1))


def until(sim: GatewaySimulation, holds: Any, most: int = 300) -> None:
    """Go on until something holds."""
    for _ in range(most):
        if holds():
            return
        go_on(sim, 1)
    raise AssertionError("\n".join(sim.story[-30:]))


def serving(
    traffic: dict[str, Any] = OWN,
    configuration: Configuration = CONFIGURATION,
    spec: dict[str, Any] = SHADOW,
) -> GatewaySimulation:
    """Version 1 serves."""
    sim = GatewaySimulation(traffic, spec)
    sim.configuration = configuration
    sim.registry.aliases["champion"] = sim.register("good")
    go_on(sim, 12)
    assert sim.status()["phase"] == "Stable"
    return sim


def copied(
    behaviour: str = "good", traffic: dict[str, Any] = OWN, **arguments: Any
) -> GatewaySimulation:
    """Version 2 has just begun to get copies."""
    sim = serving(traffic, **arguments)
    sim.registry.aliases["champion"] = sim.register(behaviour)
    until(sim, lambda: copies(sim))
    return sim


def copies(sim: GatewaySimulation) -> set[str]:
    """Services that get copies."""
    assert sim.gateway is not None
    return sim.gateway.copied_to


def rollout(**changes: Any) -> dict[str, Any]:
    """The spec with another rollout."""
    return {**SHADOW, "rollout": {**SHADOW["rollout"], **changes}}


def edited(sim: GatewaySimulation, **spec: Any) -> None:
    """Somebody changes parts of the spec."""
    sim.spec = {**sim.spec, **spec}
    sim.apply(sim.spec)


@pytest.mark.parametrize("configuration", [CONFIGURATION, WITHOUT_PROMETHEUS], ids=["prom", "pods"])
def test_a_good_version_gets_copies_and_then_everything(configuration: Configuration) -> None:
    """All at once: there is no step in between."""
    sim = copied(configuration=configuration)
    assert sim.split() == (100, 0)
    seen = [sim.split()]
    for _ in range(150):
        go_on(sim, 1)
        if sim.split() != seen[-1]:
            seen.append(sim.split())
            assert not copies(sim), "with the traffic the copies end"
    assert seen == [(100, 0), (0, 100), (100, 0)]
    assert sim.version("stable") == 2
    assert sim.unanswered == []


@pytest.mark.parametrize("configuration", [CONFIGURATION, WITHOUT_PROMETHEUS], ids=["prom", "pods"])
@pytest.mark.parametrize("behaviour", ["differs", "errors", "slow"])
def test_a_bad_version_goes_before_anybody_gets_its_answer(
    behaviour: str, configuration: Configuration
) -> None:
    """Whichever condition speaks against it, and wherever counts come from."""
    sim = copied(behaviour, configuration=configuration)
    until(sim, lambda: sim.status()["phase"] == "RolledBack")
    assert not copies(sim)
    assert all(one.get("weight") in (None, 0) for one in history_of(sim, version=2))
    assert "copiedSince" not in (sim.status().get("rollout") or {})
    (blocked,) = sim.status()["blocked"]
    assert blocked["reason"] == Reason.EVIDENCE_BAD
    assert sim.unanswered == []


def history_of(sim: GatewaySimulation, version: int) -> list[dict[str, Any]]:
    """What has happened to a version."""
    return [
        one
        for one in sim.status()["history"]
        if (one.get("toRevision") or "").startswith(f"churn-{version}-")
    ]


def test_a_rollback_tells_how_many_answers_differ() -> None:
    """In the words of the condition that decided."""
    sim = copied("differs")
    until(sim, lambda: sim.status()["phase"] == "RolledBack")
    message = sim.status()["message"]
    assert "answers differ from the stable revision's" in message, message
    (answers,) = [one for one in sim.status()["evidence"]["conditions"] if one["name"] == "answers"]
    assert answers["verdict"] == "Bad"
    assert answers["candidateBad"] > 0
    assert "stableTotal" not in answers


def test_copies_come_to_a_port_of_their_own() -> None:
    """Of the arms' Services alone; the Service of live traffic has none."""
    sim = copied()
    route = sim.cluster.objects[ObjectRef(ROUTES, "HTTPRoute", "ml", "churn")]
    (rule,) = route["spec"]["rules"]
    (copy,) = rule["filters"]
    assert copy["type"] == "RequestMirror"
    assert copy["requestMirror"]["backendRef"] == {
        "group": "", "kind": "Service", "name": CANDIDATE, "port": int(Port.SERVING_COPIES),
    }  # fmt: skip
    ports = {
        ref.name: {one["name"] for one in manifest["spec"]["ports"]}
        for ref, manifest in sim.cluster.objects.items()
        if ref.kind == "Service"
    }
    assert ports == {
        "churn": {"http", "grpc"},
        "churn-stable": {"http", "grpc", "copies"},
        CANDIDATE: {"http", "grpc", "copies"},
    }


def test_pods_know_the_stable_revision_and_how_to_compare() -> None:
    """From their start on: nothing changes a revision that is there."""
    sim = copied(spec=rollout(shadow={"percent": 25, "tolerance": 0.1}))
    name = sim.status()["candidate"]["name"]
    pod = sim.cluster.objects[ObjectRef("apps/v1", "Deployment", "ml", name)]["spec"]["template"]
    (server,) = pod["spec"]["containers"]
    variables = {one["name"]: one["value"] for one in server["env"]}
    assert variables["LEADSMAN_STABLE_ADDRESS"] == "http://churn-stable.ml.svc:8082"
    assert variables["LEADSMAN_SHADOW"] == '{"percent": 25, "tolerance": 0.1}'
    assert {"name": "copies", "containerPort": 8082} in server["ports"]


@pytest.mark.parametrize(("percent", "pods"), [(10, 1), (50, 2), (100, 4)])
def test_a_candidate_has_the_pods_for_its_copies(percent: int, pods: int) -> None:
    """And then as many as the stable revision, before it gets everything."""
    spec = {**rollout(shadow={"percent": percent}), "scaling": {"minReplicas": 4, "maxReplicas": 8}}
    sim = copied(spec=spec)
    name = sim.status()["candidate"]["name"]
    mine = [pod for pod in sim.cluster.pods.values() if pod.revision == name]
    assert len(mine) == pods
    until(sim, lambda: sim.split() == (0, 100))
    mine = [pod for pod in sim.cluster.pods.values() if pod.revision == name and pod.ready]
    assert len(mine) == 4


def test_of_the_users_route_only_our_filter_comes_and_goes() -> None:
    """Behind the filters that are there; in the end all is as it was."""
    sim = copied("differs", USERS)
    rule = sim.cluster.objects[ROUTE]["spec"]["rules"][1]
    before = users_route()["spec"]["rules"][1]
    assert [one["type"] for one in rule["filters"]] == ["RequestHeaderModifier", "RequestMirror"]
    assert rule["filters"][0] == before["filters"][0]
    until(sim, lambda: sim.status()["phase"] == "RolledBack")
    rule = sim.cluster.objects[ROUTE]["spec"]["rules"][1]
    assert rule["filters"] == before["filters"]
    assert rule["matches"] == before["matches"]


def test_a_rule_without_filters_is_left_without_any() -> None:
    """Not even an empty list stays."""
    sim = serving(USERS)
    del sim.cluster.objects[ROUTE]["spec"]["rules"][1]["filters"]
    sim.registry.aliases["champion"] = sim.register("differs")
    until(sim, lambda: copies(sim))
    until(sim, lambda: sim.status()["phase"] == "RolledBack")
    assert "filters" not in sim.cluster.objects[ROUTE]["spec"]["rules"][1]


def test_other_copies_of_the_user_stay() -> None:
    """Who copies requests elsewhere goes on doing so."""
    sim = serving(USERS)
    audit = {
        "type": "RequestMirror",
        "requestMirror": {"backendRef": {"name": "audit", "port": 80}},
    }
    rule = sim.cluster.objects[ROUTE]["spec"]["rules"][1]
    rule["filters"].insert(0, audit)
    sim.registry.aliases["champion"] = sim.register("differs")
    until(sim, lambda: CANDIDATE in copies(sim))
    until(sim, lambda: sim.status()["phase"] == "RolledBack")
    kept = sim.cluster.objects[ROUTE]["spec"]["rules"][1]["filters"]
    assert kept == [audit, *users_route()["spec"]["rules"][1]["filters"]]


def test_nothing_is_taken_while_the_gateway_still_copies() -> None:
    """The candidate's Service would lead to the stable pods, which would be compared with it."""
    sim = copied("differs")
    name = sim.status()["candidate"]["name"]
    sim.faults.down.add(GATEWAY)
    go_on(sim, 60)
    assert sim.status()["phase"] == "RollingBack"
    assert copies(sim) == {CANDIDATE}
    assert sim.gateway is not None
    assert {pod.revision for pod in sim.gateway.copied()} == {name}
    sim.faults.heal()
    until(sim, lambda: sim.status()["phase"] == "RolledBack")
    assert not copies(sim)


def test_without_comparisons_the_rollout_waits() -> None:
    """No answer was compared: that is no word for the candidate, and none against it."""
    sim = serving()
    sim.metrics.compare = lambda *_: None  # type: ignore[method-assign]
    sim.registry.aliases["champion"] = sim.register("good")
    until(sim, lambda: copies(sim))
    go_on(sim, 120)
    assert sim.version("stable") == 1
    assert sim.status()["evidence"]["verdict"] == "Blind"
    assert "no answer was compared" in sim.status()["message"]


def test_an_approval_of_the_first_step_comes_before_the_copies() -> None:
    """One of the promotion comes after them."""
    for before, has_copies in (("FirstStep", False), ("Promotion", True)):
        sim = serving(spec=rollout(approval={"required": True, "before": before}))
        sim.registry.aliases["champion"] = sim.register("good")
        go_on(sim, 90)
        assert sim.status()["phase"] == "Paused"
        assert bool(copies(sim)) is has_copies
        assert ("copies of the traffic" in sim.status()["message"]) is not has_copies
        granted = {"version": 2, "by": "ada"}
        edited(sim, rollout=rollout(approval={
            "required": True, "before": before, "granted": granted,
        })["rollout"])  # fmt: skip
        until(sim, lambda sim=sim: sim.version("stable") == 2)


def test_another_strategy_in_the_middle_ends_the_copies() -> None:
    """The candidate goes on by the steps of a Canary."""
    sim = copied()
    edited(sim, rollout=SPEC["rollout"], health={"conditions": SHADOW["health"]["conditions"][:2]})
    until(sim, lambda: sim.split() == (70, 30))
    assert not copies(sim)
    until(sim, lambda: sim.version("stable") == 2)


def test_a_newer_version_waits_until_the_copies_have_ended() -> None:
    """Then it gets copies itself."""
    sim = copied()
    sim.registry.aliases["champion"] = sim.register("good")
    until(sim, lambda: (sim.status().get("candidate") or {}).get("version") == 3)
    assert not copies(sim)
    until(sim, lambda: sim.version("stable") == 3)
    assert sim.unanswered == []


@pytest.mark.parametrize(("verb", "ends_as"), [("Promote", 2), ("PromoteFull", 2), ("Abort", 1)])
def test_people_end_the_copies(verb: str, ends_as: int) -> None:
    """They skip them, or give the candidate up."""
    sim = copied(spec=rollout(minimumStepTime="5m"))
    sim.command(verb, sim.status()["candidate"]["name"])
    until(sim, lambda: not sim.status().get("candidate"))
    assert not copies(sim)
    assert sim.version("stable") == ends_as
    told = sim.status()["commands"][0]["message"]
    assert verb == "Abort" or "skips the step of copies" in told


def test_a_pause_goes_on_copying() -> None:
    """Only what comes after the copies waits."""
    sim = copied()
    edited(sim, rollout=rollout(paused=True)["rollout"])
    go_on(sim, 60)
    assert sim.status()["phase"] == "Paused"
    assert copies(sim) == {CANDIDATE}
    edited(sim, rollout=SHADOW["rollout"])
    until(sim, lambda: sim.version("stable") == 2)


def test_weights_and_copies_that_somebody_takes_away_are_put_back() -> None:
    """As weights are: three times, and then with a word on what to do."""
    sim = copied(traffic=USERS, spec=rollout(minimumStepTime="5m"))
    for _ in range(5):
        sim.cluster.put(users_route())
        go_on(sim, 3)
    assert sim.status()["traffic"]["disputes"] >= 3
    (stalled,) = [one for one in sim.status()["conditions"] if one["type"] == "Stalled"]
    assert stalled["reason"] == Reason.ROUTE_CONTESTED


def test_what_routes_say_is_told() -> None:
    """That the candidate gets copies, and the stable revision all of the traffic."""
    sim = copied()
    go_on(sim, 2)
    (routed,) = [one for one in sim.status()["conditions"] if one["type"] == "TrafficRouted"]
    assert routed["status"] == "True"
    assert "gets copies" in routed["message"]
    assert sim.status()["traffic"]["copied"] is True


def test_a_gateway_that_does_not_copy_loses_nobody() -> None:
    """It refuses the whole route for the filter: that goes at once, and with it the candidate."""
    sim = copied()
    sim.faults.down.add(GATEWAY)
    ref = ObjectRef(ROUTES, "HTTPRoute", "ml", "churn")
    route = sim.cluster.objects[ref]
    said = {"type": "Accepted", "status": "False", "reason": "UnsupportedValue",
            "message": "no RequestMirror here", "observedGeneration": 9}  # fmt: skip
    route["status"] = {"parents": [{"parentRef": {"name": "web"}, "conditions": [said]}]}
    go_on(sim, 2)
    (rule,) = sim.cluster.objects[ref]["spec"]["rules"]
    assert "filters" not in rule
    sim.faults.heal()
    until(sim, lambda: sim.status()["phase"] == "RolledBack")
    assert "no RequestMirror here" in sim.status()["message"]
    assert sim.status()["blocked"][0]["reason"] == Reason.ROUTE_NOT_ACCEPTED
