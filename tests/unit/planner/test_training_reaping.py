"""Trials that lost their pod: which they are, how they end, and which of them run again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute
from leadsman_api.termination import Termination
from leadsman_operator.facts import Missing, PodFacts, TrialFacts, Unknown
from leadsman_operator.planner.plan import EndRun, EnqueueTrial, FailTrial
from support.trainings import SEARCH, Bench, a_pod, a_run, a_trial, running

UNHEARD: dict[str, Any] = {"deleting": True, "leaves_at": datetime(2026, 1, 1, tzinfo=UTC)}
ONE, TWO = f"{SEARCH}-0", f"{SEARCH}-1"
AWAY = Termination(reason=Reason.REGISTRY_UNREACHABLE, message="MLflow is down")


def lost(*trials: TrialFacts, pods: list[PodFacts]) -> list[int]:
    """Numbers of the trials that are ended, for a study and the pods that are seen after it."""
    bench = Bench().searching()
    bench.find(*trials)
    bench.pods = {pod.name: pod for pod in pods}
    bench.plan()
    return [action.number for action in bench.deeds(FailTrial)]


@pytest.mark.parametrize(
    ("trials", "pods", "expected"),
    [
        pytest.param([running(0, ONE)], [a_pod(ONE)], [], id="its pod runs"),
        pytest.param(
            [running(0, ONE)], [a_pod(ONE, deleting=True)], [], id="its pod may still end it"
        ),
        pytest.param([running(0, ONE)], [a_pod(ONE, phase="Unknown")], [], id="its node is silent"),
        pytest.param([running(0, ONE)], [a_pod(ONE, **UNHEARD)], [0], id="its node is dead"),
        pytest.param([running(0, ONE)], [], [0], id="its pod is gone"),
        pytest.param(
            [running(0, ONE)], [a_pod(ONE, phase="Failed", exit_code=1)], [0], id="its pod failed"
        ),
        pytest.param(
            [running(0, ONE)],
            [a_pod(ONE, phase="Succeeded", exit_code=0)],
            [0],
            id="its pod ended and forgot it",
        ),
        pytest.param(
            [running(0, ONE)], [a_pod(TWO)], [0], id="another pod has taken its pod's place"
        ),
        pytest.param([a_trial(0, pod_uid="uid-x")], [], [], id="it has ended"),
        pytest.param([a_trial(0, state="WAITING")], [], [], id="nobody has taken it yet"),
        pytest.param([running(0, None)], [a_pod(ONE)], [], id="the pod has not named itself yet"),
        pytest.param(
            [running(0, None)],
            [a_pod(ONE, phase="Pending")],
            [0],
            id="the only pod has not started",
        ),
        pytest.param([running(0, None)], [], [0], id="no pod could have asked for it"),
        pytest.param(
            [running(0, None), running(1, ONE)],
            [a_pod(ONE)],
            [0],
            id="the only pod runs another one",
        ),
        pytest.param(
            [running(0, None), running(1, ONE)],
            [a_pod(ONE), a_pod(TWO)],
            [],
            id="the other pod may have asked",
        ),
        pytest.param(
            [running(0, None)],
            [a_pod("x", "churn-conclude-1")],
            [0],
            id="a pod that concludes asks for nothing",
        ),
    ],
)
def test_a_trial_is_lost_when_nobody_runs_it(
    trials: list[TrialFacts], pods: list[PodFacts], expected: list[int]
) -> None:
    """Exactly then: the study was read first, and a pod's uid never comes back."""
    assert lost(*trials, pods=pods) == expected


@pytest.mark.parametrize(
    ("pod", "run", "reason", "says"),
    [
        pytest.param(None, "KILLED", Reason.PREEMPTED, "its pod is gone", id="gone"),
        pytest.param(
            {"exit_code": 137, "disrupted": True},
            "KILLED",
            Reason.PREEMPTED,
            "taken away",
            id="a node was drained",
        ),
        pytest.param(
            {"phase": "Running", "node": "n-1", **UNHEARD},
            "KILLED",
            Reason.PREEMPTED,
            "node n-1",
            id="its node is dead",
        ),
        pytest.param({"exit_code": 143}, "KILLED", Reason.PREEMPTED, "taken away", id="told to go"),
        pytest.param(
            {"exit_code": 137, "exit_reason": "Error", "deleting": True},
            "KILLED",
            Reason.PREEMPTED,
            "taken away",
            id="told to go until it was killed",
        ),
        pytest.param(
            {"exit_code": 43, "termination": AWAY},
            "KILLED",
            Reason.REGISTRY_UNREACHABLE,
            "MLflow is down",
            id="its worker could not go on",
        ),
        pytest.param(
            {"exit_code": 43},
            "KILLED",
            Reason.CRASHING,
            "could not go on",
            id="and did not say why",
        ),
        pytest.param(
            {"exit_code": 137, "exit_reason": "OOMKilled"},
            "FAILED",
            Reason.OUT_OF_MEMORY,
            "limit of 2Gi",
            id="out of memory",
        ),
        pytest.param(
            {"exit_code": 137, "exit_reason": "OOMKilled", "deleting": True},
            "FAILED",
            Reason.OUT_OF_MEMORY,
            "limit of 2Gi",
            id="out of memory, and deleted by somebody",
        ),
        pytest.param(
            {"exit_code": 139, "exit_reason": "Error"},
            "FAILED",
            Reason.CRASHING,
            "code 139 (Error)",
            id="crashed",
        ),
        pytest.param(
            {"exit_code": 1}, "FAILED", Reason.CRASHING, "code 1", id="crashed without a reason"
        ),
    ],
)
def test_a_lost_trial_is_ended_for_what_it_is(
    pod: dict[str, Any] | None,
    run: str,
    reason: Reason,
    says: str,
) -> None:
    """Its own fault or not: study, MLflow and events say the same."""
    was_disrupted = run == "KILLED"
    once = {"trials": 4, "parallelism": 2, "retries": {"outOfMemory": 0}}
    bench = Bench(a_run(search=once)).searching()
    bench.find(running(0, ONE))
    bench.pods = {ONE: a_pod(ONE, **{"phase": "Failed", **pod})} if pod else {}
    plan = bench.plan()
    (end,), (fail,) = bench.deeds(EndRun), bench.deeds(FailTrial)
    assert (end.run_id, end.status) == ("trial-0", run)
    assert fail.attributes[TrialAttribute.DISRUPTED] is was_disrupted
    assert says in fail.attributes[TrialAttribute.ERROR]
    assert [event.reason for event in plan.events] == [reason]
    assert len(bench.deeds(EnqueueTrial)) == was_disrupted


def test_a_trial_without_an_mlflow_run_is_ended_all_the_same() -> None:
    """Its pod died before it made one."""
    bench = Bench().searching()
    bench.find(running(0, ONE, run_id=None))
    bench.pods.clear()
    bench.plan()
    assert bench.deeds(EndRun) == []
    assert len(bench.deeds(FailTrial)) == 1


def disrupted(number: int, **changes: Any) -> TrialFacts:
    """A trial that a worker has ended itself because it was told to go."""
    return a_trial(number, state="FAIL", values=(), disrupted=True, **changes)


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        pytest.param([disrupted(0)], [0], id="the worker itself gave it up"),
        pytest.param([disrupted(0), a_trial(1, retry_of=0)], [], id="it ran again already"),
        pytest.param(
            [disrupted(0), disrupted(1, retry_of=0)], [1], id="the second try was lost too"
        ),
        pytest.param([disrupted(0, parameters={})], [], id="it had no parameters yet"),
        pytest.param([a_trial(0, state="FAIL", values=())], [], id="it failed by itself"),
        pytest.param([disrupted(0), disrupted(1), disrupted(2)], [0, 1], id="two may be run again"),
        pytest.param(
            [disrupted(0), disrupted(1, retry_of=0), disrupted(2, retry_of=1)],
            [],
            id="two were run again",
        ),
    ],
)
def test_a_disrupted_trial_runs_again_within_its_budget(
    trials: list[TrialFacts], expected: list[int]
) -> None:
    """`retries.disruptions` counts every second try, whatever became of it."""
    search = {"trials": 9, "parallelism": 2, "retries": {"disruptions": 2}}
    bench = Bench(a_run(search=search)).searching()
    bench.find(*trials)
    bench.plan()
    again = [action.attributes[TrialAttribute.RETRY_OF] for action in bench.deeds(EnqueueTrial)]
    assert again == expected
    bench.plan()
    assert len(bench.deeds(EnqueueTrial)) == len(expected)


def test_disrupted_trials_count_for_nothing() -> None:
    """They are shown, and spend none of the budget."""
    bench = Bench().searching()
    bench.find(a_trial(0), disrupted(1), a_trial(2, state="FAIL", values=()))
    bench.settle()
    trials = bench.status.trials
    assert trials is not None
    assert (trials.complete, trials.disrupted, trials.failed) == (1, 1, 1)
    assert trials.progress == "2/4"


def test_what_a_finished_job_left_open_is_ended_before_it_is_judged() -> None:
    """What is counted then is final, and nothing runs again."""
    bench = Bench().searching()
    bench.find(a_trial(0), running(1, ONE))
    bench.end_job()
    plan = bench.plan()
    assert [type(action) for action in plan.actions] == [EndRun, FailTrial]
    bench.settle()
    assert bench.deeds(EnqueueTrial) == []
    assert bench.status.trials is not None
    assert bench.status.trials.running == 0


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(
            {"model": Unknown(Reason.REGISTRY_UNREACHABLE, "no answer")}, id="MLflow is silent"
        ),
        pytest.param({"model": Missing(Reason.SPEC_INVALID, "none")}, id="there is no MLflow"),
        pytest.param(
            {"study": Unknown(Reason.STUDY_UNREACHABLE, "no answer")}, id="the study is silent"
        ),
    ],
)
def test_a_suspended_run_waits_with_the_reaping_for_its_servers(unknown: dict[str, Any]) -> None:
    """The pods are stopped at once, the trials are ended when that can be written down."""
    bench = Bench().searching()
    bench.find(running(0, ONE))
    known = {name: getattr(bench, name) for name in unknown}
    for name, value in unknown.items():
        setattr(bench, name, value)
    bench.edit(suspend=True)
    bench.settle()
    assert bench.job()["spec"]["suspend"] is True
    assert bench.deeds(FailTrial) == []
    for name, value in known.items():
        setattr(bench, name, value)
    bench.settle()
    assert len(bench.deeds(FailTrial)) == 1
