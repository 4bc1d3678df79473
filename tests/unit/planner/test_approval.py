"""A rollout that waits until a person says yes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

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


@pytest.mark.parametrize("by", ["ada", None])
def test_a_pause_while_an_approval_is_waited_for_is_told_once(by: str | None) -> None:
    """Nothing went on before either, but from now on an approval is not enough."""
    bench = waiting(BLUE_GREEN)
    since = paused_at(bench)
    assert since is not None
    bench.wait(60)
    known = len(bench.resource.status.history)
    pause(bench, by)
    bench.wait(60)
    bench.settle()
    status = bench.resource.status
    who = "ada asked for it" if by else "rollout.paused is true"
    assert status.message == f"paused at 0 percent: {who}"
    assert len(status.history) == known + 1
    assert (status.history[0].message, status.history[0].by) == (status.message, by)
    assert [one.message for one in status.commands] == ([status.message] if by else [])
    assert paused_at(bench) == since


def pause(bench: Bench, by: str | None) -> None:
    """Somebody stops the rollout by a command, or the spec does."""
    candidate = bench.resource.status.candidate
    assert candidate is not None
    command = {"id": "c-1", "verb": "Pause", "revision": candidate.name, "by": by}
    stop = {"command": command} if by else {"paused": True}
    stopped = a_deployment(rollout={**BLUE_GREEN, "approval": {"required": True}, **stop})
    bench.resource = stopped.model_copy(update={"status": bench.resource.status})
    bench.settle()


def paused_at(bench: Bench) -> datetime | None:
    """From when on time counts for nothing."""
    rollout = bench.resource.status.rollout
    assert rollout is not None
    return rollout.paused_at


def little(bench: Bench, seconds: float) -> None:
    """Time goes by with one request to the candidate, which proves nothing."""
    bench.wait(seconds)
    bench.serve(stable=counters(1000), candidate=counters(1))
    bench.settle()
