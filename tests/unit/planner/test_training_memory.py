"""Trials that ran out of memory: run again with twice as much, by a Job of their own."""

from __future__ import annotations

from typing import Any

import pytest

from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import TrialFacts
from leadsman_operator.planner.plan import DeleteObject, EndRun, EnqueueTrial, FailTrial
from support.trainings import SEARCH, Bench, a_pod, a_run, a_trial, running

ONE = f"{SEARCH}-0"
MEMORY = f"{SEARCH}-memory-1"


def searching(times: int = 1, **trainer: Any) -> Bench:
    """A search whose trials may be run again so often."""
    search = {"trials": 4, "parallelism": 2, "retries": {"outOfMemory": times}}
    more = {"trainer": {"algorithm": "Linear", **trainer}} if trainer else {}
    return Bench(a_run(search=search, **more)).searching()


def short_of_memory(number: int, doublings: int = 1, **changes: Any) -> TrialFacts:
    """A trial that is to be run again with more."""
    return a_trial(number, state="FAIL", values=(), disrupted=True, doublings=doublings, **changes)


def out_of_memory(bench: Bench, doublings: int = 0) -> dict[str, Any]:
    """A trial runs out of memory; gives what is written of it."""
    bench.find(running(0, ONE, doublings=doublings))
    job = SEARCH if not doublings else f"{SEARCH}-memory-{doublings}"
    bench.pods = {ONE: a_pod(ONE, job, phase="Failed", exit_code=137, exit_reason="OOMKilled")}
    bench.plan()
    (fail,) = bench.deeds(FailTrial)
    return dict(fail.attributes)


@pytest.mark.parametrize(
    ("doublings", "times", "limit"),
    [
        pytest.param(0, 1, "4Gi", id="the first time"),
        pytest.param(1, 2, "8Gi", id="the second time"),
    ],
)
def test_a_trial_that_ran_out_of_memory_is_to_run_with_twice_as_much(
    doublings: int, times: int, limit: str
) -> None:
    """It counts for nothing, and is no work for the other workers."""
    bench = searching(times)
    written = out_of_memory(bench, doublings)

    assert written[TrialAttribute.DISRUPTED] is True
    assert written[TrialAttribute.DOUBLINGS] == doublings + 1
    assert written[TrialAttribute.ERROR].endswith(f"; it is run again with {limit}")
    assert [one.status for one in bench.deeds(EndRun)] == ["KILLED"]
    assert bench.deeds(EnqueueTrial) == []


@pytest.mark.parametrize(
    ("doublings", "times", "trainer", "says"),
    [
        pytest.param(0, 0, {}, "its limit of 2Gi: raise", id="never again"),
        pytest.param(1, 1, {}, "its limit of 4Gi: raise", id="it had twice as much"),
        pytest.param(
            0,
            1,
            {"resources": {"limits": {"cpu": "1"}}},
            "its node ran out",
            id="no limit is known",
        ),
    ],
)
def test_a_trial_that_had_enough_memory_has_failed(
    doublings: int, times: int, trainer: dict[str, Any], says: str
) -> None:
    """By its own fault."""
    written = out_of_memory(searching(times, **trainer), doublings)

    assert written[TrialAttribute.DISRUPTED] is False
    assert TrialAttribute.DOUBLINGS not in written
    assert says in written[TrialAttribute.ERROR]


def test_a_job_with_more_memory_runs_what_ran_out_of_it() -> None:
    """One worker, told how much it has; requests grow with the limit."""
    bench = searching(2)
    bench.find(short_of_memory(0), short_of_memory(1, 2), running(2, ONE))
    bench.settle()

    for doublings, request, limit in ((1, "2Gi", "4Gi"), (2, "4Gi", "8Gi")):
        spec = bench.job(f"{SEARCH}-memory-{doublings}")["spec"]
        (container,) = spec["template"]["spec"]["containers"]
        assert (spec["completions"], spec["parallelism"]) == (1, 1)
        assert container["resources"]["requests"] == {"cpu": "1", "memory": request}
        assert container["resources"]["limits"] == {"memory": limit}
        told = {one["name"]: one.get("value") for one in container["env"]}
        assert told["LEADSMAN_DOUBLINGS"] == str(doublings)
    assert bench.status.message == "0/4 trials by 2 of 2 workers, 2 waiting for more memory"
    assert bench.deeds(EnqueueTrial) == []


def test_what_is_run_again_needs_no_job() -> None:
    """Neither does a trial that its own worker with more memory runs now."""
    bench = searching()
    bench.find(short_of_memory(0), a_trial(1, retry_of=0, doublings=1))
    bench.settle()

    assert MEMORY not in bench.names("Job")


def test_a_worker_that_needs_no_memory_any_more_ends_and_comes_again() -> None:
    """A Job that is over is made anew for the next trial."""
    bench = searching()
    bench.find(short_of_memory(0))
    bench.settle()
    bench.start_pods(MEMORY)
    bench.find(short_of_memory(0), a_trial(1, retry_of=0, doublings=1))
    bench.end_job(MEMORY)
    bench.settle()
    assert bench.deeds(DeleteObject) == []

    bench.find(short_of_memory(0), a_trial(1, retry_of=0, doublings=1), short_of_memory(2))
    bench.settle()
    assert [one.ref.name for one in bench.deeds(DeleteObject)] == [MEMORY]
    assert "status" not in bench.job(MEMORY)


def test_a_pause_takes_the_worker_with_more_memory_away() -> None:
    """It comes again with the others."""
    bench = searching()
    bench.find(short_of_memory(0))
    bench.settle()
    bench.edit(suspend=True)
    bench.settle()
    assert bench.names("Job") == [SEARCH]

    bench.edit(suspend=False)
    bench.settle()
    assert bench.names("Job") == [SEARCH, MEMORY]


def test_a_node_that_has_not_so_much_memory_is_told_of() -> None:
    """The search waits for it as long as it has time."""
    bench = searching()
    bench.find(short_of_memory(0))
    bench.settle()
    pod = a_pod(f"{MEMORY}-0", MEMORY, phase="Pending", unschedulable="Insufficient memory")
    bench.pods[pod.name] = pod
    bench.settle()

    assert bench.status.phase is RunPhase.SEARCHING
    assert (bench.status.message or "").endswith(
        f"no node takes pod {MEMORY}-0: Insufficient memory"
    )


def test_a_search_that_has_ended_waits_for_no_memory() -> None:
    """The worker is told to go, and what it ran is ended before anything is counted."""
    bench = searching()
    trials = [a_trial(number) for number in range(3)]
    bench.find(*trials, short_of_memory(3))
    bench.settle()
    bench.start_pods(MEMORY)
    pod = next(name for name in bench.pods if name.startswith(MEMORY))
    bench.find(
        *trials, short_of_memory(3), running(4, pod, retry_of=3, doublings=1), end="GoalReached"
    )
    bench.end_job()
    plan = bench.plan()
    assert [one.ref.name for one in bench.deeds(DeleteObject)] == [MEMORY]
    assert plan.status.phase is RunPhase.SEARCHING

    bench.settle()
    assert bench.status.phase is RunPhase.CONCLUDING
    assert [trial.state for trial in bench.trials][-1] == "FAIL"
    assert bench.status.history[0].reason is Reason.GOAL_REACHED
