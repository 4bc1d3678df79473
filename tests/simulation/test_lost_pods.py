"""Pods that are lost with their node, and counts that stay away, at the worst of all moments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from support.world import Simulation
from support.world_gateway import OWN, GatewaySimulation
from support.world_metrics import PROMETHEUS

WIDE, FLOOR = 4, 1
WORLDS: dict[str, Callable[[], Simulation]] = {
    "one Service": Simulation,
    "a gateway": lambda: GatewaySimulation(OWN),
}


@pytest.fixture(params=WORLDS)
def sim(request: pytest.FixtureRequest) -> Simulation:
    """Version 1 serves with more pods than the floor."""
    sim = WORLDS[request.param]()
    for pods in (WIDE, FLOOR):
        scaling = {"minReplicas": pods, "maxReplicas": 6}
        sim.apply({**sim.spec, "scaling": scaling})
        sim.registry.aliases["champion"] = sim.version("stable") or sim.register("good")
        asyncio.run(sim.settle())
    return sim


def until(sim: Simulation, condition: Callable[[dict[str, Any]], object]) -> None:
    """Go on until the status is as it should be."""
    for _ in range(200):
        asyncio.run(sim.advance(1))
        if condition(sim.status()):
            return
    raise AssertionError("\n".join(sim.story))


def until_it_bakes(sim: Simulation, behaviour: str) -> str:
    """Try a new version until it has all of the traffic; gives its revision."""
    sim.registry.aliases["champion"] = sim.register("good")
    until(sim, lambda status: status["phase"] == "Baking")
    sim.cluster.behaviours[2] = behaviour
    return str(sim.status()["candidate"]["name"])


def assert_lawful(sim: Simulation) -> None:
    """Everybody got an answer, and no law was broken."""
    assert not sim.unanswered, sim.story
    assert not sim.laws.broken, sim.laws.broken


def test_the_stable_revision_keeps_its_pods_while_the_promoted_one_lacks_some(
    sim: Simulation,
) -> None:
    """The end of the bake waits for the pods that have to take over."""
    candidate = until_it_bakes(sim, "good")
    for _ in range(60):
        sim.cluster.lose(candidate, kept=1)
        asyncio.run(sim.advance(1))

    assert sim.version("candidate") == 2
    assert_lawful(sim)

    asyncio.run(sim.settle())

    assert sim.version("stable") == 2
    assert_lawful(sim)


def test_nobody_goes_back_to_a_revision_without_a_ready_pod(sim: Simulation) -> None:
    """A bad answer now and then is better than none."""
    candidate = until_it_bakes(sim, "errors")
    stable = sim.status()["stable"]["name"]
    for _ in range(60):
        sim.cluster.lose(stable)
        asyncio.run(sim.advance(1))

    assert sim.status()["candidate"]["name"] == candidate
    assert_lawful(sim)

    asyncio.run(sim.settle())

    assert sim.version("stable") == 1
    assert sim.status()["phase"] == "RolledBack"
    assert_lawful(sim)


def test_a_person_who_ends_a_rollout_leaves_nobody_without_an_answer(sim: Simulation) -> None:
    """What is asked for is done as soon as it can be."""
    candidate = until_it_bakes(sim, "good")
    sim.cluster.lose(sim.status()["stable"]["name"])
    sim.command("Abort", candidate)

    until(sim, lambda status: status["phase"] == "RolledBack")

    assert sim.status()["commands"][0]["outcome"] == "Done"
    assert_lawful(sim)


def test_another_version_does_not_take_the_pods_that_answer(sim: Simulation) -> None:
    """Neither does the wish for the one that can't answer just now."""
    until_it_bakes(sim, "good")
    sim.cluster.lose(sim.status()["stable"]["name"])
    sim.registry.aliases["champion"] = 1

    until(sim, lambda status: not status.get("candidate"))

    assert sim.version("stable") == 1
    assert_lawful(sim)


def test_a_bake_does_not_end_unseen(sim: Simulation) -> None:
    """While counts can't be read the pods of the stable revision stay as they are."""
    until_it_bakes(sim, "good")
    sim.faults.down.add(PROMETHEUS)
    for _ in range(60):
        asyncio.run(sim.advance(1))

    assert sim.status()["phase"] == "Baking"
    assert_lawful(sim)

    sim.faults.heal()
    asyncio.run(sim.settle())

    assert sim.version("stable") == 2
    assert_lawful(sim)


def test_a_person_may_end_a_bake_that_nobody_sees(sim: Simulation) -> None:
    """It is theirs to know."""
    candidate = until_it_bakes(sim, "good")
    sim.faults.down.add(PROMETHEUS)
    sim.command("Promote", candidate)

    until(sim, lambda status: not status.get("candidate"))

    assert sim.version("stable") == 2
    assert_lawful(sim)
