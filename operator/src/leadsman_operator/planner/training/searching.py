"""The search: from its first pod to the trial whose parameters are fitted."""

from __future__ import annotations

from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute
from leadsman_api.v1alpha1.search import SearchMode
from leadsman_api.v1alpha1.training_run_status import RunPhase, TrialCounts
from leadsman_operator.facts import StudyFacts
from leadsman_operator.planner.conditions import Change
from leadsman_operator.planner.plan import Action, DeleteObject
from leadsman_operator.planner.training.belongings import recalled, search_objects
from leadsman_operator.planner.training.course import AT_ONCE, SOON, Course, fail
from leadsman_operator.planner.training.jobs import Job
from leadsman_operator.planner.training.reaping import end_losses, lost_events, reap
from leadsman_operator.planner.training.scene import Scene
from leadsman_operator.planner.training.trial_jobs import ending_job, fruitless_jobs
from leadsman_operator.planner.training.trials import (
    best_of,
    counted,
    finished,
    last_error,
    short_of_memory,
)
from leadsman_operator.planner.training.troubles import (
    Trouble,
    ended_trouble,
    waiting_trouble,
)

_PODS = {SearchMode.WORKERS: "workers", SearchMode.JOB_PER_TRIAL: "Jobs of a trial each"}
_ENDS = frozenset({Reason.BUDGET_SPENT, Reason.GOAL_REACHED, Reason.NO_IMPROVEMENT})
"""Ways in which a search ends well."""


def searching(scene: Scene) -> Course | None:
    """Bring the search to its end; None once it is there."""
    if scene.is_searched:
        return None
    if scene.has_job_per_trial:
        return _searching_apart(scene)
    job = scene.search_job
    if job is not None and job.is_leaving:
        message = f"Job {job.name} is being deleted, then it is made anew"
        return Course(RunPhase.SEARCHING, Reason.PROGRESSING, message, look_again_in=SOON)
    if job is None:
        return _begin(scene)
    if not job.is_over:
        return _without_pods(scene, job) or _go_on(scene, (job,))
    return _to_the_end(scene, job)


def _searching_apart(scene: Scene) -> Course:
    """The same where each trial has a Job of its own: one of them ends it all."""
    job = ending_job(scene)
    if job is not None:
        return _to_the_end(scene, job)
    if scene.study is None and not scene.trial_jobs:
        return _begin(scene)
    return _go_on(scene, tuple(job for job in scene.trial_jobs.values() if not job.is_over))


def _to_the_end(scene: Scene, job: Job) -> Course:
    return _recall(scene) or _clean_up(scene) or _search_on(scene, job) or _end(scene, job)


def _begin(scene: Scene) -> Course:
    search = scene.search
    actions = search_objects(scene)
    what = f"{search.parallelism} {_PODS[search.mode]}"
    if scene.spec.queue is not None:
        message = f"{what} wait for queue {scene.spec.queue.name}"
        # What it gave the Job of an attempt before, or of one before a pause, is not given to this.
        waits = Change(ConditionType.ADMITTED, ConditionStatus.FALSE, Reason.QUEUED, message)
        return Course(RunPhase.QUEUED, Reason.QUEUED, message, actions, SOON, conditions=(waits,))
    message = f"{search.trials} trials are searched by {what}"
    return Course(RunPhase.SEARCHING, Reason.SEARCHING, message, actions, SOON)


def _without_pods(scene: Scene, job: Job) -> Course | None:
    """Make a Job anew whose last pods go away without end."""
    if not scene.is_left_behind(job):
        return None
    message = f"all pods of Job {job.name} are being deleted, and none takes their place"
    actions = (DeleteObject(scene.job_ref(job.name), message), *reap(scene))
    events = tuple(lost_events(scene))
    return Course(RunPhase.SEARCHING, Reason.PREEMPTED, message, actions, SOON, events=events)


def _go_on(scene: Scene, jobs: tuple[Job, ...]) -> Course:
    actions = (*search_objects(scene), *reap(scene))
    if scene.spec.queue is not None and jobs and all(job.is_suspended for job in jobs):
        return _wait_in_queue(scene, jobs, actions)
    trouble = _trouble(scene, (*jobs, *fruitless_jobs(scene)))
    message = f"{_progress(scene)} by {_working(scene, jobs)}"
    if trouble is not None:
        message = f"{message}; {trouble.message}"
    return Course(
        RunPhase.SEARCHING,
        trouble.reason if trouble else Reason.SEARCHING,
        message,
        actions,
        SOON,
        events=tuple(lost_events(scene)),
    )


def _working(scene: Scene, jobs: tuple[Job, ...]) -> str:
    more = scene.workers_with_more_memory
    running = sum(pod.phase == "Running" for pod in scene.workers if pod not in more)
    wanted = sum(job.parallelism for job in jobs)
    told = f"{running} of {wanted} {_PODS[scene.search.mode]}"
    waiting = len(short_of_memory(scene.study)) if scene.study is not None else 0
    if waiting:
        told += f", {waiting} waiting for more memory"
    return told + _asked_of_queue(scene, jobs)


def _asked_of_queue(scene: Scene, jobs: tuple[Job, ...]) -> str:
    """A queue's Job stays as it was handed in: it would lose its place."""
    wanted, asked = scene.search.parallelism, sum(job.completions for job in jobs)
    if scene.spec.queue is None or scene.has_job_per_trial or asked == wanted:
        return ""
    return (
        f"; the queue was asked for {asked} workers, search.parallelism {wanted} counts"
        " after a pause by spec.suspend"
    )


def _wait_in_queue(scene: Scene, jobs: tuple[Job, ...], actions: tuple[Action, ...]) -> Course:
    """The queue has not given the pods their place yet, or took it back.

    Jobs of single trials wait one after the other: which of them had a place nobody remembers.
    """
    queue = scene.spec.queue.name if scene.spec.queue else ""
    before = scene.conditions.get(ConditionType.ADMITTED)
    reason, said = Reason.QUEUED, "has not admitted the workers"
    if scene.has_job_per_trial:
        said = "has not admitted the next trial"
    elif before is not None and before.reason in (Reason.ADMITTED, Reason.PREEMPTED):
        reason, said = Reason.PREEMPTED, "took the place of the workers back"
    message = f"queue {queue} {said}; {_progress(scene)}{_asked_of_queue(scene, jobs)}"
    change = Change(ConditionType.ADMITTED, ConditionStatus.FALSE, reason, message)
    events = tuple(lost_events(scene))
    return Course(
        RunPhase.QUEUED, reason, message, actions, SOON, conditions=(change,), events=events
    )


def _trouble(scene: Scene, jobs: tuple[Job, ...]) -> Trouble | None:
    """What keeps workers from starting; why all of them ended, while new ones are on their way."""
    pods = tuple(pod for job in jobs for pod in scene.pods_of(job.name))
    return waiting_trouble((*pods, *scene.workers_with_more_memory)) or (
        None if scene.workers else ended_trouble(scene.resource, pods)
    )


# The end


def _recall(scene: Scene) -> Course | None:
    """Tell the workers in Jobs of their own to go: the search has ended without them."""
    actions = recalled(scene, "the search has ended")
    if not actions and not scene.workers_apart:
        return None
    message = f"{_progress(scene)}; what still runs is told to go: the search has ended"
    return Course(RunPhase.SEARCHING, Reason.SEARCHING, message, actions, SOON)


def _clean_up(scene: Scene) -> Course | None:
    """End what the pods left open: what is counted then is final."""
    lost = end_losses(scene)
    if not lost:
        return None
    message = f"{_progress(scene)}; those whose pod is gone are ended"
    events = tuple(lost_events(scene))
    return Course(RunPhase.SEARCHING, Reason.SEARCHING, message, lost, AT_ONCE, events=events)


def _search_on(scene: Scene, job: Job) -> Course | None:
    """More trials were asked for while the search was about to end."""
    if not wants_more(scene, job.trials, counts_of(scene)):
        return None
    return another_attempt(scene)


def counts_of(scene: Scene) -> TrialCounts:
    """The trials of the study, or as they were counted last."""
    if scene.study is not None:
        return counted(scene.study, scene.search.trials)
    return scene.status.trials or TrialCounts(progress=f"0/{scene.search.trials}")


def wants_more(scene: Scene, asked_for: int | None, counts: TrialCounts) -> bool:
    """Whether more trials are asked for than the search was begun for, and not all are run."""
    trials = scene.search.trials
    return asked_for is not None and asked_for < trials and finished(counts) < trials


def another_attempt(scene: Scene) -> Course:
    """Search on with a new Job, in a plan of its own: the next one makes it."""
    trials = scene.search.trials
    message = f"{trials} trials are asked for by now, {finished(counts_of(scene))} are finished"
    unknown, no = ConditionStatus.UNKNOWN, ConditionStatus.FALSE
    again = "the search goes on, so this is found out again"
    return Course(
        RunPhase.SEARCHING,
        Reason.SEARCHING,
        f"{message}: the search goes on",
        look_again_in=AT_ONCE,
        changes={
            "attempt": scene.attempt + 1,
            "gate": None,
            "model_version": None,
            "digest": None,
            "provenance": None,
        },
        conditions=(
            Change(ConditionType.SEARCHED, no, Reason.SEARCHING, message),
            Change(ConditionType.GATE_PASSED, unknown, Reason.PROGRESSING, again),
            Change(ConditionType.REGISTERED, no, Reason.PROGRESSING, again),
            Change(ConditionType.PROMOTED, no, Reason.PROGRESSING, again),
        ),
        is_news=True,
    )


def _end(scene: Scene, job: Job) -> Course:
    """The first thing that speaks against the search decides; else its best trial is fitted."""
    return (
        _too_many_failures(scene)
        or _workers_failed(scene, job)
        or _nothing_found(scene, job)
        or _found(scene, job)
    )


def _too_many_failures(scene: Scene) -> Course | None:
    counts, most = counts_of(scene), scene.search.max_failed_trials
    if counts.failed <= most and _said(scene) is not Reason.TOO_MANY_FAILURES:
        return None
    message = (
        f"{counts.failed} of {scene.search.trials} trials failed, {most} are borne"
        f" by search.maxFailedTrials{_last_error(scene)}"
    )
    return _fail(scene, Reason.TOO_MANY_FAILURES, message)


def _workers_failed(scene: Scene, job: Job) -> Course | None:
    """No worker ended well; time that is up ends them all, and what was found counts."""
    if not job.is_failed or job.out_of_time or job.succeeded:
        return None
    trouble = ended_trouble(scene.resource, scene.pods_of(job.name))
    if trouble is None:
        trouble = Trouble(Reason.CRASHING, f"Job {job.name} is given up: {job.complaint}")
    return _fail(scene, trouble.reason, trouble.message)


def _nothing_found(scene: Scene, job: Job) -> Course | None:
    if scene.study is not None and best_of(scene.study, scene.spec.objective) is not None:
        return None
    counts = counts_of(scene)
    trouble = _trouble(scene, (job,))
    if job.out_of_time and not counts.complete:
        why = f"; {trouble.message}" if trouble else ""
        message = f"no trial ended with a value before search.timeout{why}{_last_error(scene)}"
        return _fail(scene, Reason.DEADLINE_EXCEEDED, message)
    message = (
        f"no trial is eligible: {counts.complete} ended with a value, {counts.pruned} were"
        f" pruned, {counts.failed} failed{_last_error(scene)}"
    )
    if counts.complete:
        message += "; look at objective.constraints, which they did not keep"
    return _fail(scene, Reason.NO_ELIGIBLE_TRIAL, message)


def _found(scene: Scene, job: Job) -> Course:
    """The fact that it is searched outlives the Job, so it is written before anything is made."""
    best = best_of(scene.study or StudyFacts(), scene.spec.objective)
    said = _said(scene)
    reason = said if said in _ENDS else Reason.BUDGET_SPENT
    value = f", the best {scene.spec.objective.metric} is {best.values[0]:.6g}" if best else ""
    is_late = job.out_of_time or said is Reason.DEADLINE_EXCEEDED
    late = ": its time is up" if is_late else ""
    message = f"the search has ended after {_progress(scene)}{value}{late}"
    change = Change(ConditionType.SEARCHED, ConditionStatus.TRUE, reason, message)
    return Course(RunPhase.CONCLUDING, reason, message, look_again_in=AT_ONCE, conditions=(change,))


def _fail(scene: Scene, reason: Reason, message: str) -> Course:
    searched = Change(ConditionType.SEARCHED, ConditionStatus.FALSE, reason, message)
    return fail(scene, reason, message, searched)


def _said(scene: Scene) -> Reason | None:
    """Why the search ended, in the workers' words."""
    word = scene.study.attributes.get(StudyAttribute.END) if scene.study else None
    known = {reason.value: reason for reason in Reason}
    return known.get(str(word))


def _last_error(scene: Scene) -> str:
    error = last_error(scene.study) if scene.study else None
    return f"; the last error: {error}" if error else ""


def _progress(scene: Scene) -> str:
    return f"{counts_of(scene).progress} trials"
