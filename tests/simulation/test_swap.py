"""A swap where there is room for one pod, second by second: how long nothing answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leadsman_operator.planner.observation import Configuration
from support.world import CONFIGURATION, SERVICE, SPEC, WITHOUT_PROMETHEUS, Simulation

BUDGET_SECONDS = 40
SWAP: dict[str, Any] = {
    **SPEC,
    "scaling": {"minReplicas": 1, "maxReplicas": 1},
    "rollout": {
        **SPEC["rollout"],
        "strategy": "Swap",
        "swap": {"downtimeBudget": f"{BUDGET_SECONDS}s"},
    },
}


def interruptions(sim: Simulation, seconds: int) -> list[int]:
    """Let time pass; how long nothing answered, each time that nothing did."""
    found, now = [], 0
    for _ in range(seconds):
        asyncio.run(sim.advance(1))
        running = [pod for pod in sim.cluster.pods.values() if pod.ready]
        assert len(running) <= 1, "there is room for one"
        answers = bool(sim.cluster.selected(SERVICE))
        if answers and now:
            found.append(now)
        now = 0 if answers else now + 1
    assert not now, "something answers at the end"
    return found


def begun(behaviour: str, configuration: Configuration = CONFIGURATION) -> Simulation:
    """Version 1 serves in the only place, and version 2 gets the alias."""
    sim = Simulation(SWAP, configuration)
    sim.cluster.room, sim.may_swap = 1, True
    sim.registry.aliases["champion"] = sim.register("good")
    asyncio.run(sim.settle())
    sim.registry.aliases["champion"] = sim.register(behaviour)
    return sim


@pytest.mark.parametrize("configuration", [CONFIGURATION, WITHOUT_PROMETHEUS], ids=["prom", "pods"])
@pytest.mark.parametrize(
    ("behaviour", "times"),
    [("good", 1), ("hanging", 1), ("unloadable", 1), ("errors", 2), ("slow", 2)],
)
def test_no_interruption_is_longer_than_the_budget(
    behaviour: str, times: int, configuration: Configuration
) -> None:
    """Neither the way there nor the way back; a version that comes up bad costs one of each."""
    sim = begun(behaviour, configuration)

    found = interruptions(sim, 180)

    assert len(found) == times, sim.story
    assert max(found) <= BUDGET_SECONDS, sim.story
    assert sim.version("stable") == (2 if behaviour == "good" else 1)
    assert not sim.unanswered


@pytest.fixture(scope="module")
def seconds_before() -> int:
    """How long it takes from a new version to the last look before the stable one makes room."""
    sim = begun("good")
    for seconds in range(60):
        asyncio.run(sim.advance(1))
        if sim.status().get("rollout", {}).get("readyBy"):
            return seconds
    raise AssertionError("no swap has begun")


@pytest.mark.parametrize("calls", range(0, 44, 4))
def test_an_operator_that_dies_on_the_way_goes_on(calls: int, seconds_before: int) -> None:
    """Wherever between two calls that is."""
    sim = begun("good")
    for _ in range(seconds_before):
        asyncio.run(sim.advance(1))
    sim.faults.crash_in = calls

    (seconds,) = interruptions(sim, 120)

    assert seconds <= BUDGET_SECONDS, sim.story
    assert sim.faults.crash_in is None, "it has died"
    assert sim.version("stable") == 2


def test_what_is_wanted_again_comes_back_within_the_budget() -> None:
    """In the bake of a swap, where it has no pods: the others go first, as they came."""
    sim = begun("good")
    for _ in range(60):
        asyncio.run(sim.advance(1))
        if sim.status()["phase"] == "Baking":
            break
    sim.registry.aliases["champion"] = 1

    (seconds,) = interruptions(sim, 60)

    assert seconds <= BUDGET_SECONDS, sim.story
    assert (sim.version("stable"), sim.version("candidate")) == (1, None)
    assert not sim.unanswered


def test_a_swap_waits_for_a_yardstick() -> None:
    """Without counts of the stable revision nothing is stopped, and nobody is blamed."""
    sim = begun("good", WITHOUT_PROMETHEUS)
    sim.pages.silent.add(1)

    assert interruptions(sim, 120) == []
    assert sim.version("stable") == 1
    assert sim.version("candidate") == 2

    sim.pages.silent.clear()

    assert len(interruptions(sim, 120)) == 1
    assert sim.version("stable") == 2
