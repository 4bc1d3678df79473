"""Who hears of a reconcile: log, metrics, and of a bug also the resource itself."""

from __future__ import annotations

import asyncio
import logging

import pytest

from leadsman_api.reasons import Reason
from leadsman_operator.metrics import OperatorMetrics
from leadsman_operator.plan_log import PlanLog
from leadsman_operator.reconcile import Reconciled
from leadsman_operator.reports import Reports
from support.world import REF, Simulation

BUG = KeyError("secret words")


def reports_of(simulation: Simulation) -> tuple[Reports, OperatorMetrics]:
    """Reports of a simulated world."""
    metrics = OperatorMetrics("1", dict)
    log = PlanLog(logging.getLogger("plans"))
    return Reports(simulation.world, metrics, log), metrics


def test_a_bug_stalls_the_resource_and_is_counted() -> None:
    """The condition says whose fault it is, and not what only the log may tell."""
    simulation = Simulation()
    reports, metrics = reports_of(simulation)
    asyncio.run(reports.failed(REF, BUG))

    stalled = next(one for one in simulation.status()["conditions"] if one["type"] == "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", Reason.INTERNAL_ERROR)
    assert "KeyError" in stalled["message"]
    assert "secret words" not in stalled["message"]
    assert b'reason="InternalError"} 1.0' in metrics.page().body


def test_a_bug_that_can_t_be_told_is_still_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A cluster that does not answer, or a resource that is gone, ends nothing."""
    simulation = Simulation()
    reports, _ = reports_of(simulation)
    asyncio.run(reports.failed(REF, BUG))
    simulation.faults.down.add("the Kubernetes API")
    asyncio.run(reports.failed(REF, BUG))

    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "Can't go on, and will try again: a bug"
    assert messages[1].startswith("The status does not tell of the bug: ")


def test_log_and_metrics_hear_of_every_reconcile() -> None:
    """And of its end."""
    reports, metrics = reports_of(Simulation())
    asyncio.run(reports.reconciled(REF, Reconciled(REF), 0.1))
    assert f'name="{REF.name}"'.encode() in metrics.page().body

    reports.gone(REF)
    assert f'name="{REF.name}"'.encode() not in metrics.page().body
