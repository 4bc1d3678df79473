"""A Shadow in the world with faults: whatever happens, nobody gets an answer of a bad candidate.

The gateway's controller may be down, somebody may write into the route, and the operator may die.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from typing_extensions import override

from simulation.test_gateway_traffic import BehindGateway
from simulation.test_model_deployment import ModelDeploymentLife, run
from support.world import WITHOUT_PROMETHEUS, Simulation
from support.world_gateway import OWN, SHADOW, GatewaySimulation

BEHAVIOURS = ("good", "differs", "errors", "slow", "unloadable")


class Shadowed(BehindGateway):
    """The same life, each candidate tried on copies first."""

    bad = frozenset(BEHAVIOURS[1:])

    @override
    def begin(self) -> Simulation:
        """A gateway that copies."""
        return GatewaySimulation(OWN, SHADOW)

    @initialize(prometheus=st.booleans())
    @override
    def serve(self, *, prometheus: bool) -> None:
        """A good version serves before anything goes wrong."""
        self.sim.configuration = self.sim.configuration if prometheus else WITHOUT_PROMETHEUS
        self.sim.story.append(f"counts of {'Prometheus' if prometheus else 'the pods'}")
        self.sim.registry.aliases["champion"] = self.sim.register("good")
        run(self.sim.settle())

    @rule(behaviour=st.sampled_from(BEHAVIOURS))
    @override
    def register(self, behaviour: str) -> None:
        """A new version gets the alias; it may answer well and say something else."""
        number = self.sim.register(behaviour)
        self.sim.registry.aliases["champion"] = number
        self.sim.story.append(f"version {number}, {behaviour}, gets the alias")

    @invariant()
    def nobody_gets_an_answer_of_a_bad_version(self) -> None:
        """But of one that a person has let on."""
        self._remember_promotions()
        commanded = any(one["verb"].startswith("Promote") for one in self.sim.commands)
        if not (self.sim.served and self.gateway.gateway) or commanded:
            return
        for _, pods in self.gateway.gateway.shares():
            for pod in pods:
                assert self.sim.cluster.behaviours[pod.version] not in self.bad, self._story()

    @invariant()
    def no_copy_comes_to_the_stable_revision(self) -> None:
        """It would be compared with itself, and what it says would pass for the candidate's."""
        stable = (self.sim.status().get("stable") or {}).get("name")
        gateway = self.gateway.gateway
        copied = {pod.revision for pod in gateway.copied()} if gateway else set()
        assert stable not in copied, self._story()


Shadowed.TestCase.settings = settings(ModelDeploymentLife.TestCase.settings, max_examples=40)
TestShadowed = Shadowed.TestCase
