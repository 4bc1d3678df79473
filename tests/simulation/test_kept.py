"""A ModelDeployment with a past, in the same world with faults: people go back to what served."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from typing_extensions import override

from simulation.test_gateway_traffic import BehindGateway
from simulation.test_model_deployment import ModelDeploymentLife, run

COLD_SECONDS = 61
"""After so long the previous revision has no pods any more."""


class WithPast(ModelDeploymentLife):
    """The same life, after two versions that are kept on record."""

    @override
    def grow_up(self) -> None:
        """Three versions have come to serve, and the first two are cold."""
        for _ in range(3):
            self.promote_good_one()
            self.sim.clock.advance(COLD_SECONDS)
            run(self.sim.settle())

    @rule(chosen=st.integers(0, 10**6), looks=st.integers(1, 8))
    def insist(self, chosen: int, looks: int) -> None:
        """Somebody ends what runs, goes back, and sees what comes of it."""
        candidate = self.sim.status().get("candidate")
        if candidate:
            self.sim.command("Abort", candidate["name"])
            self.time_passes(5, looks=3)
        if self.sim.status().get("kept"):
            self.go_back(chosen)
            self.time_passes(9, looks=looks)


class WithPastBehindGateway(WithPast, BehindGateway):
    """The same, its traffic split by a gateway."""


WithPast.TestCase.settings = settings(ModelDeploymentLife.TestCase.settings, max_examples=15)
WithPastBehindGateway.TestCase.settings = settings(WithPast.TestCase.settings, max_examples=10)
TestWithPast = WithPast.TestCase
TestWithPastBehindGateway = WithPastBehindGateway.TestCase
