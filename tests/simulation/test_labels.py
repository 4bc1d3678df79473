"""Labels that come late, in the world with faults: what is wrong goes, what is right stays."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from support.world import SPEC, Simulation
from support.world_labels import QUALITY
from support.world_metrics import PROMETHEUS


def judged_by_labels(behaviour: str, rule: Mapping[str, Any]) -> Simulation:
    """A version gets all of the traffic before the first of its answers has a label."""
    conditions = [{"name": "errors", "type": "ErrorRate", "ratio": 1.5}, QUALITY]
    sim = Simulation(
        {
            **SPEC,
            "rollout": {**SPEC["rollout"], "bake": "5m"},
            "health": {"conditions": conditions, "judge": rule},
        }
    )
    sim.metrics.joiner.after = timedelta(seconds=120)
    sim.registry.aliases["champion"] = sim.register("good")
    go_on(sim, 180)
    sim.registry.aliases["champion"] = sim.register(behaviour)
    while sim.status()["phase"] != "Baking":
        go_on(sim, 5)
    assert not labels_of_the_candidate(sim)
    return sim


def go_on(sim: Simulation, seconds: int) -> None:
    """The operator looks every five seconds."""
    for _ in range(seconds // 5):
        asyncio.run(sim.advance(5))


def labels_of_the_candidate(sim: Simulation) -> int:
    """As the status tells it."""
    conditions = sim.status()["evidence"]["conditions"]
    return sum(one.get("candidateTotal", 0) for one in conditions if one["name"] == "quality")


@pytest.mark.parametrize("rule", [{}, {"rule": "Argo", "interval": "10s", "failures": 1}])
@pytest.mark.parametrize("calls", [1, 4, 9, 14])
def test_a_wrong_version_goes_when_its_labels_come(calls: int, rule: Mapping[str, Any]) -> None:
    """Though Prometheus is down at first, and the operator dies again and again."""
    sim = judged_by_labels("wrong", rule)
    sim.faults.down.add(PROMETHEUS)
    go_on(sim, 90)
    assert sim.version("stable") == 1
    sim.faults.down.clear()
    for _ in range(12):
        sim.faults.crash_in = calls
        go_on(sim, 10)
    sim.faults.heal()
    go_on(sim, 30)

    assert (sim.status()["phase"], sim.version("stable")) == ("RolledBack", 1)
    assert "labelled answers of the candidate were wrong" in sim.status()["message"]


@pytest.mark.parametrize("rule", [{}, {"rule": "Argo", "interval": "10s", "failures": 1}])
def test_a_right_version_stays(rule: Mapping[str, Any]) -> None:
    """Its labels have come before the end of its bake."""
    sim = judged_by_labels("good", rule)
    go_on(sim, 240)
    assert labels_of_the_candidate(sim)
    go_on(sim, 120)

    assert (sim.status()["phase"], sim.version("stable")) == ("Stable", 2)
