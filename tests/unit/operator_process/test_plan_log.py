"""One line a plan that did something, and silence about everything else."""

from __future__ import annotations

import logging
from typing import Any, get_args

import pytest

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1 import ModelDeploymentStatus
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import ObjectRef
from leadsman_operator.plan_log import PlanLog, describe
from leadsman_operator.planner.plan import (
    Action,
    ApplyObject,
    DeleteObject,
    EndRun,
    EnqueueTrial,
    EnsureRun,
    Event,
    FailTrial,
    PatchObject,
    ScaleObject,
    SetAlias,
    TagVersion,
)
from leadsman_operator.reconcile import Reconciled
from support.reconciles import CHURN

WORKLOAD = ObjectRef("apps/v1", "Deployment", "ml", "churn-2")
MANIFEST = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "churn"}}
ACTIONS: list[tuple[Action, str]] = [
    (ApplyObject(MANIFEST, "it is missing"), "apply Service/churn: it is missing"),
    (DeleteObject(WORKLOAD, "it is old"), "delete deployment/churn-2: it is old"),
    (ScaleObject(WORKLOAD, 3, "more"), "scale deployment/churn-2 to 3: more"),
    (PatchObject(WORKLOAD, (), "weights"), "patch deployment/churn-2: weights"),
    (SetAlias("churn", "champion", 2, 1, "good"), "set alias churn@champion to 2: good"),
    (TagVersion("churn", 2, {}, "said"), "tag churn/2: said"),
    (EnsureRun("e", "run-1", {}, "new"), "make run run-1: new"),
    (EndRun("abc", "KILLED", {}, "gone"), "end run abc as KILLED: gone"),
    (FailTrial(7, {}, "its pod is gone"), "fail trial 7: its pod is gone"),
    (EnqueueTrial({}, {}, "once more"), "enqueue a trial: once more"),
]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> PlanLog:
    """A log whose lines are caught."""
    caplog.set_level(logging.INFO, "plans")
    return PlanLog(logging.getLogger("plans"))


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """What a line says beside its message."""
    ordinary = logging.makeLogRecord({}).__dict__.keys() | {"message", "asctime"}
    return {name: value for name, value in record.__dict__.items() if name not in ordinary}


def status(phase: DeploymentPhase) -> ModelDeploymentStatus:
    """A status in a phase."""
    return ModelDeploymentStatus(phase=phase)


@pytest.mark.parametrize(("action", "text"), ACTIONS, ids=lambda part: type(part).__name__)
def test_every_action_says_what_and_why(action: Action, text: str) -> None:
    """In one line each."""
    assert describe(action) == text


def test_no_action_is_without_a_line() -> None:
    """An action that is added later has to be told of too."""
    assert {type(action) for action, _ in ACTIONS} == set(get_args(Action))


def test_a_plan_that_did_something_is_one_line(
    log: PlanLog, caplog: pytest.LogCaptureFixture
) -> None:
    """Resource, actions with their reasons, events, phase and time."""
    outcome = Reconciled(
        CHURN,
        (ACTIONS[0][0],),
        status(DeploymentPhase.PENDING),
        status(DeploymentPhase.STABLE),
        (Event(Reason.PROMOTED, "version 1 serves"),),
    )
    log.reconciled(CHURN, outcome, 0.12345)

    (record,) = caplog.records
    assert extras(record) == {
        "resource": "ModelDeployment ml/churn",
        "actions": ["apply Service/churn: it is missing"],
        "events": ["Promoted: version 1 serves"],
        "phase": "Pending -> Stable",
        "seconds": 0.123,
    }


def test_of_what_is_as_it_was_nothing_is_said(
    log: PlanLog, caplog: pytest.LogCaptureFixture
) -> None:
    """A thousand quiet resources leave the log empty."""
    stable = status(DeploymentPhase.STABLE)
    log.reconciled(CHURN, Reconciled(CHURN, before=stable, after=stable), 0.1)

    assert caplog.records == []


def test_an_error_is_told_when_it_begins_and_when_it_ends(
    log: PlanLog, caplog: pytest.LogCaptureFixture
) -> None:
    """Not each time that it comes back, in whatever words; another reason is another line."""
    down = Reconciled(CHURN, error=Unreachable(Reason.REGISTRY_UNREACHABLE, "no answer"))
    same = Reconciled(CHURN, error=Unreachable(Reason.REGISTRY_UNREACHABLE, "still none"))
    other = Reconciled(CHURN, error=Unreachable(Reason.CLUSTER_UNREACHABLE, "no answer"))
    for outcome in (down, down, same, other, Reconciled(CHURN), Reconciled(CHURN)):
        log.reconciled(CHURN, outcome, 0.1)

    assert [record.getMessage() for record in caplog.records] == [
        "Can't go on, and will try again: RegistryUnreachable: no answer",
        "Can't go on, and will try again: ClusterUnreachable: no answer",
        "Works again.",
    ]


def test_a_bug_is_told_once_with_its_traceback(
    log: PlanLog, caplog: pytest.LogCaptureFixture
) -> None:
    """The same one again says nothing new; after the resource has gone it does."""
    error = KeyError("a")
    log.failed(CHURN, error)
    log.failed(CHURN, KeyError("a"))
    log.gone(CHURN)
    log.failed(CHURN, error)

    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert caplog.records[0].exc_info is not None
