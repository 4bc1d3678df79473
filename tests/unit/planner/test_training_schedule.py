"""A TrainingRun with a schedule: which runs it makes, which it leaves out, which it takes away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leadsman_api.labels import Annotation, Label
from leadsman_api.loading import parse_resource
from leadsman_api.v1alpha1.training_run import LONGEST_SCHEDULED_NAME, TrainingRun
from leadsman_operator.planner.training.naming import trigger_of
from support.world_schedule import KIND, REF, ScheduleSimulation


def hourly(**schedule: Any) -> ScheduleSimulation:
    """A schedule of every hour, an hour after it was made."""
    sim = ScheduleSimulation(cron="0 * * * *", **schedule)
    return after(sim, hours=1)


def after(sim: ScheduleSimulation, **span: float) -> ScheduleSimulation:
    """Time has passed with the operator at work."""
    asyncio.run(sim.advance(**span))
    return sim


def only_run(sim: ScheduleSimulation) -> dict[str, Any]:
    """The one run that is there."""
    (name,) = sim.cluster.runs
    return sim.cluster.objects[sim.cluster.ref(name)]


# The run


def test_a_run_is_the_spec_without_the_schedule() -> None:
    """It belongs to the schedule, and says what it is for."""
    sim = ScheduleSimulation(cron="0 * * * *")
    granted = {"required": True, "granted": {"version": 3, "by": "ada"}}
    sim.edit(promotion={"approval": granted}, search={"trials": 7})
    run = only_run(after(sim, hours=1))
    metadata, spec = run["metadata"], run["spec"]
    assert metadata["name"] == "churn-202611011300"
    assert metadata["annotations"] == {Annotation.SCHEDULED_AT.value: "2026-11-01T13:00:00Z"}
    assert metadata["labels"][Label.TRAINING_RUN.value] == REF.name
    assert metadata["ownerReferences"][0]["uid"] == sim.cluster.objects[REF]["metadata"]["uid"]
    assert spec["search"]["trials"] == 7
    assert spec["promotion"]["approval"] == {"required": True}
    assert not {"schedule", "suspend"} & set(spec)


def test_a_run_knows_what_started_it() -> None:
    """So its version does too."""
    run = parse_resource(only_run(hourly()))
    assert isinstance(run, TrainingRun)
    assert trigger_of(run) == "schedule"


def test_the_longest_name_leaves_room_for_the_time() -> None:
    """The API server would refuse a longer one, at night."""
    run = parse_resource(only_run(hourly()))
    taken = len(run.metadata.name) - len(REF.name)
    assert LONGEST_SCHEDULED_NAME + taken == 40


def test_a_run_without_its_time_is_no_longer_the_schedules() -> None:
    """Somebody took the annotation away to keep it."""
    sim = hourly(successfulHistoryLimit=1)
    kept = only_run(sim)["metadata"]
    kept["annotations"].clear()
    sim.becomes(kept["name"], "Succeeded")
    for _ in range(2):
        after(sim, hours=1)
        sim.becomes(sim.cluster.runs[-1], "Succeeded")
    after(sim, minutes=1)
    assert [sim.cluster.is_leaving(name) for name in sim.cluster.runs] == [False, True, False]


# The last one still goes on


@pytest.mark.parametrize(
    ("concurrency", "times", "leaving"),
    [
        pytest.param("Forbid", ["01 13:00"], [False], id="left out"),
        pytest.param("Allow", ["01 13:00", "01 14:00"], [False, False], id="beside it"),
        pytest.param("Replace", ["01 13:00", "01 14:00"], [True, False], id="in its place"),
    ],
)
def test_the_last_run_still_goes_on(
    concurrency: str, times: list[str], leaving: list[bool]
) -> None:
    """As the spec has it."""
    sim = after(hourly(concurrency=concurrency), hours=1)
    assert sim.times == times
    assert [sim.cluster.is_leaving(name) for name in sim.cluster.runs] == leaving
    going = [name for name in sim.cluster.runs if not sim.cluster.is_leaving(name)]
    assert sim.status["schedule"]["active"] == going[::-1]


def test_a_time_that_was_left_out_is_not_made_up_for() -> None:
    """When the last run ends half an hour later nothing begins."""
    sim = after(hourly(), minutes=90)
    sim.becomes(only_run(sim)["metadata"]["name"], "Succeeded")
    assert after(sim, minutes=20).times == ["01 13:00"]
    assert after(sim, minutes=10).times == ["01 13:00", "01 15:00"]


# Times that were missed


@pytest.mark.parametrize(
    ("deadline", "times"),
    [
        pytest.param({}, ["01 13:00", "02 03:00"], id="for ever"),
        pytest.param({"startingDeadline": "31m"}, ["01 13:00", "02 03:00"], id="in time"),
        pytest.param({"startingDeadline": "29m"}, ["01 13:00"], id="too late"),
    ],
)
def test_of_missed_times_the_last_one_counts(deadline: dict[str, str], times: list[str]) -> None:
    """The operator was away for half a day."""
    sim = hourly(**deadline)
    sim.becomes(only_run(sim)["metadata"]["name"], "Succeeded")
    after(sim, minutes=1)
    sim.away(hours=14, minutes=29)
    assert after(sim).times == times


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"schedule": {"cron": "30 * * * *"}}, id="other times"),
        pytest.param({"schedule": {"timeZone": "Asia/Kolkata"}}, id="another zone"),
    ],
)
def test_times_before_an_edit_do_not_count(edit: dict[str, Any]) -> None:
    """Whoever writes half past at 13:45 wants the first run at 14:30."""
    sim = after(hourly(), minutes=45)
    sim.becomes(only_run(sim)["metadata"]["name"], "Succeeded")
    sim.edit(**edit)
    assert after(sim, minutes=1).times == ["01 13:00"]
    assert after(sim, hours=1).times == ["01 13:00", "01 14:30"]


def test_times_of_a_pause_do_not_count() -> None:
    """And what goes on goes on."""
    sim = hourly()
    sim.edit(suspend=True)
    after(sim, hours=2)
    assert sim.status["phase"] == "Suspended"
    assert "nextAt" not in sim.status["schedule"]
    assert not sim.cluster.is_leaving(only_run(sim)["metadata"]["name"])
    sim.edit(suspend=False)
    after(sim, minutes=1)
    assert sim.times == ["01 13:00"]
    assert sim.status["schedule"]["nextAt"] == "2026-11-01T16:00:00Z"


# The status


def test_the_status_tells_last_and_next() -> None:
    """Also when the last run is gone."""
    sim = hourly()
    name = only_run(sim)["metadata"]["name"]
    sim.cluster.remove(sim.cluster.ref(name))
    sim.cluster.let_go()
    after(sim, minutes=1)
    assert sim.status["schedule"] == {
        "follows": "0 * * * * Etc/UTC",
        "lastAt": "2026-11-01T13:00:00Z",
        "lastRun": name,
        "nextAt": "2026-11-01T14:00:00Z",
        "active": [],
    }
    assert sim.status["message"] == "the next run is made at 2026-11-01 14:00 UTC"


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        pytest.param({"cron": "0 0 31 2 *"}, "spec.schedule.cron: 0 0 31 2 *: Bad", id="no day"),
        pytest.param(
            {"cron": "* * */20 * 1L"}, "spec.schedule.cron: * * */20 * 1L never", id="never"
        ),
        pytest.param({"timeZone": "Mars/Olympus"}, "no time zone Mars/Olympus", id="no zone"),
    ],
)
def test_a_schedule_without_times_waits_for_its_user(
    schedule: dict[str, str], message: str
) -> None:
    """It says so once, and goes on when it is mended."""
    sim = hourly()
    sim.edit(schedule=schedule)
    after(sim, minutes=1)
    sim.edit(search={"trials": 30})
    after(sim, minutes=1)
    conditions = {one["type"]: one["status"] for one in sim.status["conditions"]}
    assert conditions == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
    assert message in sim.status["message"]
    assert len([event for event in sim.cluster.events if "SpecInvalid" in event]) == 1
    sim.edit(schedule={"cron": "0 * * * *", "timeZone": "Etc/UTC"})
    assert after(sim, minutes=1).status["phase"] == "Scheduled"


def test_a_deletion_waits_for_nothing() -> None:
    """The runs go with their schedule, by their owner references."""
    sim = hourly()
    sim.cluster.objects[REF]["metadata"]["deletionTimestamp"] = "2026-11-01T13:00:00Z"
    after(sim, minutes=61)
    assert sim.times == ["01 13:00"]
    assert KIND in only_run(sim)["metadata"]["ownerReferences"][0]["kind"]
