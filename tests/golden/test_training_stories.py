"""Whole lives of a TrainingRun, told plan by plan."""

from __future__ import annotations

from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_operator.facts import ModelFacts
from support.golden import Golden
from support.trainings import CONCLUDE, SEARCH, Bench, a_run, a_trial, running


def told(bench: Bench) -> str:
    """The story, and the history that people read at its end."""
    history = [f"{one.at:%H:%M:%S} {one.reason}: {one.message}" for one in bench.status.history]
    conditions = [
        f"{one.type}={one.status} {one.reason} (since {one.last_transition_time:%H:%M:%S})"
        for one in bench.status.conditions
    ]
    parts = [*bench.story, "", "History:", *history, "", "Conditions:", *conditions]
    return "\n".join(parts)


def test_the_first_model(golden: Golden) -> None:
    """From nothing to a champion, with one trial after the other."""
    bench = Bench().searching()
    for number in range(3):
        bench.wait(30)
        bench.find(*(a_trial(one) for one in range(number)), running(number, f"{SEARCH}-0"))
        bench.settle()
    bench.find(*(a_trial(one) for one in range(4)), end="BudgetSpent")
    bench.end_job()
    bench.settle()
    bench.start_pods(CONCLUDE)
    bench.wait(30)
    bench.conclude()
    bench.settle()
    golden.check("training_first_model.txt", told(bench))


def test_a_worker_is_taken_away(golden: Golden) -> None:
    """Its trial is ended exactly, its MLflow run too, and its parameters are tried again."""
    bench = Bench().searching()
    bench.find(a_trial(0), running(1, f"{SEARCH}-0"), running(2, f"{SEARCH}-1"))
    bench.settle()
    bench.wait(10)
    bench.end_pod(f"{SEARCH}-1", 143, disrupted=True)
    bench.settle()
    bench.change_pod(f"{SEARCH}-0", phase="Failed", exit_code=137, exit_reason="OOMKilled")
    bench.tell("the other worker runs out of memory")
    bench.settle()
    golden.check("training_worker_taken_away.txt", told(bench))


def test_the_data_is_wrong(golden: Golden) -> None:
    """No second try: the worker knows that it would not help."""
    bench = Bench().searching()
    said = Termination(reason=Reason.DATA_INVALID, message="there is no column target")
    bench.end_pod(f"{SEARCH}-0", 42, said)
    bench.end_job(kind="Failed", reason="PodFailurePolicy")
    bench.settle()
    golden.check("training_wrong_data.txt", told(bench))


def test_approval_and_a_champion_that_changes(golden: Golden) -> None:
    """Judged again against the new champion, and promoted once somebody has said yes."""
    approval = {"alias": "champion", "approval": {"required": True}}
    bench = Bench(a_run(promotion=approval), model=ModelFacts("churn", {"champion": 1}))
    bench.concluded(version=2, champion=1)
    bench.wait(3600)
    bench.point("champion", 7)
    bench.settle()
    bench.start_pods("churn-conclude-2")
    bench.conclude("churn-conclude-2", version=2, champion=7)
    bench.settle()
    granted = {"required": True, "granted": {"version": 2, "by": "ada"}}
    bench.edit(promotion={"approval": granted})
    bench.settle()
    golden.check("training_approval.txt", told(bench))


def test_a_version_that_the_gate_refuses(golden: Golden) -> None:
    """It is registered, gets no alias, and whoever waits for Ready learns it."""
    bench = Bench(model=ModelFacts("churn", {"champion": 1}))
    bench.concluded(version=2, champion=1, passed=False)
    golden.check("training_rejected.txt", told(bench))


def test_a_pause_and_more_trials(golden: Golden) -> None:
    """Suspended and resumed; finished, and continued because more is asked for."""
    bench = Bench().searching()
    bench.find(running(0, f"{SEARCH}-0"))
    bench.settle()
    bench.edit(suspend=True)
    bench.settle()
    bench.wait(600)
    bench.edit(suspend=False)
    bench.settle()
    bench.start_pods()
    bench.find(*(a_trial(one) for one in range(4)), end="GoalReached")
    bench.end_job()
    bench.settle()
    bench.start_pods(CONCLUDE)
    bench.conclude()
    bench.settle()
    bench.wait(7200)
    bench.edit(search={"trials": 8})
    bench.settle()
    golden.check("training_pause_and_more.txt", told(bench))


def test_a_deletion_in_the_middle(golden: Golden) -> None:
    """Workers are told to go, and nothing is left running in MLflow."""
    bench = Bench().searching()
    bench.find(running(0, f"{SEARCH}-0"), running(1, f"{SEARCH}-1"))
    bench.settle()
    bench.delete()
    plans = [bench.plan() for _ in range(2)]
    assert [plan.gone for plan in plans] == [False, True]
    golden.check("training_deletion.txt", "\n".join(bench.story))


def test_a_job_for_each_trial(golden: Golden) -> None:
    """One breaks its process, the next one takes its turn, and the last one sees the end."""
    search = {"trials": 3, "parallelism": 2, "mode": "JobPerTrial"}
    bench = Bench(a_run(search=search))
    bench.settle()
    for number in range(2):
        bench.start_pods(f"{SEARCH}-{number}")
    bench.find(running(0, f"{SEARCH}-0-0"), running(1, f"{SEARCH}-1-0"))
    bench.settle()
    bench.wait(20)
    bench.end_pod(f"{SEARCH}-0-0", 134)
    bench.end_job(f"{SEARCH}-0", "Failed", "FailedIndexes")
    bench.settle()
    bench.start_pods(f"{SEARCH}-2")
    bench.wait(10)
    bench.find(bench.trials[0], a_trial(1), running(2, f"{SEARCH}-2-0"))
    end_of_a_trial(bench, f"{SEARCH}-1")
    bench.settle()
    bench.wait(10)
    bench.find(*bench.trials[:2], a_trial(2), end="BudgetSpent")
    end_of_a_trial(bench, f"{SEARCH}-2", Reason.BUDGET_SPENT)
    bench.settle()
    golden.check("training_job_per_trial.txt", told(bench))


def end_of_a_trial(bench: Bench, job: str, reason: Reason = Reason.SEARCHING) -> None:
    """The pod of a Job for one trial says how the search stands."""
    said = Termination(reason=reason, message="one trial at most")
    bench.end_pod(f"{job}-0", 0, said)
    bench.end_job(job)
