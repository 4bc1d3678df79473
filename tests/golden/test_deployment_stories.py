"""The lives of ModelDeployments as a person would tell them, from the real reconcile.

Each story is a text: what is decided at which second and why, and what the status says then.
`pytest --update-golden` writes them anew; read the difference before it is committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from support.golden import Golden
from support.world import REF, SPEC, WITHOUT_PROMETHEUS, Simulation
from support.world_gateway import OWN, SHADOW, USERS, GatewaySimulation
from support.world_labels import QUALITY

STEP_SECONDS = 5


@dataclass
class Story:
    """A simulated life, written down."""

    sim: Simulation = field(default_factory=Simulation)
    lines: list[str] = field(default_factory=list)
    seconds: int = 0
    _status: str = ""

    def register(self, behaviour: str) -> int:
        """A new version gets the alias."""
        number = self.sim.register(behaviour)
        self.point(number)
        self.tell(f"version {number} is registered, its answers: {behaviour}")
        return number

    def point(self, version: int) -> None:
        """The alias points at a version, which need not be there."""
        self.sim.registry.aliases["champion"] = version

    def command(self, verb: str, seconds: int) -> None:
        """Ada asks for something about the revision that it must be about."""
        status = self.sim.status()
        about = {
            "Retry": status.get("blocked", [None])[:1] or [None],
            "RollBack": status.get("kept", [])[-1:] or [None],
        }
        found = about.get(verb, [status.get("candidate")])[0]
        revision = found["name"] if found else "churn-9-gone"
        self.sim.command(verb, revision)
        self.tell(f"ada asks for {verb} of {revision}")
        self.go_on(seconds)

    def tell(self, what: str) -> None:
        """Write down what the story's people do."""
        self.lines.append(f"\n# {what}")

    def go_on(self, seconds: int) -> None:
        """Let time pass, and write down what the operator does."""
        for _ in range(seconds // STEP_SECONDS):
            before = len(self.sim.story)
            asyncio.run(self.sim.advance(STEP_SECONDS))
            self.seconds += STEP_SECONDS
            for line in self.sim.story[before:]:
                self.lines.append(f"{self.seconds:>4} s  {line}")
            self._tell_status()

    def _tell_status(self) -> None:
        status = self.sim.status()
        arms = ", ".join(
            f"{arm} {status[arm]['version']}"
            for arm in ("stable", "candidate", "previous")
            if status.get(arm)
        )
        blocked = [str(one["version"]) for one in status.get("blocked", [])]
        text = f"{status.get('phase')} ({arms or 'no arms'}"
        if status.get("weight") is not None:
            text += f", weight {status['weight']}"
        text += f"{', blocked ' + ' '.join(blocked) if blocked else ''}): {status.get('message')}"
        if text != self._status:
            self.lines.append(f"{self.seconds:>4} s    = {text}")
            self._status = text

    def text(self) -> str:
        """All of it, with the conditions and the history at its end."""
        status = self.sim.status()
        conditions = [
            f"{one['type']}={one['status']} {one['reason']}: {one['message']}"
            for one in status.get("conditions", [])
        ]
        history = [
            f"{one['reason']}: {one['message']}" for one in reversed(status.get("history", []))
        ]
        parts = [*self.lines, "\n# conditions at the end", *conditions, "\n# history", *history]
        return "\n".join(parts).strip() + "\n"


def a_first_version(story: Story) -> None:
    """Nothing was there before."""
    story.register("good")
    story.go_on(30)


def a_good_version(story: Story) -> None:
    """Beside the stable one, step by step, promoted; the previous one is kept for a while."""
    a_first_version(story)
    story.register("good")
    story.go_on(240)


def a_version_with_errors(story: Story) -> None:
    """Taken back with the evidence; asked for again, it stays blocked; the next one is tried."""
    a_first_version(story)
    story.register("errors")
    story.go_on(60)
    story.register("good")
    story.go_on(75)


def a_slow_version(story: Story) -> None:
    """Taken back for its latency."""
    a_first_version(story)
    story.register("slow")
    story.go_on(60)


def a_version_that_cannot_be_loaded(story: Story) -> None:
    """It never gets a request."""
    a_first_version(story)
    story.register("unloadable")
    story.go_on(60)


def an_alias_without_a_version(story: Story) -> None:
    """What serves goes on."""
    a_first_version(story)
    story.point(99)
    story.tell("the alias points at version 99, which is not there")
    story.go_on(20)
    del story.sim.registry.aliases["champion"]
    story.tell("the alias is deleted")
    story.go_on(20)


def a_second_move_in_the_middle(story: Story) -> None:
    """The candidate gives way to the version that is wanted now."""
    a_first_version(story)
    story.register("good")
    story.go_on(15)
    story.register("good")
    story.go_on(75)


def servers_that_are_down(story: Story) -> None:
    """Without evidence the rollout waits; without a registry nothing moves."""
    a_first_version(story)
    story.sim.faults.down.add("MLflow")
    story.tell("MLflow is down")
    story.go_on(20)
    story.sim.faults.down.clear()
    story.register("good")
    story.go_on(15)
    story.sim.faults.down.add("Prometheus")
    story.tell("Prometheus is down")
    story.go_on(60)
    story.sim.faults.down.clear()
    story.tell("all is up again")
    story.go_on(120)


def a_prometheus_that_falls_behind(story: Story) -> None:
    """Old counts prove nothing, not even a bad version; when they come again, they count."""
    a_first_version(story)
    story.sim.metrics.age_seconds = 11
    story.register("errors")
    story.tell("Prometheus has not read the pods for more than two intervals")
    story.go_on(25)
    story.sim.metrics.age_seconds = 0
    story.tell("it does again")
    story.go_on(30)


def a_version_with_errors_without_prometheus(story: Story) -> None:
    """Counted at the pods: while those of one version don't answer, neither is judged."""
    story.sim = Simulation(configuration=WITHOUT_PROMETHEUS)
    a_first_version(story)
    story.sim.pages.silent.add(2)
    story.register("errors")
    story.tell("its pods don't tell what they count")
    story.go_on(25)
    story.sim.pages.silent.clear()
    story.tell("they do")
    story.go_on(40)


def an_operator_that_is_killed(story: Story) -> None:
    """Between any two calls: the next one goes on from what the cluster has."""
    a_first_version(story)
    story.register("good")
    for calls in (3, 12, 15, 9):
        story.sim.faults.crash_in = calls
        story.go_on(10)
    story.sim.faults.heal()
    story.go_on(200)


def a_pinned_version(story: Story) -> None:
    """As a repository of manifests does it: the number is changed in the spec."""
    for number in (1, 2):
        story.sim.register("good")
        model: dict[str, Any] = {**SPEC["model"], "version": number}
        del model["alias"]
        story.sim.apply({**SPEC, "model": model})
        story.tell(f"spec.model.version is {number}")
        story.go_on(30 if number == 1 else 200)


def a_person_in_command(story: Story) -> None:
    """Stops, goes on, skips, ends, tries again, and goes back after all."""
    a_first_version(story)
    story.register("good")
    story.go_on(15)
    for verb, seconds in (
        ("Pause", 30), ("Resume", 5), ("Promote", 10), ("Abort", 15), ("Retry", 10),
        ("PromoteFull", 15), ("Promote", 10),
    ):  # fmt: skip
        story.command(verb, seconds)
    story.command("RollBack", 20)
    story.command("Promote", 10)


def a_way_back_to_an_older_version(story: Story) -> None:
    """From its record, in one step; what the alias points at is held back until it moves."""
    a_first_version(story)
    for _ in range(2):
        story.register("good")
        story.go_on(15)
        story.command("PromoteFull", 15)
        story.command("Promote", 70)
    story.command("RollBack", 120)
    story.point(1)
    story.tell("the alias points at version 1")
    story.go_on(10)


SWAP: dict[str, Any] = {
    **SPEC,
    "scaling": {"minReplicas": 1, "maxReplicas": 1},
    "rollout": {**SPEC["rollout"], "strategy": "Swap", "swap": {"downtimeBudget": "40s"}},
}


def a_swap_on_the_only_gpu(story: Story) -> None:
    """There is room for one pod: the stable one makes room for a good version."""
    story.sim = Simulation(SWAP)
    story.sim.cluster.room = 1
    a_first_version(story)
    story.register("good")
    story.go_on(90)


def swaps_that_go_back(story: Story) -> None:
    """To a version that does not come up in time, and to one that is bad: stable comes back."""
    story.sim = Simulation(SWAP)
    story.sim.cluster.room = 1
    a_first_version(story)
    story.register("hanging")
    story.go_on(60)
    story.register("errors")
    story.go_on(60)


def a_good_version_behind_a_gateway(story: Story) -> None:
    """The weights of a route of its own; each arm has an autoscaler."""
    story.sim = GatewaySimulation(OWN)
    a_first_version(story)
    story.register("good")
    story.go_on(200)


def a_version_with_errors_in_a_users_route(story: Story) -> None:
    """Only the weights of one rule, there and back."""
    story.sim = GatewaySimulation(USERS)
    a_first_version(story)
    story.register("errors")
    story.go_on(60)


def a_good_version_on_copies(story: Story) -> None:
    """Nobody gets its answers until they are found to be the same."""
    story.sim = GatewaySimulation(OWN, SHADOW)
    a_first_version(story)
    story.register("good")
    story.go_on(200)


def a_version_with_other_answers_on_copies(story: Story) -> None:
    """In a route of the user's a filter comes, and goes with the candidate."""
    story.sim = GatewaySimulation(USERS, SHADOW)
    a_first_version(story)
    story.register("differs")
    story.go_on(60)


def a_version_with_wrong_answers(story: Story) -> None:
    """Nothing fails, so it gets all of the traffic; the labels come in its bake."""
    conditions = [{"name": "errors", "type": "ErrorRate", "ratio": 1.5}, QUALITY]
    rollout = {**SPEC["rollout"], "bake": "5m"}
    story.sim = Simulation({**SPEC, "rollout": rollout, "health": {"conditions": conditions}})
    story.sim.metrics.joiner.after = timedelta(seconds=90)
    a_first_version(story)
    story.tell("what was right is known 90 s after an answer")
    story.go_on(120)
    story.register("wrong")
    story.go_on(180)


def a_deletion(story: Story) -> None:
    """Nothing is left of it."""
    a_first_version(story)
    story.sim.cluster.remove(REF)
    story.tell("the resource is deleted")
    asyncio.run(story.sim.reconcile())
    left = sorted(str(ref) for ref in story.sim.cluster.objects)
    story.lines.append(f"objects that are left: {left}")
    story.sim.apply(SPEC)  # for the end of the text, which reads a status


STORIES: tuple[Callable[[Story], None], ...] = (
    a_first_version, a_good_version, a_version_with_errors, a_slow_version,
    a_version_that_cannot_be_loaded, an_alias_without_a_version, a_second_move_in_the_middle,
    servers_that_are_down, a_prometheus_that_falls_behind,
    a_version_with_errors_without_prometheus,
    an_operator_that_is_killed, a_pinned_version, a_person_in_command,
    a_way_back_to_an_older_version,
    a_swap_on_the_only_gpu, swaps_that_go_back,
    a_good_version_behind_a_gateway, a_version_with_errors_in_a_users_route,
    a_good_version_on_copies, a_version_with_other_answers_on_copies,
    a_version_with_wrong_answers, a_deletion,
)  # fmt: skip


@pytest.mark.parametrize("life", STORIES, ids=lambda life: life.__name__)
def test_a_life_is_told_as_before(life: Callable[[Story], None], golden: Golden) -> None:
    """Every decision with its reason, every word of the status."""
    story = Story()
    life(story)
    golden.check(f"deployment_{life.__name__}.txt", story.text())
