"""What `kubectl leadsman train status` shows, in a pipe and on a terminal of 80 columns."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leadsman_api import TrainingRun
from leadsman_operator.facts import ModelFacts, ObjectRef
from support.golden import Golden
from support.trainings import Bench, a_run, a_trial, running
from support.world_schedule import ScheduleSimulation
from support.world_user import User


def searching() -> Bench:
    """Three of eight trials are finished."""
    bench = Bench(a_run(search={"trials": 8, "parallelism": 2})).searching()
    bench.wait(60)
    trials = (a_trial(0), a_trial(1), a_trial(2, state="FAIL", values=(), error="no"))
    bench.find(*trials, running(3, "churn-search-1-0"))
    bench.settle()
    return bench


def refused() -> Bench:
    """The gate has refused the version."""
    bench = Bench(model=ModelFacts("churn", {"champion": 1}))
    return bench.concluded(version=2, champion=1, passed=False)


def user() -> User:
    """Ada, with a run that searches, one that was refused, a schedule, and one not seen yet."""
    ada = User()
    schedule = ScheduleSimulation(cron="30 13 * * *", timeZone="Europe/Berlin")
    asyncio.run(schedule.advance(minutes=45))
    nightly = next(iter(schedule.cluster.objects.values()))
    for name, manifest in (
        ("searching", wire(searching().resource)),
        ("refused", wire(refused().resource)),
        ("nightly", nightly),
        ("new", wire(a_run())),
    ):
        metadata = {
            **manifest["metadata"], "name": name, "creationTimestamp": "2026-11-01T12:00:00Z",
        }  # fmt: skip
        found = {**manifest, "metadata": metadata}
        ada.sim.cluster.objects[ObjectRef.of(found)] = found
    ada.sim.clock.advance(3600)
    return ada


def wire(resource: TrainingRun) -> dict[str, Any]:
    """As the API server has it; one that the operator has not seen has no phase."""
    manifest = resource.to_wire()
    return manifest if resource.status.phase else {**manifest, "status": {}}


@pytest.mark.parametrize("columns", [None, 80], ids=["pipe", "80_columns"])
def test_trainings_are_shown_as_they_were(columns: int | None, golden: Golden) -> None:
    """All of them, and each alone."""
    ada = user()
    pages = []
    for view in ((), ("searching",), ("tr/refused",), ("nightly",), ("new",)):
        result = ada("train", "status", *view, columns=columns, NO_COLOR="1")
        assert result.code == 0
        pages.append(f"$ kubectl leadsman {' '.join(('train', 'status', *view))}\n{result.stdout}")
        if columns:
            assert max(len(line) for line in result.stdout.splitlines()) <= columns
    golden.check(f"leadsman_trainings_{f'{columns}_columns' if columns else 'pipe'}.txt",
                 "\n".join(pages))  # fmt: skip
