"""A model at rest, without a Prometheus: what is counted of it, and what that costs."""

from __future__ import annotations

import asyncio

from leadsman_operator.planner.judge.resting import WINDOW
from support.world import CONFIGURATION, RATE, REF, WITHOUT_PROMETHEUS, Simulation

LOOK = 30
HOUR = 3600


def at_rest(sim: Simulation, seconds: int) -> int:
    """Let time pass as it does at rest; how often the status was written."""
    written = 0
    for _ in range(seconds // LOOK):
        before = sim.cluster.objects[REF].get("status")
        asyncio.run(sim.advance(LOOK))
        written += sim.cluster.objects[REF].get("status") != before
    return written


def begun(sim: Simulation) -> Simulation:
    """A good version serves."""
    sim.registry.aliases["champion"] = sim.register("good")
    asyncio.run(sim.settle())
    return sim


def test_the_status_is_written_once_in_five_minutes() -> None:
    """Each time with what the pods have counted since."""
    sim = begun(Simulation(configuration=WITHOUT_PROMETHEUS))

    assert at_rest(sim, HOUR) == HOUR / WINDOW.total_seconds()

    windows = sim.status()["past"]["windows"]
    assert [one["seconds"] for one in windows[1:]] == [WINDOW.total_seconds()] * 11
    assert all(one["counters"]["2xx"] == RATE * one["seconds"] for one in windows[1:])


def test_the_next_rollout_is_judged_by_it() -> None:
    """From its first look, though another operator leads it."""
    sim = begun(Simulation(configuration=WITHOUT_PROMETHEUS))
    at_rest(sim, HOUR)
    sim.faults.crash_in = 0
    sim.registry.aliases["champion"] = sim.register("good")
    while "memory" not in sim.status().get("evidence", {}):
        asyncio.run(sim.advance(5))

    memory = sim.status()["evidence"]["memory"]
    known = sum(one["seconds"] for one in sim.status()["past"]["windows"])
    assert memory["pastSeconds"] == known >= HOUR
    assert {one["pastTotal"] for one in memory["series"]} == {RATE * known}


def test_a_prometheus_remembers_by_itself() -> None:
    """Then nothing is read or written at rest."""
    sim = begun(Simulation(configuration=CONFIGURATION))

    assert at_rest(sim, HOUR) == 0

    assert "past" not in sim.status()
