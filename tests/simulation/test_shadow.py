"""A Shadow in the world with faults: whatever happens, nobody gets an answer of a bad candidate.

The gateway's controller may be down, somebody may write into the route, and the operator may die.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from typing_extensions import override

from leadsman_api.reasons import Reason
from simulation.test_gateway_traffic import BehindGateway
from simulation.test_model_deployment import ModelDeploymentLife, run
from support.world import WITHOUT_PROMETHEUS, Simulation
from support.world_cluster import Pod
from support.world_gateway import GATEWAY, OWN, SHADOW, GatewaySimulation
from support.world_people import JUDGES, POLICIES

BEHAVIOURS = ("good", "differs", "errors", "slow", "unloadable")
BAD = BEHAVIOURS[1:]


class Shadowed(BehindGateway):
    """The same life, each candidate tried on copies first."""

    @override
    def begin(self) -> Simulation:
        """A gateway that copies."""
        return GatewaySimulation(OWN, SHADOW)

    @initialize(
        prometheus=st.booleans(),
        behaviour=st.sampled_from(BEHAVIOURS),
        seconds=st.integers(5, 20),
        ending=st.sampled_from(["", "Abort", "PromoteFull"]),
        policies=POLICIES,
        health=JUDGES,
    )
    @override
    def serve(
        self,
        *,
        prometheus: bool,
        behaviour: str,
        seconds: int,
        ending: str,
        policies: Mapping[str, Any],
        health: Mapping[str, Any],
    ) -> None:
        """A good version serves, and another one is tried, before anything goes wrong."""
        self.write_health(health)
        self.write(**policies)
        self.sim.configuration = self.sim.configuration if prometheus else WITHOUT_PROMETHEUS
        self.sim.story.append(f"counts of {'Prometheus' if prometheus else 'the pods'}")
        self.sim.registry.aliases["champion"] = self.sim.register("good")
        run(self.sim.settle())
        self.register(behaviour)
        for _ in range(seconds):
            run(self.sim.advance(1))
        if ending and self.copied():
            self.end_the_copies(ending)

    @rule(behaviour=st.sampled_from(BEHAVIOURS))
    @override
    def register(self, behaviour: str) -> None:
        """A new version gets the alias; it may answer well and say something else."""
        number = self.sim.register(behaviour)
        self.sim.registry.aliases["champion"] = number
        self.sim.story.append(f"version {number}, {behaviour}, gets the alias")

    def end_the_copies(self, verb: str) -> None:
        """Behind a gateway whose proxies go on copying to whatever the Service selects."""
        self.sim.faults.down.add(GATEWAY)
        self.sim.command(verb, self.sim.status()["candidate"]["name"])
        self.sim.story.append(f"the gateway's controller goes down, and ada asks for {verb}")

    def copied(self) -> list[Pod]:
        """The pods that copies come to."""
        return self.gateway.gateway.copied() if self.gateway.gateway else []

    @invariant()
    @override
    def bad_versions_never_become_stable(self) -> None:
        """Those that say something else are bad as well."""
        self._remember_promotions()
        stable = None if self.promoted_bad else self.sim.version("stable")
        if stable is not None:
            assert self.sim.cluster.behaviours[stable] not in BAD, self._story()

    @override
    def _remember_promotions(self) -> None:
        for told in self.sim.status().get("history", []):
            if told["reason"] == Reason.PROMOTED and told.get("by"):
                version = int(told["toRevision"].split("-")[1])
                self.promoted_bad |= self.sim.cluster.behaviours[version] in BAD
        # Who ends the copies of a version takes its word for what it says: nothing else compares.
        for command in self.sim.commands:
            version = int(command["revision"].split("-")[1])
            lets_on = command["verb"].startswith("Promote")
            self.promoted_bad |= lets_on and self.sim.cluster.behaviours.get(version) == "differs"

    @invariant()
    def nobody_gets_an_answer_of_a_bad_version(self) -> None:
        """But of one that a person has let on."""
        self._remember_promotions()
        commanded = any(one["verb"].startswith("Promote") for one in self.sim.commands)
        if not (self.sim.served and self.gateway.gateway) or commanded:
            return
        for _, pods in self.gateway.gateway.shares():
            for pod in pods:
                assert self.sim.cluster.behaviours[pod.version] not in BAD, self._story()

    @invariant()
    def no_copy_comes_to_the_stable_revision(self) -> None:
        """It would be compared with itself, and what it says would pass for the candidate's."""
        stable = (self.sim.status().get("stable") or {}).get("name")
        assert stable not in {pod.revision for pod in self.copied()}, self._story()


Shadowed.TestCase.settings = settings(ModelDeploymentLife.TestCase.settings, max_examples=40)
TestShadowed = Shadowed.TestCase
