"""A TrainingRun as a whole: its end, its pauses, its deletion, and a planner that may crash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from leadsman_api.conditions import ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import ModelFacts, ObjectRef, RunFacts, Unknown
from leadsman_operator.planner.plan import DeleteObject, EndRun, FailTrial
from leadsman_operator.planner.training.promoting import promoting
from leadsman_operator.planner.training.scene import Scene
from leadsman_operator.planner.training_run import RunPlan, plan_training_run
from support.trainings import (
    CONCLUDE,
    JOB_LABEL,
    NO_MODEL,
    NO_STUDY,
    SEARCH,
    Bench,
    a_run,
    a_trial,
    running,
)

ONE, TWO = f"{SEARCH}-0", f"{SEARCH}-1"


def without_jobs(bench: Bench) -> None:
    """Kubernetes deletes finished Jobs when their time is over."""
    bench.objects = {ref: one for ref, one in bench.objects.items() if ref.kind != "Job"}
    bench.pods.clear()


# The end


@pytest.mark.parametrize("passed", [True, False])
def test_a_run_that_has_ended_rests(passed: bool) -> None:  # noqa: FBT001 - a row of the table
    """Nothing is made again when its Jobs are gone, whatever server is silent."""
    bench = Bench(model=ModelFacts("churn", {"champion": 1}))
    bench.concluded(version=2, champion=1, passed=passed)
    before = bench.status
    without_jobs(bench)
    bench.model = bench.run = bench.study = Unknown(Reason.REGISTRY_UNREACHABLE, "no answer")
    plan = bench.plan()
    assert (plan.actions, plan.events, plan.look_again_in) == ((), (), None)
    assert bench.status == before


def test_the_alias_of_a_run_that_has_ended_may_go_elsewhere() -> None:
    """Newer versions take it: that is no reason to take it back."""
    bench = Bench().concluded()
    bench.point("champion", 9)
    assert bench.plan().actions == ()
    assert bench.status.phase is RunPhase.SUCCEEDED


def test_an_edit_of_a_run_that_has_ended_is_seen() -> None:
    """Whoever waits for the new generation does not wait for ever."""
    bench = Bench().concluded()
    bench.edit(keepPodsFor="2h")
    bench.settle()
    assert bench.status.observed_generation == 2
    assert {one.observed_generation for one in bench.status.conditions} == {2}


def test_more_trials_continue_a_run_that_has_ended() -> None:
    """Also after its Jobs are gone; what the last attempt found is found out again."""
    bench = Bench().concluded()
    without_jobs(bench)
    bench.edit(search={"trials": 6})
    bench.settle()
    status = bench.status
    assert (status.phase, status.attempt) == (RunPhase.SEARCHING, 2)
    assert (status.gate, status.model_version) == (None, None)
    assert status.timings is not None
    assert status.timings.finished_at is None
    assert bench.names("Job") == ["churn-search-2"]
    assert bench.condition(ConditionType.READY)[0] == "False"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"search": {"trials": 3}}, id="fewer trials"),
        pytest.param({"search": {"parallelism": 1}}, id="fewer workers"),
        pytest.param({"suspend": True}, id="a pause"),
    ],
)
def test_other_edits_continue_nothing(edit: dict[str, Any]) -> None:
    """A run that has ended stays so."""
    bench = Bench().concluded()
    bench.edit(**edit)
    assert bench.settle().actions == ()
    assert bench.status.phase is RunPhase.SUCCEEDED


def test_nothing_says_how_many_trials_were_asked_for() -> None:
    """Somebody deleted the ConfigMap: then nobody knows whether these are more."""
    bench = Bench().concluded()
    bench.objects.clear()
    bench.edit(search={"trials": 6})
    bench.settle()
    assert bench.status.phase is RunPhase.SUCCEEDED


def test_pods_are_kept_for_as_long_as_asked() -> None:
    """Kubernetes keeps Jobs for an hour at least; the operator takes them sooner if asked to."""
    bench = Bench(a_run(keepPodsFor="10m")).concluded()
    assert bench.plan().look_again_in == timedelta(minutes=10)
    bench.wait(9 * 60)
    assert bench.plan().actions == ()
    bench.wait(60)
    assert [action.ref.name for action in deleted(bench.plan())] == [CONCLUDE, SEARCH]
    plan = bench.plan()
    assert (plan.actions, plan.look_again_in) == ((), None)


def deleted(plan: RunPlan) -> list[DeleteObject]:
    """What a plan deletes."""
    return [action for action in plan.actions if isinstance(action, DeleteObject)]


def test_the_status_of_a_run_that_ended_long_ago_is_kept() -> None:
    """An older operator wrote no time of its end: nothing is deleted by guess."""
    bench = Bench(a_run(keepPodsFor="10m")).concluded()
    status = bench.status.model_copy(update={"timings": None, "conditions": ()})
    bench.resource = bench.resource.model_copy(update={"status": status})
    assert bench.plan().actions == ()
    assert bench.condition(ConditionType.READY) == ("True", Reason.AS_DESIRED)


# The pause


def test_a_suspended_run_keeps_what_it_found() -> None:
    """Its pods go, its trials are ended and wait to be run again, and nothing is Stalled."""
    bench = Bench().searching()
    bench.find(a_trial(0), running(1, ONE))
    bench.settle()
    bench.edit(suspend=True)
    bench.settle()
    assert bench.job()["spec"]["suspend"] is True
    assert bench.status.phase is RunPhase.SUSPENDED
    assert bench.status.message == "suspended after 1/4 trials: spec.suspend is true"
    assert [trial.state for trial in bench.trials] == ["COMPLETE", "FAIL", "WAITING"]
    for kind in (ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED):
        assert bench.condition(kind) == ("False", Reason.SUSPENDED)
    bench.edit(suspend=False)
    plan = bench.settle()
    assert bench.job()["spec"]["suspend"] is False
    assert plan.status.phase is RunPhase.SEARCHING


def test_a_run_may_be_made_suspended() -> None:
    """Then nothing is made at all."""
    bench = Bench(a_run(suspend=True))
    assert bench.settle().actions == ()
    assert bench.status.message == "suspended: spec.suspend is true"
    assert bench.objects == {}


def test_a_conclusion_is_suspended_too() -> None:
    """Its Job goes on later; the search is not begun again."""
    bench = Bench().searched()
    bench.start_pods(CONCLUDE)
    bench.edit(suspend=True)
    bench.settle()
    assert bench.job(CONCLUDE)["spec"]["suspend"] is True
    assert [pod for pod in bench.pods.values() if pod.labels[JOB_LABEL] == CONCLUDE] == []
    bench.edit(suspend=False)
    bench.settle()
    assert bench.status.phase is RunPhase.CONCLUDING
    assert bench.job(CONCLUDE)["spec"]["suspend"] is False


# The deletion


def test_nothing_is_left_running() -> None:
    """Workers go first; then what they left open in the study and in MLflow is ended."""
    bench = Bench().searching()
    bench.find(running(0, ONE), running(1, TWO))
    bench.delete()
    first = bench.plan()
    assert (len(deleted(first)), first.gone) == (1, False)
    assert first.look_again_in is not None
    last = bench.plan()
    assert last.gone
    assert len(bench.deeds(FailTrial)) == 2
    assert [one.run_id for one in bench.deeds(EndRun)] == ["trial-0", "trial-1", "r-1"]
    assert {one.status for one in bench.deeds(EndRun)} == {"KILLED"}


def test_a_job_that_is_going_is_not_deleted_again() -> None:
    """It is waited for, and so are its pods."""
    bench = Bench().searching()
    bench.delete()
    ref = ObjectRef.of(bench.job())
    metadata = {**bench.job()["metadata"], "deletionTimestamp": "2026-11-01T12:00:00Z"}
    bench.objects[ref] = {**bench.job(), "metadata": metadata}
    plan = bench.plan()
    assert (plan.actions, plan.gone) == ((), False)
    del bench.objects[ref]
    assert not bench.plan().gone
    bench.pods.clear()
    assert bench.plan().gone


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(Unknown(Reason.REGISTRY_UNREACHABLE, "no answer"), id="MLflow is silent"),
        pytest.param(RunFacts("r-1", "FINISHED"), id="the run has ended"),
    ],
)
def test_a_deletion_waits_for_no_server(run: RunFacts | Unknown) -> None:
    """Whoever deletes wants it gone."""
    bench = Bench().searching()
    bench.run, bench.study = run, NO_STUDY
    bench.delete()
    bench.plan()
    plan = bench.plan()
    assert plan.gone
    assert plan.actions == ()


def test_a_run_that_never_began_is_gone_at_once() -> None:
    """There is nothing of it."""
    bench = Bench()
    bench.delete()
    assert bench.plan().gone


# Planning itself


@dataclass
class CrashingBench(Bench):
    """The operator is killed after each single action, before it could write the status."""

    @override
    def plan(self) -> RunPlan:
        for _ in range(len(plan_training_run(self.observe()).actions)):
            again = plan_training_run(self.observe()).actions
            for action in again[:1]:
                self._carry_out(action)
        return super().plan()


def whole_life(bench: Bench) -> Bench:
    """Search with a disruption, conclude, be judged again, be promoted."""
    bench.searching()
    bench.find(a_trial(0), running(1, ONE), running(2, TWO))
    bench.settle()
    bench.pods.pop(TWO)
    bench.settle()
    bench.find(*(a_trial(number) for number in range(4)), end="BudgetSpent")
    bench.end_job()
    bench.settle()
    bench.start_pods(CONCLUDE)
    bench.point("champion", 5)
    bench.conclude(version=2, champion=1)
    bench.settle()
    bench.start_pods("churn-conclude-2")
    bench.conclude("churn-conclude-2", version=2, champion=5)
    bench.settle()
    return bench


def test_a_crash_between_any_two_actions_changes_nothing_in_the_end() -> None:
    """All is found out again from what is there."""
    start = ModelFacts("churn", {"champion": 1})
    plain, crashed = whole_life(Bench(model=start)), whole_life(CrashingBench(model=start))
    assert plain.status.phase is RunPhase.SUCCEEDED
    assert crashed.objects == plain.objects
    assert (crashed.study, crashed.run, crashed.model) == (plain.study, plain.run, plain.model)
    assert facts(crashed) == facts(plain)


def facts(bench: Bench) -> dict[str, Any]:
    """The status but for sentences: one that was lost with the operator is told otherwise."""
    status = bench.status.to_wire()
    history = [one["reason"] for one in status.pop("history")]
    conditions = [
        (one["type"], one["status"], one["reason"], one["lastTransitionTime"])
        for one in status.pop("conditions")
    ]
    return {**status, "history": history, "conditions": conditions}


def test_planning_twice_gives_the_same_plan() -> None:
    """An observation holds all that a decision depends on."""
    bench = Bench().searching()
    bench.find(a_trial(0), running(1, ONE))
    bench.pods.pop(ONE)
    observation = bench.observe()
    assert plan_training_run(observation) == plan_training_run(observation)


def test_the_history_is_a_ring() -> None:
    """The last twenty things that happened, the latest first."""
    bench = Bench().searching()
    for number in range(25):
        bench.wait(1)
        bench.edit(suspend=number % 2 == 0)
        bench.settle()
    history = bench.status.history
    assert len(history) == 20
    assert history[0].at > history[-1].at
    assert history[0].reason is Reason.SUSPENDED


def test_a_promotion_without_a_gate_is_a_bug() -> None:
    """The steps before it never let that happen."""
    with pytest.raises(ValueError, match="needs a version"):
        promoting(Scene(Bench(model=NO_MODEL).observe()))
