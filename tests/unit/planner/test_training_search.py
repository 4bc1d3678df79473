"""The search: what is shown while it runs, how it changes, and how it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadsman_api.conditions import ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import ObjectRef, TrialFacts, Unknown
from leadsman_operator.planner.plan import ApplyObject, DeleteObject, EndRun
from support.trainings import NO_STUDY, SEARCH, Bench, a_pod, a_run, a_trial, running

FOUR = [a_trial(number) for number in range(4)]
QUEUE = {"queue": {"name": "gpu"}}
GOING = {"deleting": True, "phase": "Failed"}
UNHEARD = {"deleting": True, "leaves_at": datetime(2026, 1, 1, tzinfo=UTC), "node": "n"}


def failed(number: int, error: str = "it burst") -> TrialFacts:
    """A trial that failed by itself."""
    return a_trial(number, state="FAIL", values=(), error=error)


def test_a_search_is_summed_up() -> None:
    """Counts, the best, the gain over the baseline, workers and the time left."""
    bench = Bench(a_run(search={"trials": 10, "parallelism": 2})).searching()
    bench.find(a_trial(0), a_trial(1), a_trial(2, state="PRUNED"), running(3, f"{SEARCH}-0"))
    bench.settle()
    status = bench.status
    assert status.trials is not None
    assert status.timings is not None
    assert status.best is not None
    assert (status.trials.complete, status.trials.pruned, status.trials.running) == (2, 1, 1)
    assert status.trials.progress == "3/10"
    assert (status.best.number, status.best.value, status.best.run_id) == (1, 0.91, "trial-1")
    assert status.baseline == 0.9
    assert status.improvement_over_baseline == pytest.approx(0.01)
    assert (status.workers, status.selector) == (2, "leadsman.dev/training-run=churn")
    assert status.timings.mean_trial == timedelta(seconds=30)
    assert status.timings.remaining == timedelta(seconds=4 * 30)
    assert bench.condition(ConditionType.DATA_READY) == ("True", Reason.DATA_READABLE)


def test_the_revision_of_the_data_stands_beside_its_digest() -> None:
    """What the whole search is about is told from its first moment on."""
    bench = Bench(a_run(search={"trials": 10, "parallelism": 2})).searching()
    bench.find(a_trial(0), data_revision="4f2a")
    bench.settle()
    found = next(one for one in bench.status.conditions if one.type == ConditionType.DATA_READY)

    expected = "569 rows were read at revision 4f2a and passed the checks, digest sha256:d"
    assert found.message == expected


@pytest.mark.parametrize(
    ("pod", "reason", "says"),
    [
        pytest.param(
            {"phase": "Pending", "unschedulable": "0/3 nodes have 64 cpu"},
            Reason.UNSCHEDULABLE,
            "0/3 nodes have 64 cpu",
            id="no node has room",
        ),
        pytest.param(
            {"phase": "Pending", "waiting": "ImagePullBackOff", "waiting_message": "no such tag"},
            Reason.IMAGE_UNAVAILABLE,
            "no such tag",
            id="the image is not there",
        ),
        pytest.param(
            {"phase": "Pending", "waiting": "CreateContainerConfigError"},
            Reason.REFUSED,
            "CreateContainerConfigError",
            id="a Secret is not there",
        ),
        pytest.param(
            {"phase": "Pending", "waiting": "PodInitializing"},
            Reason.SEARCHING,
            "0/4 trials by 1 of 2 workers",
            id="nothing is wrong",
        ),
    ],
)
def test_why_a_worker_does_not_start_is_shown(
    pod: dict[str, Any], reason: Reason, says: str
) -> None:
    """The search waits, and people read for what."""
    bench = Bench().searching()
    bench.change_pod(f"{SEARCH}-0", **pod)
    bench.settle()
    assert bench.status.phase is RunPhase.SEARCHING
    assert bench.condition(ConditionType.RECONCILING) == ("True", reason)
    assert says in (bench.status.message or "")


# Changes while it runs


def test_workers_come_and_go() -> None:
    """Both numbers of the Indexed Job change together, and its pods stay as they were begun."""
    bench = Bench().searching()
    before = bench.job()
    bench.edit(search={"parallelism": 4})
    bench.settle()
    spec = bench.job()["spec"]
    assert (spec["parallelism"], spec["completions"]) == (4, 4)
    assert spec["template"] == before["spec"]["template"]
    assert bench.job()["metadata"]["annotations"]["leadsman.dev/trials"] == "4"


def test_a_live_job_keeps_its_pods_when_the_operator_is_updated() -> None:
    """Its template can't be changed: rendering it otherwise must not end in a refusal."""
    bench = Bench().searching()
    ref = ObjectRef.of(bench.job())
    live = dict(bench.job())
    template = {**live["spec"]["template"], "metadata": {"creationTimestamp": None}}
    bench.objects[ref] = {**live, "spec": {**live["spec"], "template": template}}
    assert bench.plan().actions == ()
    bench.edit(search={"timeout": "3h"})
    bench.settle()
    assert bench.job()["spec"]["activeDeadlineSeconds"] == 3 * 3600 + 600
    assert bench.job()["spec"]["template"]["metadata"] == {}


def test_a_job_that_is_being_deleted_is_waited_for() -> None:
    """It would take no change any more; then the search goes on in a new one."""
    bench = Bench().searching()
    ref = ObjectRef.of(bench.job())
    metadata = {**bench.job()["metadata"], "deletionTimestamp": "2026-11-01T12:00:00Z"}
    bench.objects[ref] = {**bench.job(), "metadata": metadata}
    assert bench.plan().actions == ()
    del bench.objects[ref]
    bench.plan()
    assert bench.names("Job") == [SEARCH]


@pytest.mark.parametrize(
    ("pods", "active", "deletes"),
    [
        pytest.param([GOING, GOING], 0, True, id="a namespace is being deleted"),
        pytest.param([GOING, {"phase": "Failed"}], 0, False, id="one has failed and stays"),
        pytest.param([GOING, {}], 0, False, id="one is at work"),
        pytest.param([{"deleting": True}], 0, False, id="one is told to go and still works"),
        pytest.param([GOING], 1, False, id="another one is on its way"),
        pytest.param([GOING, {"phase": "Succeeded"}], 0, True, id="the other one is done"),
        pytest.param([UNHEARD], 0, True, id="its node is dead"),
        pytest.param([UNHEARD, {"phase": "Failed"}], 0, True, id="its node is dead, one failed"),
        pytest.param([UNHEARD, {}], 0, False, id="its node is dead, one is at work"),
        pytest.param([], 0, False, id="none was made yet"),
    ],
)
def test_a_job_that_waits_for_pods_for_ever_is_deleted(
    pods: list[dict[str, Any]],
    active: int,
    deletes: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """Kubernetes would keep its pods, and the namespace that is being deleted with them."""
    bench = Bench().searching()
    ref = ObjectRef.of(bench.job())
    bench.objects[ref] = {**bench.job(), "status": {"active": active}}
    names = [f"{SEARCH}-{number}" for number in range(len(pods))]
    made = {name: a_pod(name, **pod) for name, pod in zip(names, pods, strict=True)}
    bench.pods = made
    bench.plan()
    assert [action.ref.name for action in bench.deeds(DeleteObject)] == [SEARCH] * deletes


def test_time_that_is_up_is_said() -> None:
    """The workers noticed it themselves: what they found until then counts."""
    bench = Bench().searching()
    bench.find(a_trial(0), end="DeadlineExceeded")
    bench.end_job()
    bench.plan()
    assert bench.condition(ConditionType.SEARCHED) == ("True", Reason.BUDGET_SPENT)
    assert (bench.status.message or "").endswith("the best roc_auc is 0.9: its time is up")


def test_more_trials_while_the_search_ends_continue_it() -> None:
    """The workers had not heard of them: another attempt runs the rest."""
    bench = Bench().searching()
    bench.find(*FOUR, end="BudgetSpent")
    bench.end_job()
    bench.edit(search={"trials": 6})
    bench.settle()
    assert bench.status.attempt == 2
    assert bench.names("Job") == [SEARCH, "churn-search-2"]
    assert bench.job("churn-search-2")["metadata"]["annotations"]["leadsman.dev/trials"] == "6"


def test_more_trials_that_the_workers_have_run_already_need_no_new_attempt() -> None:
    """They had read the new number from their file."""
    bench = Bench().searching()
    bench.edit(search={"trials": 5})
    bench.find(*FOUR, a_trial(4), end="BudgetSpent")
    bench.end_job()
    bench.settle()
    assert (bench.status.attempt, bench.status.phase) == (1, RunPhase.CONCLUDING)


# The queue


def test_a_queue_admits_and_takes_back() -> None:
    """Queued, admitted, preempted: what the queue does to the Job is left alone."""
    bench = Bench(a_run(**QUEUE))
    bench.plan()
    bench.plan()
    ref = ObjectRef.of(bench.job())

    def suspend(*, value: bool, parallelism: int = 2) -> None:
        spec = {**bench.job()["spec"], "suspend": value, "parallelism": parallelism}
        bench.objects[ref] = {**bench.job(), "spec": spec}

    assert "suspend" not in bench.job()["spec"]
    suspend(value=True)
    assert bench.settle().status.phase is RunPhase.QUEUED
    assert bench.condition(ConditionType.ADMITTED) == ("False", Reason.QUEUED)
    suspend(value=False, parallelism=1)
    bench.start_pods()
    assert bench.settle().status.phase is RunPhase.SEARCHING
    assert bench.condition(ConditionType.ADMITTED) == ("True", Reason.ADMITTED)
    suspend(value=True)
    bench.pods.clear()
    assert bench.settle().status.phase is RunPhase.QUEUED
    assert bench.condition(ConditionType.ADMITTED) == ("False", Reason.PREEMPTED)
    assert [one for one in bench.deeds(ApplyObject) if one.manifest["kind"] == "Job"][1:] == []


def test_a_queue_takes_no_place_back_from_workers_that_it_never_admitted() -> None:
    """Those of another attempt, or after a pause, have a Job that is new to it."""
    bench = Bench(a_run(**QUEUE)).searching()
    assert bench.condition(ConditionType.ADMITTED) == ("True", Reason.ADMITTED)
    bench.edit(suspend=True)
    bench.settle()
    bench.edit(suspend=False)
    bench.plan()
    ref = ObjectRef.of(bench.job())
    bench.objects[ref] = {**bench.job(), "spec": {**bench.job()["spec"], "suspend": True}}
    bench.settle()
    assert bench.condition(ConditionType.ADMITTED) == ("False", Reason.QUEUED)
    assert bench.status.message == "queue gpu has not admitted the workers; 0/4 trials"


def test_a_queued_run_says_so_from_its_first_plan() -> None:
    """Before the queue has seen the Job."""
    bench = Bench(a_run(**QUEUE))
    bench.plan()
    plan = bench.plan()
    assert plan.status.phase is RunPhase.QUEUED
    assert plan.status.message == "2 workers wait for queue gpu"
    assert bench.condition(ConditionType.ADMITTED) == ("False", Reason.QUEUED)


@pytest.mark.parametrize("suspended", [True, False])
def test_a_queued_run_says_when_another_parallelism_counts(suspended: bool) -> None:  # noqa: FBT001 - drawn
    """Its Job would lose its place; made anew it asks for the new number."""
    bench = Bench(a_run(**QUEUE))
    bench.settle()
    ref = ObjectRef.of(bench.job())
    bench.objects[ref] = {**bench.job(), "spec": {**bench.job()["spec"], "suspend": suspended}}
    bench.edit(search={"parallelism": 1})
    bench.settle()
    assert bench.job()["spec"]["completions"] == 2
    assert bench.status.message is not None
    assert bench.status.message.endswith(
        "; the queue was asked for 2 workers, search.parallelism 1 counts after a pause by"
        " spec.suspend"
    )


def test_the_time_in_the_queue_is_kept() -> None:
    """From the Job's creation until its pods might start."""
    bench = Bench(a_run(**QUEUE))
    bench.settle()
    ref = ObjectRef.of(bench.job())
    metadata = {**bench.job()["metadata"], "creationTimestamp": "2026-11-01T12:00:00Z"}
    bench.objects[ref] = {**bench.job(), "metadata": metadata}
    bench.wait(90)
    bench.start_pods()
    bench.settle()
    assert bench.status.timings is not None
    assert bench.status.timings.queued == timedelta(seconds=90)


def test_a_suspended_run_leaves_the_queue_and_comes_back() -> None:
    """Whether a Job of a queue runs is not ours to say: it is deleted, and made anew."""
    bench = Bench(a_run(**QUEUE)).searching()
    bench.edit(suspend=True)
    bench.settle()
    assert bench.names("Job") == []
    assert bench.deeds(DeleteObject)[0].ref.name == SEARCH
    bench.edit(suspend=False)
    bench.settle()
    assert bench.names("Job") == [SEARCH]


# The end


def test_a_search_that_ends_well_is_concluded() -> None:
    """The reason is the workers' own."""
    bench = Bench().searching()
    bench.wait(60)
    bench.find(*FOUR, end="GoalReached")
    bench.end_job()
    plan = bench.plan()
    assert plan.actions == ()
    assert plan.status.phase is RunPhase.CONCLUDING
    assert plan.status.timings is not None
    assert plan.status.timings.searching == timedelta(seconds=60)
    assert bench.condition(ConditionType.SEARCHED) == ("True", Reason.GOAL_REACHED)


@pytest.mark.parametrize(
    ("kind", "reason", "succeeded"),
    [
        pytest.param("Failed", "DeadlineExceeded", 0, id="its time was up"),
        pytest.param("Failed", "FailedIndexes", 1, id="one worker of two ended well"),
    ],
)
def test_what_was_found_counts(kind: str, reason: str, succeeded: int) -> None:
    """A Job that failed is no reason to throw trials away."""
    bench = Bench().searching()
    bench.find(*FOUR[:2])
    bench.end_job(kind=kind, reason=reason)
    ref = ObjectRef.of(bench.job())
    status = {**bench.job()["status"], "succeeded": succeeded}
    bench.objects[ref] = {**bench.job(), "status": status}
    bench.settle()
    assert bench.status.phase is RunPhase.CONCLUDING
    assert bench.condition(ConditionType.SEARCHED) == ("True", Reason.BUDGET_SPENT)


@pytest.mark.parametrize(
    ("pods", "reason", "says"),
    [
        pytest.param(
            [(42, Termination(reason=Reason.ENTRYPOINT_INVALID, message="no module churn"), {})],
            Reason.ENTRYPOINT_INVALID,
            "no module churn",
            id="the worker said why",
        ),
        pytest.param(
            [
                (143, Termination(reason=Reason.PREEMPTED, message="told to go"), {}),
                (42, Termination(reason=Reason.DATA_UNREADABLE, message="no such bucket"), {}),
            ],
            Reason.DATA_UNREADABLE,
            "no such bucket",
            id="the others were only told to go",
        ),
        pytest.param(
            [(137, None, {"exit_reason": "OOMKilled"})],
            Reason.OUT_OF_MEMORY,
            "its limit of 2Gi: raise spec.trainer.resources.limits.memory",
            id="not enough memory",
        ),
        pytest.param(
            [(139, None, {"exit_reason": "Error"})],
            Reason.CRASHING,
            "ended with code 139 (Error): its log says why",
            id="it crashed without a word",
        ),
        pytest.param(
            [(1, None, {})], Reason.CRASHING, "ended with code 1: its log", id="nothing is known"
        ),
        pytest.param(
            [(143, None, {})], Reason.PREEMPTED, "was taken away", id="taken away too often"
        ),
        pytest.param([], Reason.CRASHING, "is given up: BackoffLimitExceeded", id="no pod is left"),
    ],
)
def test_workers_that_all_failed_fail_the_run(
    pods: list[tuple[int, Termination | None, dict[str, Any]]], reason: Reason, says: str
) -> None:
    """With the gravest reason of all pods, and the MLflow run is ended."""
    bench = Bench().searching()
    bench.pods.clear()
    for number, (code, said, more) in enumerate(pods):
        name = f"{SEARCH}-{number}"
        bench.pods[name] = a_pod(name)
        bench.end_pod(name, code, said, **more)
    bench.end_job(kind="Failed", reason="BackoffLimitExceeded")
    plan = bench.settle()
    assert plan.status.phase is RunPhase.FAILED
    assert plan.look_again_in is None
    assert says in (plan.status.message or "")
    assert bench.condition(ConditionType.STALLED) == ("True", reason)
    assert [(one.run_id, one.status) for one in bench.deeds(EndRun)] == [("r-1", "FAILED")]


def test_a_limit_that_is_not_set_is_named_otherwise() -> None:
    """The node ran out of memory, not the container."""
    trainer = {"algorithm": "Linear", "resources": {"requests": {"cpu": "1"}}}
    bench = Bench(a_run(trainer=trainer)).searching()
    bench.end_pod(f"{SEARCH}-0", 137, exit_reason="OOMKilled")
    bench.end_job(kind="Failed", reason="FailedIndexes")
    bench.pods.pop(f"{SEARCH}-1")
    bench.settle()
    assert "its node ran out of memory" in (bench.status.message or "")


@pytest.mark.parametrize(
    ("trials", "attributes", "reason", "says"),
    [
        pytest.param(
            [failed(number) for number in range(11)],
            {},
            Reason.TOO_MANY_FAILURES,
            "11 of 20 trials failed, 10 are borne by search.maxFailedTrials; the last error: it",
            id="more failed than are borne",
        ),
        pytest.param(
            [a_trial(0), failed(1)],
            {"end": "TooManyFailures"},
            Reason.TOO_MANY_FAILURES,
            "1 of 20 trials failed",
            id="the workers gave up",
        ),
        pytest.param(
            [failed(0, "no such column"), a_trial(1, state="PRUNED")],
            {"end": "BudgetSpent"},
            Reason.NO_ELIGIBLE_TRIAL,
            "0 ended with a value, 1 were pruned, 1 failed; the last error: no such column",
            id="none ended with a value",
        ),
        pytest.param(
            [a_trial(0, feasible=False)],
            {"end": "BudgetSpent"},
            Reason.NO_ELIGIBLE_TRIAL,
            "1 ended with a value, 0 were pruned, 0 failed; look at objective.constraints",
            id="none kept the constraints",
        ),
        pytest.param(
            [a_trial(0, values=(float("inf"),))],
            {"end": "Nonsense"},
            Reason.NO_ELIGIBLE_TRIAL,
            "no trial is eligible",
            id="no value is a number",
        ),
    ],
)
def test_a_search_that_found_nothing_fails_the_run(
    trials: list[TrialFacts], attributes: dict[str, Any], reason: Reason, says: str
) -> None:
    """With counts, and the last thing that a trial said."""
    bench = Bench(a_run(search={"trials": 20, "parallelism": 2})).searching()
    bench.find(*trials, **attributes)
    bench.end_job()
    bench.settle()
    assert bench.status.phase is RunPhase.FAILED
    assert bench.condition(ConditionType.SEARCHED) == ("False", reason)
    assert says in (bench.status.message or "")


@pytest.mark.parametrize(
    ("pod", "says"),
    [
        pytest.param(
            {"phase": "Pending", "unschedulable": "0/3 nodes"}, "0/3 nodes", id="no node had room"
        ),
        pytest.param({"phase": "Pending"}, "before search.timeout", id="nobody knows why"),
    ],
)
def test_time_that_was_up_before_anything_was_found(pod: dict[str, Any], says: str) -> None:
    """The deadline is the reason, and what kept the workers stands beside it."""
    bench = Bench().searching()
    for name in list(bench.pods):
        bench.change_pod(name, **pod)
    bench.study = NO_STUDY
    bench.end_job(kind="Failed", reason="DeadlineExceeded")
    bench.settle()
    assert bench.condition(ConditionType.READY) == ("False", Reason.DEADLINE_EXCEEDED)
    assert says in (bench.status.message or "")


def test_a_study_that_is_silent_at_the_end_is_waited_for() -> None:
    """What was found is not thrown away because nobody could read it."""
    bench = Bench().searching()
    bench.study = Unknown(Reason.STUDY_UNREACHABLE, "the database did not answer")
    bench.end_job()
    assert bench.settle().status.phase is RunPhase.SEARCHING
    bench.find(*FOUR)
    assert bench.settle().status.phase is RunPhase.CONCLUDING
