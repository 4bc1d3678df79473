"""A Job for each trial: how many there are, when they go, and when the search is over."""

from __future__ import annotations

from typing import Any

import pytest

from leadsman_api.conditions import ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute
from leadsman_api.termination import ExitCode, Termination
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import TrialFacts
from leadsman_operator.planner.plan import DeleteObject, EnqueueTrial, FailTrial
from support.trainings import CONCLUDE, SEARCH, Bench, a_pod, a_run, a_trial, running

FIRST, SECOND, THIRD = (f"{SEARCH}-{number}" for number in range(3))
MEMORY = f"{SEARCH}-memory-1"
QUEUE = {"name": "gpu"}


def a_bench(**more: Any) -> Bench:
    """Four trials, each in a Job of its own, two at a time."""
    search = {"trials": 4, "parallelism": 2, "mode": "JobPerTrial", **more.pop("search", {})}
    return Bench(a_run(search=search, **more))


def begun(**more: Any) -> Bench:
    """The first two of them run."""
    bench = a_bench(**more)
    bench.settle()
    for job in (FIRST, SECOND):
        bench.start_pods(job)
    bench.find(running(0, pod_of(FIRST)), running(1, pod_of(SECOND)))
    bench.settle()
    return bench


def pod_of(job: str) -> str:
    """The only pod of a Job."""
    return f"{job}-0"


def end(bench: Bench, job: str, reason: Reason = Reason.SEARCHING) -> None:
    """The pod of a Job says how the search stands, and its Job is complete."""
    said = Termination(reason=reason, message="one trial at most")
    bench.end_pod(pod_of(job), ExitCode.DONE, said)
    bench.end_job(job)


def break_(bench: Bench, job: str, code: int = 134, said: Termination | None = None) -> None:
    """The pod of a Job ends badly, and its Job is given up."""
    bench.end_pod(pod_of(job), code, said)
    bench.end_job(job, "Failed", "FailedIndexes")


def start_in_vain(bench: Bench, *jobs: str) -> None:
    """The pods of some Jobs end together before their trials; a while later the next may come."""
    for job in jobs:
        bench.start_pods(job)
    bench.wait(5)
    for job in jobs:
        break_(bench, job, 1)
    bench.settle()
    bench.wait(60)
    bench.settle()


def jobs(*numbers: int) -> list[str]:
    """Names of the Jobs of trials."""
    return [f"{SEARCH}-{number}" for number in numbers]


def test_there_is_a_job_for_each_trial_that_may_run_now() -> None:
    """Of one pod that nothing replaces; no Job of workers is made."""
    bench = begun()

    assert bench.names("Job") == [FIRST, SECOND]
    spec = bench.job(FIRST)["spec"]
    assert (spec["completions"], spec["parallelism"]) == (1, 1)
    assert spec["backoffLimitPerIndex"] == 0
    assert bench.status.message == "0/4 trials by 2 of 2 Jobs of a trial each"


def test_the_next_trial_gets_the_next_job() -> None:
    """The Job of a trial that is done goes, and no number comes twice."""
    bench = begun()
    bench.find(a_trial(0), running(1, pod_of(SECOND)))
    end(bench, FIRST)
    bench.settle()

    assert bench.names("Job") == [SECOND, THIRD]
    assert [one.ref.name for one in bench.deeds(DeleteObject)] == [FIRST]


def test_no_job_is_made_that_no_trial_is_left_for() -> None:
    """What runs fills the budget."""
    bench = begun()
    bench.find(a_trial(0), a_trial(1), a_trial(2), running(3, pod_of(SECOND)))
    end(bench, FIRST)
    bench.settle()

    assert bench.names("Job") == [SECOND]


def test_a_trial_that_breaks_its_process_has_failed_and_its_job_is_kept() -> None:
    """Its log says why; the other trial goes on, and the next one gets a Job."""
    bench = begun()
    break_(bench, FIRST)
    bench.settle()

    (fail,) = bench.deeds(FailTrial)
    assert (fail.number, fail.attributes[TrialAttribute.DISRUPTED]) == (0, False)
    assert bench.deeds(EnqueueTrial) == []
    assert bench.names("Job") == [FIRST, SECOND, THIRD]
    assert bench.status.phase is RunPhase.SEARCHING


def test_the_trial_of_a_pod_ends_before_its_job_goes() -> None:
    """Afterwards nobody would know whether it had failed or was taken away."""
    bench = begun()
    end(bench, FIRST)
    bench.plan()
    assert [one.number for one in bench.deeds(FailTrial)] == [0]
    assert bench.deeds(DeleteObject) == []

    bench.settle()
    assert [one.ref.name for one in bench.deeds(DeleteObject)] == [FIRST]


def test_few_jobs_of_broken_trials_are_kept() -> None:
    """The ten newest ones."""
    bench = a_bench(search={"trials": 40, "parallelism": 1, "maxFailedTrials": 40})
    bench.settle()
    trials: list[TrialFacts] = []
    for number in range(12):
        job = f"{SEARCH}-{number}"
        bench.start_pods(job)
        bench.find(*trials, running(number, pod_of(job)))
        break_(bench, job)
        bench.settle()
        trials = list(bench.trials)

    numbers = sorted(int(name.rpartition("-")[2]) for name in bench.names("Job"))
    assert numbers == [*range(2, 12), 12]


@pytest.mark.parametrize(
    "reason", [Reason.BUDGET_SPENT, Reason.GOAL_REACHED, Reason.DEADLINE_EXCEEDED]
)
def test_a_pod_that_sees_the_end_ends_the_search(reason: Reason) -> None:
    """What still runs is told to go, and its trial counts for nothing; then it is concluded."""
    bench = begun()
    bench.find(a_trial(0), running(1, pod_of(SECOND)), end=reason.value)
    end(bench, FIRST, reason)
    bench.plan()
    assert [one.ref.name for one in bench.deeds(DeleteObject)] == [SECOND]
    assert bench.status.phase is RunPhase.SEARCHING

    bench.wait(90)
    bench.settle()
    assert CONCLUDE in bench.names("Job")
    assert bench.trials[1].disrupted
    assert bench.deeds(EnqueueTrial) == []
    assert bench.status.timings is not None
    assert bench.status.timings.searching is not None
    assert bench.status.timings.searching.total_seconds() == 90


def test_an_end_that_nobody_could_read_is_found_out_again() -> None:
    """By a pod more, which finds nothing to claim."""
    bench = begun()
    bench.find(*(a_trial(number) for number in range(4)))
    for job in (FIRST, SECOND):
        end(bench, job)
    bench.settle()
    assert bench.names("Job") == [THIRD]

    bench.start_pods(THIRD)
    end(bench, THIRD, Reason.BUDGET_SPENT)
    bench.settle()
    assert bench.status.phase is RunPhase.CONCLUDING


def test_trials_that_are_raised_before_the_end_was_read_are_run() -> None:
    """In another attempt, whose Jobs know of them."""
    bench = begun()
    bench.find(*(a_trial(number) for number in range(4)), end="BudgetSpent")
    end(bench, FIRST)
    end(bench, SECOND, Reason.BUDGET_SPENT)
    bench.edit(search={"trials": 6})
    bench.settle()

    assert bench.status.attempt == 2
    assert {"churn-search-2-0", "churn-search-2-1"} <= set(bench.names("Job"))


def test_what_can_never_work_ends_the_run() -> None:
    """However many trials are left."""
    bench = begun()
    said = Termination(reason=Reason.DATA_INVALID, message="there is no column target")
    break_(bench, FIRST, ExitCode.NO_USE, said)
    bench.settle()

    assert bench.status.phase is RunPhase.FAILED
    assert bench.status.message == "there is no column target"
    assert SECOND not in bench.names("Job")


def test_jobs_that_give_up_before_their_trial_end_the_run() -> None:
    """Four times in a row: as often as a worker would be started."""
    bench = a_bench(search={"parallelism": 1})
    bench.settle()
    for job in jobs(0, 1, 2, 3):
        assert bench.status.phase is RunPhase.SEARCHING
        start_in_vain(bench, job)

    assert bench.status.phase is RunPhase.FAILED
    assert bench.condition(ConditionType.READY) == ("False", Reason.CRASHING)
    assert bench.status.message == f"pod {SEARCH}-3-0 ended with code 1: its log says why"


def test_jobs_whose_pods_are_gone_end_no_search() -> None:
    """Their trials were run; that nobody can see it any more speaks against none of them."""
    bench = a_bench(search={"trials": 40, "parallelism": 1, "maxFailedTrials": 10})
    bench.settle()
    for number in range(4):
        job = f"{SEARCH}-{number}"
        bench.start_pods(job)
        bench.find(*bench.trials, running(number, pod_of(job)))
        break_(bench, job)
        bench.settle()
    bench.pods.clear()
    bench.settle()

    assert bench.status.phase is RunPhase.SEARCHING
    assert f"{SEARCH}-4" in bench.names("Job")


def test_a_server_that_stays_away_ends_the_run_whatever_trial_it_hit() -> None:
    """The trials are not to blame, and would be run again for ever."""
    bench = a_bench(search={"parallelism": 1, "trials": 40})
    bench.settle()
    said = Termination(reason=Reason.REGISTRY_UNREACHABLE, message="MLflow does not answer")
    for job in jobs(0, 1, 2, 3):
        bench.start_pods(job)
        bench.find(*bench.trials, running(len(bench.trials), pod_of(job), parameters={}))
        break_(bench, job, ExitCode.THIS_WORKER, said)
        bench.settle()
        bench.wait(60)
        bench.settle()

    assert bench.status.phase is RunPhase.FAILED
    assert bench.status.message == "MLflow does not answer"


def test_a_job_that_did_its_work_forgives_those_before_it() -> None:
    """A bad hour now and then ends no search."""
    bench = a_bench(search={"parallelism": 1, "trials": 40})
    bench.settle()
    for number, job in enumerate(jobs(*range(9))):
        if number % 3 != 2:
            start_in_vain(bench, job)
            continue
        bench.start_pods(job)
        bench.find(*bench.trials, a_trial(len(bench.trials), pod_uid=f"uid-{pod_of(job)}"))
        end(bench, job)
        bench.settle()

    assert bench.status.phase is RunPhase.SEARCHING
    assert bench.names("Job") == jobs(9)


def test_jobs_that_give_up_together_count_as_one_time() -> None:
    """On a node that has a bad minute, say: those beside them and after them may do well."""
    bench = a_bench(search={"parallelism": 8, "trials": 40})
    bench.settle()
    start_in_vain(bench, *jobs(0, 1, 2, 3, 4, 5, 6, 7))

    assert bench.status.phase is RunPhase.SEARCHING
    assert bench.names("Job") == sorted(jobs(*range(16)))


def one_under_way_beside_four_in_vain() -> Bench:
    """The first Job runs its trial all the time."""
    bench = a_bench(search={"trials": 40})
    bench.settle()
    bench.start_pods(FIRST)
    bench.find(running(0, pod_of(FIRST)))
    for job in jobs(1, 2, 3, 4):
        start_in_vain(bench, job)
    return bench


def test_no_trial_under_way_is_ended_because_others_do_not_begin() -> None:
    """As with workers; no other one is tried until it has ended, which forgives those before."""
    bench = one_under_way_beside_four_in_vain()
    assert bench.status.phase is RunPhase.SEARCHING
    assert bench.names("Job") == jobs(0, 1, 2, 3, 4)
    assert bench.trials[0].state == "RUNNING"

    bench.find(a_trial(0, pod_uid=f"uid-{pod_of(FIRST)}"))
    end(bench, FIRST)
    bench.settle()
    assert bench.names("Job") == jobs(5, 6)


def test_the_run_ends_when_the_last_trial_under_way_gives_up_too() -> None:
    """Then nothing speaks for another try."""
    bench = one_under_way_beside_four_in_vain()
    said = Termination(reason=Reason.REGISTRY_UNREACHABLE, message="MLflow does not answer")
    break_(bench, FIRST, ExitCode.THIS_WORKER, said)
    bench.settle()

    assert bench.status.phase is RunPhase.FAILED
    assert bench.status.message == "MLflow does not answer"


def test_after_a_job_in_vain_the_next_one_waits_as_a_worker_would() -> None:
    """Ten seconds, then twice as long each time: what is away for a minute ends no search."""
    bench = a_bench(search={"parallelism": 1, "trials": 40})
    bench.settle()
    for number, seconds in enumerate((10, 20, 40)):
        bench.start_pods(f"{SEARCH}-{number}")
        bench.wait(5)
        break_(bench, f"{SEARCH}-{number}", 1)
        bench.wait(seconds - 1)
        bench.settle()
        assert len(bench.names("Job")) == number + 1
        bench.wait(1)
        bench.settle()
        assert len(bench.names("Job")) == number + 2


def test_a_job_whose_time_is_up_ends_the_search() -> None:
    """Each has the time of the whole search."""
    bench = begun()
    bench.find(a_trial(0), running(1, pod_of(SECOND)))
    bench.pods.pop(pod_of(SECOND))
    bench.end_job(SECOND, "Failed", "DeadlineExceeded")
    bench.settle()

    assert CONCLUDE in bench.names("Job")
    assert "its time is up" in (bench.status.history[0].message or "")


def test_fewer_at_a_time_lets_what_runs_go_on() -> None:
    """And more begin at once."""
    bench = begun()
    bench.edit(search={"parallelism": 1})
    bench.settle()
    assert bench.names("Job") == [FIRST, SECOND]

    bench.find(a_trial(0), running(1, pod_of(SECOND)))
    end(bench, FIRST)
    bench.settle()
    assert bench.names("Job") == [SECOND]

    bench.edit(search={"parallelism": 3})
    bench.settle()
    assert bench.names("Job") == [SECOND, f"{SEARCH}-2", f"{SEARCH}-3"]


def test_a_pause_takes_the_jobs_away_and_the_trials_are_run_again() -> None:
    """A pod that is still on its way out keeps its number and its place."""
    bench = begun()
    bench.edit(suspend=True)
    bench.settle()
    assert bench.names("Job") == []
    assert [trial.state for trial in bench.trials][:2] == ["FAIL", "FAIL"]

    bench.pods = {pod_of(SECOND): a_pod(pod_of(SECOND), SECOND, deleting=True)}
    bench.edit(suspend=False)
    bench.settle()
    assert bench.names("Job") == [THIRD]


def test_a_pod_on_a_node_that_does_not_answer_holds_nobody_up() -> None:
    """Its Job would wait for it for ever."""
    bench = begun()
    bench.change_pod(pod_of(FIRST), deleting=True, leaves_at=bench.now)
    bench.wait(60)
    bench.settle()

    assert bench.trials[0].disrupted
    assert bench.names("Job") == [SECOND, THIRD]


def test_what_ran_out_of_memory_keeps_its_place() -> None:
    """Its own Job runs it; the others are no more than the rest of the budget."""
    bench = begun()
    bench.change_pod(pod_of(FIRST), exit_reason="OOMKilled")
    break_(bench, FIRST, 137)
    bench.find(running(0, pod_of(FIRST)), running(1, pod_of(SECOND)), a_trial(2))
    bench.settle()
    assert bench.names("Job") == [FIRST, SECOND, THIRD, MEMORY]

    bench.start_pods(MEMORY)
    again = running(3, f"{MEMORY}-0", retry_of=0, doublings=1)
    bench.find(bench.trials[0], a_trial(1), a_trial(2), again)
    end(bench, SECOND)
    bench.settle()
    assert bench.names("Job") == [FIRST, THIRD, MEMORY]


def test_a_queue_admits_each_trial_by_itself() -> None:
    """The run waits while it has admitted none."""
    bench = a_bench(queue=QUEUE)
    bench.settle()
    for job in (FIRST, SECOND):
        assert bench.job(job)["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpu"
        bench.job(job)["spec"]["suspend"] = True
    bench.settle()
    assert bench.status.phase is RunPhase.QUEUED

    admit(bench, FIRST)
    told = bench.status
    assert told.phase is RunPhase.SEARCHING
    assert told.message == "0/4 trials by 1 of 2 Jobs of a trial each"
    assert bench.condition(ConditionType.ADMITTED) == ("True", Reason.ADMITTED)


def admit(bench: Bench, job: str) -> None:
    """The queue lets a Job wait, then gives its pod a place."""
    bench.job(job)["spec"]["suspend"] = True
    bench.settle()
    bench.job(job)["spec"]["suspend"] = False
    bench.start_pods(job)
    bench.settle()


def test_between_two_trials_the_run_is_queued_and_no_place_was_taken_back() -> None:
    """As many times as there are trials, so that it is no news."""
    bench = a_bench(queue=QUEUE, search={"parallelism": 1})
    bench.plan()
    bench.plan()
    admit(bench, FIRST)
    told = [(one.reason, one.message) for one in bench.status.history]
    assert [reason for reason, _ in told][:2] == [Reason.SEARCHING, Reason.QUEUED]

    bench.find(a_trial(0, pod_uid=f"uid-{pod_of(FIRST)}"))
    end(bench, FIRST)
    bench.plan()
    bench.job(SECOND)["spec"]["suspend"] = True
    bench.settle()
    assert bench.status.phase is RunPhase.QUEUED
    assert bench.status.message == "queue gpu has not admitted the next trial; 1/4 trials"
    assert bench.condition(ConditionType.ADMITTED) == ("False", Reason.QUEUED)

    admit(bench, SECOND)
    assert bench.condition(ConditionType.ADMITTED) == ("True", Reason.ADMITTED)
    assert [(one.reason, one.message) for one in bench.status.history] == told


def test_a_deletion_takes_all_jobs_away() -> None:
    """Those that are over too."""
    bench = begun()
    break_(bench, FIRST)
    bench.settle()
    bench.delete()
    bench.plan()

    assert bench.names("Job") == []
