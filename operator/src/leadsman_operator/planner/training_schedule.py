"""The plan for a TrainingRun with a schedule: which run is made now, and which ones go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1 import TrainingRunStatus
from leadsman_api.v1alpha1.training_run_status import Outcome, RunPhase, ScheduleStatus
from leadsman_operator.planner.conditions import Change, updated
from leadsman_operator.planner.observation import ScheduleObservation
from leadsman_operator.planner.plan import Event, Plan
from leadsman_operator.planner.schedule.made import Made, made_runs
from leadsman_operator.planner.schedule.times import InvalidSchedule, Times, times_of
from leadsman_operator.planner.schedule.turn import Turn, surplus, turn
from leadsman_operator.planner.training.run_status import MOST_HISTORY

SchedulePlan = Plan[TrainingRunStatus]

_LONGEST_PAUSE = timedelta(minutes=10)
"""The clock may be set while the operator waits for a time."""
_MOST_ACTIVE = 100
_LONGEST = 1024


def plan_schedule(observation: ScheduleObservation) -> SchedulePlan:
    """What to do now for one TrainingRun with a schedule."""
    if observation.resource.metadata.deletion_timestamp is not None:
        # Its runs go with it, by their owner references.
        return Plan((), observation.resource.status, gone=True)
    try:
        times = times_of(observation.schedule)
    except InvalidSchedule as error:
        return _without_times(observation, str(error))
    upcoming = times.following(observation.now)
    if upcoming is None:
        message = f"spec.schedule.cron: {observation.schedule.cron} never comes"
        return _without_times(observation, message)
    return _plan(observation, times, upcoming)


def _without_times(observation: ScheduleObservation, message: str) -> SchedulePlan:
    """Make nothing: only an edit of the spec helps, and wakes."""
    status = observation.resource.status
    is_news = message != status.message
    event = Event(Reason.SPEC_INVALID, message, warning=True) if is_news else None
    told = _told(observation, RunPhase.PENDING, Reason.SPEC_INVALID, message, event)
    before = status.schedule
    stands = before.model_copy(update={"next_at": None}) if before else None
    return Plan(
        (),
        status.model_copy(update={**told, "schedule": stands}),
        events=(event,) if event else (),
    )


def _plan(observation: ScheduleObservation, times: Times, upcoming: datetime) -> SchedulePlan:
    resource, schedule, now = observation.resource, observation.schedule, observation.now
    runs = made_runs(observation.cluster.objects)
    going = tuple(run for run in runs if not run.is_over)
    latest = times.latest(now)
    due = latest if latest is not None and latest > _settled(observation, runs) else None
    taken = Turn(going=going)
    if due is not None:
        taken = turn(resource, schedule, times, due, now, going)
    stands = ScheduleStatus(
        follows=_follows(observation),
        last_at=latest if _is_changed(observation) else due or _last_at(resource.status),
        next_at=None if resource.spec.suspend else upcoming,
        last_run=_last_run(resource.status, (*taken.going, *runs)),
        active=tuple(run.ref.name for run in taken.going)[:_MOST_ACTIVE],
    )
    phase, reason, message = _standing(observation, times, upcoming, taken.going)
    told = _told(observation, phase, reason, message, taken.event)
    return Plan(
        (*taken.actions, *surplus(schedule, runs)),
        resource.status.model_copy(update={**told, "schedule": stands}),
        events=(taken.event,) if taken.event else (),
        look_again_in=min(upcoming - now, _LONGEST_PAUSE),
    )


# The times


def _settled(observation: ScheduleObservation, runs: tuple[Made, ...]) -> datetime:
    """Up to when all times are done with.

    Those of a schedule that was changed are: nobody wants a run at noon for the 9 o'clock that
    was written just now.
    """
    if _is_changed(observation):
        return observation.now
    created = observation.resource.metadata.creation_timestamp or observation.now
    last_at = _last_at(observation.resource.status)
    return max((created, *([last_at] if last_at else []), *(run.at for run in runs)))


def _last_at(status: TrainingRunStatus) -> datetime | None:
    return status.schedule.last_at if status.schedule else None


def _is_changed(observation: ScheduleObservation) -> bool:
    before = observation.resource.status.schedule
    return before is not None and before.follows != _follows(observation)


def _follows(observation: ScheduleObservation) -> str:
    return f"{observation.schedule.cron} {observation.schedule.time_zone}"


def _last_run(status: TrainingRunStatus, runs: tuple[Made, ...]) -> str | None:
    """Name of the run that was made last, also when it is not there any more."""
    if runs:
        return max(runs, key=lambda run: run.at).ref.name
    return status.schedule.last_run if status.schedule else None


# What people read


def _standing(
    observation: ScheduleObservation, times: Times, upcoming: datetime, going: tuple[Made, ...]
) -> tuple[RunPhase, Reason, str]:
    on_the_way = f"{going[0].ref.name} goes on, it is {going[0].phase}; " if going else ""
    if observation.resource.spec.suspend:
        message = f"{on_the_way}no more runs are made: spec.suspend is true"
        return RunPhase.SUSPENDED, Reason.SUSPENDED, message
    message = f"{on_the_way}the next run is made at {times.told(upcoming)}"
    return RunPhase.SCHEDULED, Reason.AS_DESIRED, message


def _told(
    observation: ScheduleObservation,
    phase: RunPhase,
    reason: Reason,
    message: str,
    event: Event | None,
) -> dict[str, Any]:
    """Phase, conditions and history."""
    status, generation = observation.resource.status, observation.resource.metadata.generation
    history = status.history
    if event is not None:
        outcome = Outcome(at=observation.now, reason=event.reason, message=event.message[:_LONGEST])
        history = (outcome, *history)[:MOST_HISTORY]
    return {
        "phase": phase,
        "message": message[:_LONGEST],
        "observed_generation": generation,
        "conditions": updated(
            status.conditions,
            *_conditions(phase, reason, message),
            now=observation.now,
            generation=generation or 0,
        ),
        "history": history,
    }


def _conditions(phase: RunPhase, reason: Reason, message: str) -> Iterator[Change]:
    """A schedule is never on its way: it waits for a time, or for its user."""
    for kind, holds in (
        (ConditionType.READY, phase is RunPhase.SCHEDULED),
        (ConditionType.RECONCILING, False),
        (ConditionType.STALLED, phase is RunPhase.PENDING),
    ):
        status = ConditionStatus.TRUE if holds else ConditionStatus.FALSE
        yield Change(kind, status, reason, message)
