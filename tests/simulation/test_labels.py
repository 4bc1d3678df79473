"""Labels that come late, in the world with faults: what is wrong goes, what is right stays."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from leadsman_operator.planner.observation import Configuration
from support.world import CONFIGURATION, SPEC, WITHOUT_PROMETHEUS, Simulation
from support.world_labels import QUALITY
from support.world_metrics import PROMETHEUS


def with_labels(
    rule: Mapping[str, Any] | None = None, configuration: Configuration = CONFIGURATION
) -> Simulation:
    """A version serves, and labels decide on the next one."""
    conditions = [{"name": "errors", "type": "ErrorRate", "ratio": 1.5}, QUALITY]
    sim = Simulation(
        {
            **SPEC,
            "rollout": {**SPEC["rollout"], "bake": "5m"},
            "health": {"conditions": conditions, "judge": rule or {}},
        },
        configuration,
    )
    sim.metrics.joiner.after = timedelta(seconds=120)
    sim.registry.aliases["champion"] = sim.register("good")
    go_on(sim, 180)
    return sim


def judged_by_labels(behaviour: str, rule: Mapping[str, Any]) -> Simulation:
    """A version gets all of the traffic before the first of its answers has a label."""
    sim = with_labels(rule)
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


def test_without_a_prometheus_the_status_says_what_to_write() -> None:
    """Errors decide, and labels never will."""
    sim = with_labels(configuration=WITHOUT_PROMETHEUS)
    sim.registry.aliases["champion"] = sim.register("good")
    go_on(sim, 60)

    told = {one["name"]: one for one in sim.status()["evidence"]["conditions"]}
    assert told["errors"]["verdict"] == "Good"
    assert told["quality"]["verdict"] == "Blind"
    assert told["quality"]["unread"].endswith("write spec.health.prometheus.url")


def test_a_past_is_read_once_counts_are() -> None:
    """While they are stale nobody would remember it."""
    sim = with_labels()
    sim.metrics.age_seconds = 60
    sim.registry.aliases["champion"] = sim.register("good")
    go_on(sim, 120)
    assert sim.status()["evidence"]["verdict"] == "Blind"
    assert sim.metrics.pasts_asked_for == 0

    sim.metrics.age_seconds = 0
    go_on(sim, 60)
    assert sim.metrics.pasts_asked_for == 3
