"""What becomes of a time that has come: a run is made, or the time is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadsman_api import TrainingRun
from leadsman_api.durations import format_duration
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.schedule import Concurrency, RunSchedule
from leadsman_operator.planner.plan import Action, ApplyObject, DeleteObject, Event
from leadsman_operator.planner.schedule.made import Made, ref_for, run_for
from leadsman_operator.planner.schedule.times import Times


@dataclass(frozen=True, slots=True)
class Turn:
    """What is done about a time, and what people are told of it."""

    actions: tuple[Action, ...] = ()
    event: Event | None = None
    going: tuple[Made, ...] = ()
    """The runs that go on after it, the latest first."""


def turn(
    resource: TrainingRun,
    schedule: RunSchedule,
    times: Times,
    due: datetime,
    now: datetime,
    going: tuple[Made, ...],
) -> Turn:
    """Decide on one time that has come; of a suspended schedule nothing is said.

    `going` are the runs that have not ended.
    """
    if resource.spec.suspend:
        return Turn(going=going)
    left_out = f"the run of {times.told(due)} is left out"
    deadline, late = schedule.starting_deadline, now - due
    if deadline is not None and late > deadline:
        words = f"it is {format_duration(late)} late, startingDeadline is"
        message = f"{left_out}: {words} {format_duration(deadline)}"
        return Turn(event=Event(Reason.STARTED_TOO_LATE, message, warning=True), going=going)
    if going and schedule.concurrency is Concurrency.FORBID:
        message = f"{left_out}: {going[0].ref.name} still goes on, it is {going[0].phase}"
        return Turn(event=Event(Reason.STILL_TRAINING, message), going=going)
    made = Made(ref_for(resource, due), due)
    message = f"{made.ref.name} is made for {times.told(due)}"
    make = ApplyObject(run_for(resource, due), f"{made.ref} is missing: its time has come")
    replaced = going if schedule.concurrency is Concurrency.REPLACE else ()
    kept = () if replaced else going
    return Turn((*_stop(replaced), make), Event(Reason.TRIGGERED, message), (made, *kept))


def _stop(runs: Iterable[Made]) -> Iterator[DeleteObject]:
    for run in runs:
        if not run.leaving:
            yield DeleteObject(run.ref, f"{run.ref} is replaced: the next one's time has come")


def surplus(schedule: RunSchedule, runs: Sequence[Made]) -> tuple[DeleteObject, ...]:
    """The oldest of the runs that have ended, where there are more than are to be kept."""
    ended = [run for run in runs if run.is_over and not run.leaving]
    good = [run for run in ended if run.succeeded][schedule.successful_history_limit :]
    bad = [run for run in ended if not run.succeeded][schedule.failed_history_limit :]
    return tuple(
        DeleteObject(run.ref, f"{run.ref} has ended, and later ones are kept in its place")
        for run in (*good, *bad)
    )
