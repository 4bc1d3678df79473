"""A rollout that waits until a person says yes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase
from support.deployments import Bench, a_deployment, a_version, counters

CANARY = {"steps": [50], "minimumStepTime": "10s", "bake": "20s"}
BLUE_GREEN = {"strategy": "BlueGreen", "bake": "20s", "deadline": "30m"}


def waiting(rollout: Mapping[str, Any]) -> Bench:
    """Version 2 may have its traffic as soon as somebody says so."""
    bench = Bench(resource=a_deployment(rollout={**rollout, "approval": {"required": True}}))
    bench.settle()
    bench.version = a_version(2)
    bench.serve(stable=counters(1000), candidate=counters())
    bench.settle()
    return bench


def grant(bench: Bench, rollout: Mapping[str, Any], version: int) -> None:
    """Somebody says yes to a version."""
    approval = {"required": True, "granted": {"version": version, "by": "ada"}}
    granted = a_deployment(rollout={**rollout, "approval": approval})
    bench.resource = granted.model_copy(update={"status": bench.resource.status})
    bench.settle()


def phase(bench: Bench) -> DeploymentPhase | None:
    """Where it stands."""
    return bench.resource.status.phase


def test_an_approval_for_this_version_is_waited_for() -> None:
    """One for another version counts for nothing."""
    bench = waiting(CANARY)
    bench.wait(15)
    bench.serve(stable=counters(1400), candidate=counters(400))
    bench.settle()
    assert phase(bench) is DeploymentPhase.PAUSED
    assert "write rollout.approval.granted" in (bench.resource.status.message or "")
    grant(bench, CANARY, 7)
    assert phase(bench) is DeploymentPhase.PAUSED
    grant(bench, CANARY, 2)
    assert phase(bench) is DeploymentPhase.BAKING


def test_time_for_an_approval_is_not_the_candidates() -> None:
    """A bake that has to judge has all of its deadline, however late somebody says yes."""
    bench = waiting(BLUE_GREEN)
    bench.wait(7200)
    bench.settle()
    assert phase(bench) is DeploymentPhase.PAUSED
    grant(bench, BLUE_GREEN, 2)
    for seconds in (1, 21, 1700):
        little(bench, seconds)
        assert phase(bench) is DeploymentPhase.BAKING
    little(bench, 110)
    assert phase(bench) is DeploymentPhase.STABLE


def little(bench: Bench, seconds: float) -> None:
    """Time goes by with one request to the candidate, which proves nothing."""
    bench.wait(seconds)
    bench.serve(stable=counters(1000), candidate=counters(1))
    bench.settle()
