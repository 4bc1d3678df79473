"""What people read: phase, conditions, counts and times, as they follow from a course."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute
from leadsman_api.v1alpha1.training_run_status import (
    Outcome,
    RunPhase,
    Timings,
    TrainingRunStatus,
)
from leadsman_operator.planner.conditions import Change, updated
from leadsman_operator.planner.training.course import Course
from leadsman_operator.planner.training.jobs import Job
from leadsman_operator.planner.training.naming import selector_text, study_of
from leadsman_operator.planner.training.scene import OVER, Scene
from leadsman_operator.planner.training.trials import Standing, remaining, standing

MOST_HISTORY = 20
_LONGEST = 1024
_RESTING = frozenset({*OVER, RunPhase.SUSPENDED})
_STUCK = frozenset({RunPhase.FAILED, RunPhase.REJECTED})
_DATA_TROUBLES = frozenset(
    {Reason.DATA_UNREADABLE, Reason.DATA_INVALID, Reason.DATA_CHANGED, Reason.DATA_DRIFTED}
)
_NOT_YET: Mapping[ConditionType, tuple[ConditionStatus, str]] = {
    ConditionType.DATA_READY: (ConditionStatus.UNKNOWN, "no worker has read the data yet"),
    ConditionType.SEARCHED: (ConditionStatus.FALSE, "the search has not ended yet"),
    ConditionType.GATE_PASSED: (ConditionStatus.UNKNOWN, "no version was judged yet"),
    ConditionType.REGISTERED: (ConditionStatus.FALSE, "no version is registered yet"),
    ConditionType.PROMOTED: (ConditionStatus.FALSE, "no version of this run has the alias yet"),
}
_NOT_YET_AGAIN: Mapping[ConditionType, tuple[ConditionStatus, str]] = {
    ConditionType.REPRODUCED: (ConditionStatus.UNKNOWN, "the version was not trained again yet"),
}
"""Of a run that trains a version again: it searches, judges and registers nothing."""


def written(scene: Scene, course: Course) -> TrainingRunStatus:
    """The whole status once the plan is carried out."""
    stands = _standing(scene)
    update: dict[str, Any] = {
        "phase": course.phase,
        "message": course.message[:_LONGEST],
        "observed_generation": scene.resource.metadata.generation,
        "attempt": scene.attempt,
        "study": study_of(scene.resource),
        "selector": selector_text(scene.name),
        "workers": sum(pod.phase == "Running" for pod in scene.workers),
        "history": _history(scene, course),
        "timings": _timings(scene, course, stands),
        **_found(stands),
        **course.changes,
    }
    changes = tuple(_changes(scene, course))
    conditions = updated(
        scene.status.conditions,
        *changes,
        now=scene.now,
        generation=scene.resource.metadata.generation or 0,
    )
    return scene.status.model_copy(update={**update, "conditions": conditions})


def is_news(scene: Scene, course: Course) -> bool:
    """Whether something has happened that belongs into the history."""
    is_change = course.phase is not scene.status.phase
    return course.is_news or (is_change and not _is_turn_of_next_trial(scene, course))


def _is_turn_of_next_trial(scene: Scene, course: Course) -> bool:
    """Whether the queue takes up one trial after the other: as often as there are trials."""
    change = (scene.status.phase, course.phase)
    if not scene.has_job_per_trial or set(change) != {RunPhase.SEARCHING, RunPhase.QUEUED}:
        return False
    told = scene.status.history[0].reason if scene.status.history else None
    return course.phase is RunPhase.QUEUED or told is not Reason.QUEUED


def _history(scene: Scene, course: Course) -> tuple[Outcome, ...]:
    if not is_news(scene, course):
        return scene.status.history
    told = Outcome(at=scene.now, reason=course.reason, message=course.message[:_LONGEST])
    return (told, *scene.status.history)[:MOST_HISTORY]


# What the study says


def _standing(scene: Scene) -> Standing | None:
    """Where the search stands; of a run that has ended it is not looked at again."""
    if scene.study is None or scene.is_over:
        return None
    return standing(scene.study, scene.spec.objective, scene.search.trials)


def _found(stands: Standing | None) -> dict[str, Any]:
    """What can't be read now stays as it was read last."""
    if stands is None:
        return {}
    return {
        "trials": stands.counts,
        "best": stands.best,
        "pareto_front": stands.pareto_front,
        "baseline": stands.baseline,
        "improvement_over_baseline": stands.improvement,
    }


# Times


def _timings(scene: Scene, course: Course, stands: Standing | None) -> Timings | None:
    before = scene.status.timings or Timings()
    if course.phase is RunPhase.PENDING:
        return scene.status.timings
    search, conclude = scene.search_job, scene.conclude_job
    queued = _queued(scene) if scene.spec.queue else None
    mean = stands.mean_trial if stands else None
    return Timings(
        started_at=before.started_at or scene.now,
        finished_at=_finished_at(scene, course, before.finished_at),
        queued=queued or before.queued,
        searching=_took(search) or _searched(scene, course) or before.searching,
        concluding=_took(conclude) or before.concluding,
        mean_trial=mean or before.mean_trial,
        remaining=_remaining(scene, course, stands),
    )


def _finished_at(scene: Scene, course: Course, before: datetime | None) -> datetime | None:
    if course.phase not in OVER:
        return None
    return (before if scene.is_over else None) or scene.now


def _queued(scene: Scene) -> timedelta | None:
    """Of the workers' Job, or of the first one where each trial has its own."""
    first = next(iter(scene.trial_jobs.items()), None)
    job = first[1] if first is not None and first[0] == 0 else scene.search_job
    return job.waited if job is not None else None


def _searched(scene: Scene, course: Course) -> timedelta | None:
    """Where each trial has a Job there is none that lasts as long as the search."""
    timings = scene.status.timings
    is_end = course.phase is RunPhase.CONCLUDING and not scene.is_searched
    if not is_end or not scene.has_job_per_trial or timings is None or timings.started_at is None:
        return None
    return scene.now - timings.started_at


def _took(job: Job | None) -> timedelta | None:
    return job.took if job is not None else None


def _remaining(scene: Scene, course: Course, stands: Standing | None) -> timedelta | None:
    if course.phase is not RunPhase.SEARCHING or stands is None:
        return None
    trials, job = scene.search.trials, scene.search_job
    if scene.has_job_per_trial:
        return remaining(stands, trials, scene.search.parallelism, None)
    if job is None or job.is_over:
        return None
    left = None
    if job.started_at is not None:
        left = max(timedelta(0), job.started_at + scene.search.timeout - scene.now)
    return remaining(stands, trials, job.parallelism, left)


# Conditions


def _changes(scene: Scene, course: Course) -> Iterator[Change]:
    yield from _summary(course)
    known = {change.type: change for change in (*_seen(scene, course), *course.conditions)}
    asked = _NOT_YET_AGAIN if scene.is_reproducing else _NOT_YET
    kinds = [*asked, *([ConditionType.ADMITTED] if scene.spec.queue else [])]
    for kind in kinds:
        yield known.get(kind) or _as_before(scene, kind)


def _summary(course: Course) -> Iterator[Change]:
    """The three of kstatus.

    A run that failed or was rejected is Stalled: only a person can make more of it, and whoever
    waits for Ready learns that it won't come.
    """
    is_ready = course.phase is RunPhase.SUCCEEDED
    is_stuck = course.is_stalled or course.phase in _STUCK
    is_moving = not course.is_stalled and course.phase not in _RESTING
    for kind, holds in (
        (ConditionType.READY, is_ready),
        (ConditionType.RECONCILING, is_moving),
        (ConditionType.STALLED, is_stuck),
    ):
        yield Change(kind, _is(holds), course.reason, course.message)


def _is(true: bool) -> ConditionStatus:  # noqa: FBT001 - turns a truth into a word
    return ConditionStatus.TRUE if true else ConditionStatus.FALSE


def _seen(scene: Scene, course: Course) -> Iterator[Change]:
    """What the study and the Jobs show, whatever is decided."""
    if course.reason in _DATA_TROUBLES:
        yield Change(ConditionType.DATA_READY, ConditionStatus.FALSE, course.reason, course.message)
    elif scene.study is not None and StudyAttribute.DATA_DIGEST in scene.study.attributes:
        yield _data_ready(scene.study.attributes)
    if course.phase is RunPhase.SEARCHING:
        yield Change(ConditionType.SEARCHED, ConditionStatus.FALSE, course.reason, course.message)
    pods = sum(job.parallelism for job in scene.stage_jobs if not job.is_suspended)
    if scene.spec.queue is not None and pods:
        queue = scene.spec.queue.name
        message = f"queue {queue} gave {pods} pods their place"
        yield Change(ConditionType.ADMITTED, ConditionStatus.TRUE, Reason.ADMITTED, message)


def _data_ready(attributes: Mapping[str, Any]) -> Change:
    digest, rows = attributes[StudyAttribute.DATA_DIGEST], attributes.get(StudyAttribute.ROWS)
    counted = f"{rows} rows were read" if rows is not None else "the data was read"
    revision = attributes.get(StudyAttribute.DATA_REVISION)
    at = f" at revision {revision}" if revision else ""
    message = f"{counted}{at} and passed the checks, digest {digest}"
    return Change(ConditionType.DATA_READY, ConditionStatus.TRUE, Reason.DATA_READABLE, message)


def _as_before(scene: Scene, kind: ConditionType) -> Change:
    before = scene.conditions.get(kind)
    if before is not None:
        return Change(kind, before.status, before.reason, before.message)
    if kind is ConditionType.ADMITTED and scene.spec.queue is not None:
        message = f"queue {scene.spec.queue.name} has not admitted the workers"
        return Change(kind, ConditionStatus.FALSE, Reason.QUEUED, message)
    status, message = {**_NOT_YET, **_NOT_YET_AGAIN}[kind]
    return Change(kind, status, Reason.PROGRESSING, message)
