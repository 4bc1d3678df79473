"""Each strategy, to its good and its bad end, with the operator killed at every write on the way.

A call that only reads changes nothing, so that to die there is to look later: these are not
taken one by one. Of the worlds in which somebody died those are gone on with to the end that
are not the same after the next look, and some more in which that look comes late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from typing_extensions import override

from support.world import SPEC, Simulation
from support.world_gateway import OWN, SHADOW, GatewaySimulation

LOOK_SECONDS, LOOKS = 5, 60
TAKEN_OVER_SECONDS = 15
"""So late the standby looks after the death of the leader."""
LATE_EVERY = 8
"""Of so many deaths one is followed by a late look."""
BUDGET_SECONDS = 60
COLD_SECONDS = 61
"""After so long the previous revision has no pods any more."""

Deed = Callable[[Simulation], Any]


def canary(**rollout: Any) -> Simulation:
    """The steps of a Canary, or another strategy, behind one Service."""
    return Simulation({**SPEC, "rollout": {**SPEC["rollout"], **rollout}})


def behind_gateway(**rollout: Any) -> Simulation:
    """The same by a gateway."""
    return GatewaySimulation(OWN, {**SPEC, "rollout": {**SPEC["rollout"], **rollout}})


def shadow(**rollout: Any) -> Simulation:
    """Copies first."""
    return GatewaySimulation(OWN, {**SHADOW, "rollout": {**SHADOW["rollout"], **rollout}})


def swap(**rollout: Any) -> Simulation:
    """There is room for one pod."""
    budget = {"downtimeBudget": f"{BUDGET_SECONDS}s"}
    sim = canary(strategy="Swap", swap=budget, **rollout)
    sim.apply({**sim.spec, "scaling": {"minReplicas": 1, "maxReplicas": 1}})
    sim.cluster.room, sim.may_swap = 1, True
    return sim


def blue_green(**rollout: Any) -> Simulation:
    """All at once."""
    return canary(strategy="BlueGreen", **rollout)


def asks(verb: str) -> Deed:
    """Somebody asks for something about the candidate."""
    return lambda sim: sim.command(verb, sim.status()["candidate"]["name"])


def writes(**rollout: Any) -> Deed:
    """Somebody writes into the rollout's part of the spec."""

    def write(sim: Simulation) -> None:
        sim.spec = {**sim.spec, "rollout": {**sim.spec["rollout"], **rollout}}
        sim.apply(sim.spec)

    return write


def approves(step: int | None = None) -> Deed:
    """Somebody approves version 2."""
    granted = {"version": 2, "by": "ada", **({"step": step} if step else {})}
    return lambda sim: writes(approval={**sim.spec["rollout"]["approval"], "granted": granted})(sim)


def waits(before: str) -> Mapping[str, Any]:
    """An approval is needed before something."""
    return {"approval": {"required": True, "before": before}}


@dataclass(frozen=True)
class Story:
    """A rollout from version 1 to version 2."""

    world: Callable[..., Simulation]
    behaviour: str = "good"
    rollout: Mapping[str, Any] = field(default_factory=dict)
    deeds: Mapping[int, Deed] = field(default_factory=dict)
    """What people do, by the number of the look before which they do it."""

    def begin(self) -> Simulation:
        """Version 1 serves, and the alias moves to version 2."""
        sim = self.world(**self.rollout)
        sim.registry.aliases["champion"] = sim.register("good")
        asyncio.run(sim.settle())
        sim.registry.aliases["champion"] = sim.register(self.behaviour)
        return sim

    def time_passes(self, sim: Simulation, look: int) -> None:
        """Until the next look."""
        if look in self.deeds:
            self.deeds[look](sim)
        sim.pass_time(LOOK_SECONDS)

    def is_over(self, sim: Simulation) -> bool:
        """Whether it has come to its end, and nothing else is left."""
        status, good = sim.status(), self.behaviour == "good"
        left = [arm for arm in ("candidate", "previous") if status.get(arm)]
        phase = "Stable" if good else "RolledBack"
        return status["phase"] == phase and not left and sim.version("stable") == 1 + good


@dataclass(frozen=True)
class WayBack(Story):
    """From version 3 to version 1, of which the record alone is there."""

    @override
    def begin(self) -> Simulation:
        """Two others have come to serve, and somebody wants the first again."""
        sim = self.world(**self.rollout)
        for _ in range(3):
            sim.registry.aliases["champion"] = sim.register("good")
            asyncio.run(sim.settle())
            sim.clock.advance(COLD_SECONDS)
            asyncio.run(sim.settle())
        first = sim.status()["kept"][-1]
        sim.cluster.behaviours[first["version"]] = self.behaviour
        sim.command("RollBack", first["name"])
        return sim

    @override
    def is_over(self, sim: Simulation) -> bool:
        """What the alias points at still is held back, unless the first did not come up."""
        status, good = sim.status(), self.behaviour == "good"
        left = [arm for arm in ("candidate", "previous") if status.get(arm)]
        phase, stable = ("RolledBack", 1) if good else ("Stable", 3)
        asked = bool(status.get("commands"))
        return asked and status["phase"] == phase and not left and sim.version("stable") == stable


STORIES: dict[str, Story] = {
    "a good Canary": Story(canary),
    "a bad Canary": Story(canary, "errors"),
    "a Canary that can't be loaded": Story(canary, "unloadable"),
    "a Canary that is paused": Story(canary, deeds={3: asks("Pause"), 8: asks("Resume")}),
    "a Canary that the spec pauses": Story(
        canary, "slow", deeds={2: writes(paused=True), 6: writes(paused=False)}
    ),
    "a Canary that waits at every step": Story(
        canary,
        rollout=waits("EveryStep"),
        deeds={4: approves(30), 10: approves(60), 16: approves(100)},
    ),
    "a good Canary behind a gateway": Story(behind_gateway),
    "a bad Canary behind a gateway": Story(behind_gateway, "errors"),
    "a good BlueGreen": Story(blue_green),
    "a bad BlueGreen": Story(blue_green, "errors"),
    "a BlueGreen that waits": Story(blue_green, rollout=waits("Promotion"), deeds={5: approves()}),
    "a good Shadow": Story(shadow),
    "a bad Shadow": Story(shadow, "differs"),
    "a Shadow that waits": Story(shadow, rollout=waits("Promotion"), deeds={8: approves()}),
    "a good Swap": Story(swap),
    "a bad Swap": Story(swap, "errors"),
    "a Swap that does not come up": Story(swap, "hanging"),
    "a way back to a record": WayBack(canary),
    "a way back to a record behind a gateway": WayBack(behind_gateway),
    "a way back to a record that can't be loaded": WayBack(canary, "unloadable"),
    "a way back to a record that is bad now": WayBack(behind_gateway, "errors"),
    "a Swap that waits": Story(swap, rollout=waits("FirstStep"), deeds={5: approves()}),
}


def deaths(before: Simulation, after: Simulation) -> Iterator[Simulation]:
    """The worlds in which the operator dies in the look between: before each write and the next.

    Of a look that writes nothing but the status there are none: to die there is to look later.
    """
    first = before.faults.calls
    ends = [calls - first for calls in after.written_at if calls > first]
    for calls in (ends[0] - 1, *ends) if len(ends) > 1 else ():
        twin = before.fork()
        twin.faults.crash_in = calls
        asyncio.run(twin.look())
        if twin.faults.crash_in is None:
            yield twin


def picture(sim: Simulation) -> dict[Any, Any]:
    """All that is in the cluster, but for numbers that only count changes."""
    counts = ("resourceVersion", "generation", "uid")
    return {
        ref: {
            **manifest,
            "metadata": {
                name: value for name, value in manifest["metadata"].items() if name not in counts
            },
        }
        for ref, manifest in sim.cluster.objects.items()
    }


def assert_lawful(sim: Simulation) -> None:
    """Whatever happened, everybody got an answer and no law was broken."""
    assert not sim.unanswered, sim.story
    assert not sim.laws.broken, [sim.laws.broken, sim.story]
    assert sim.longest_interruption <= BUDGET_SECONDS, sim.story


def go_on(story: Story, sim: Simulation, look: int) -> None:
    """From after a look to the story's end."""
    for later in range(look + 1, LOOKS):
        story.time_passes(sim, later)
        asyncio.run(sim.look())
        if story.is_over(sim):
            assert_lawful(sim)
            return
    raise AssertionError("\n".join(sim.story))


@pytest.mark.parametrize("name", STORIES)
def test_wherever_the_operator_dies_the_story_ends_the_same(name: str) -> None:
    """In its own time, with an answer to every request and all laws kept on the way."""
    story = STORIES[name]
    sim = story.begin()
    died = 0
    for look in range(LOOKS):
        story.time_passes(sim, look)
        before = sim.fork()
        asyncio.run(sim.look())
        for twin in deaths(before, sim):
            died += 1
            if died % LATE_EVERY == 0:
                twin.pass_time(TAKEN_OVER_SECONDS)
            asyncio.run(twin.look())
            assert_lawful(twin)
            if picture(twin) != picture(sim):
                go_on(story, twin, look)
        if story.is_over(sim):
            break
    assert_lawful(sim)
    assert story.is_over(sim), sim.story
    assert died > LATE_EVERY
