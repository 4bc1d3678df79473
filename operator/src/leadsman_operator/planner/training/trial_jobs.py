"""A Job for each trial: how many there may be, which are done with, and which ends the search.

The study counts the trials, not the Jobs: a Job is leave to claim one trial. So one too many finds
nothing to claim, and one that is lost is made up for by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from leadsman_api.reasons import Reason
from leadsman_api.termination import ExitCode
from leadsman_operator.facts import PodFacts, StudyFacts
from leadsman_operator.planner.training.jobs import Job
from leadsman_operator.planner.training.reaping import losses
from leadsman_operator.planner.training.scene import Scene, is_alive
from leadsman_operator.planner.training.trials import RUNNING, counted, finished, short_of_memory

_BORNE = 3
"""Times in a row that Jobs may end before their trial: as often as a worker is started again.

As with workers the search goes on while any is left, though no other one is made meanwhile.
"""
_PAUSE = timedelta(seconds=10)
"""Time from the first of these times to the next Job, as Kubernetes has it for workers.

It is twice as long after each further one.
"""
_KEPT = 10
"""Jobs whose trial broke them that are kept for their logs, as long as Kubernetes keeps them."""


def ending_job(scene: Scene) -> Job | None:
    """The Job after which no other one is made; None while the search goes on.

    The last pod of a search sees that it has ended, and says so. If nobody could read that, the
    next pod sees it again.
    """
    for job in _read(scene).values():
        if job.out_of_time or any(_ends_all(pod) for pod in scene.pods_of(job.name)):
            return job
    fruitless = fruitless_jobs(scene)
    if _times(fruitless) <= _BORNE or scene.workers:
        return None
    left = (*scene.trial_jobs.values(), *scene.memory_jobs)
    return None if any(_may_work(scene, job) for job in left) else fruitless[-1]


def _ends_all(pod: PodFacts) -> bool:
    if pod.exit_code == ExitCode.NO_USE:
        return True
    said = pod.termination
    return pod.exit_code == ExitCode.DONE and said is not None and said.reason != Reason.SEARCHING


def new_numbers(scene: Scene) -> range:
    """Numbers of the Jobs that are to be made now, none of which has a Job or a pod yet."""
    pods = {
        number: pods
        for job, pods in scene.pods_by_job.items()
        if (number := scene.trial_job_number(job)) is not None
    }
    at_work = {number for number, job in scene.trial_jobs.items() if _may_work(scene, job)}
    at_work |= {
        number for number, some in pods.items() if any(is_alive(pod, scene.now) for pod in some)
    }
    first = max((*scene.trial_jobs, *pods), default=-1) + 1
    wanted = _wanted(scene) if _may_try_again(scene) else 0
    return range(first, first + max(0, wanted - len(at_work)))


def _may_try_again(scene: Scene) -> bool:
    fruitless = fruitless_jobs(scene)
    times = _times(fruitless)
    if not times:
        return True
    pause = _PAUSE * 2 ** (times - 1)
    return times <= _BORNE and scene.now >= _end(scene, fruitless[-1]) + pause


def _may_work(scene: Scene, job: Job) -> bool:
    return not (job.is_over or job.is_leaving or scene.is_left_behind(job))


def _wanted(scene: Scene) -> int:
    """Jobs at the same time: no more than there are trials for them."""
    study, lost = scene.study or StudyFacts(), {one.trial.number: one for one in losses(scene)}
    ended, kept = finished(counted(study, scene.search.trials)), len(short_of_memory(study))
    for trial in study.trials:
        loss = lost.get(trial.number)
        if trial.state == RUNNING and loss is not None and not loss.disrupted:
            ended += 1
        elif trial.state == RUNNING and (trial.doublings or (loss is not None and loss.doublings)):
            kept += 1
    left = scene.search.trials - ended - kept
    # That the budget is spent is for a pod to say: one more finds it out.
    return min(scene.search.parallelism, max(left, 0 if kept else 1))


def done_with(scene: Scene) -> Iterator[Job]:
    """Jobs whose pods have been read, and those that wait for a pod that never ends.

    The trial of a pod is ended first: of a pod that can't be read any more nobody would know
    whose fault its end was.
    """
    lost = {loss.trial.pod_uid for loss in losses(scene)}
    read, fruitless = _read(scene), {job.name for job in fruitless_jobs(scene)}
    broken = [job.name for job in read.values() if job.is_failed and not _is_fruitless(scene, job)]
    kept = {*broken[-_KEPT:], *fruitless}
    for number, job in scene.trial_jobs.items():
        is_read = number in read and job.name not in kept
        is_open = any(pod.uid in lost for pod in scene.pods_of(job.name))
        if not job.is_leaving and not is_open and (is_read or scene.is_left_behind(job)):
            yield job


def fruitless_jobs(scene: Scene) -> list[Job]:
    """The Jobs that gave up without having run a trial to any end, since one last did; by end."""
    found: list[Job] = []
    for job in sorted(_read(scene).values(), key=lambda job: _end(scene, job)):
        if _is_fruitless(scene, job):
            found.append(job)
        else:
            found.clear()
    return found


def _end(scene: Scene, job: Job) -> datetime:
    return job.ended_at or scene.now


def _times(fruitless: Iterable[Job]) -> int:
    """How often it was tried: a Job that began before another one's end is no further time."""
    times, ended = 0, None
    for job in fruitless:
        if ended is None or (job.started_at is not None and job.started_at > ended):
            times, ended = times + 1, job.ended_at
    return times


def _is_fruitless(scene: Scene, job: Job) -> bool:
    """A Job whose pods are gone is not: nobody can see what became of them."""
    pods = scene.pods_of(job.name)
    gave_up = any(pod.exit_code == ExitCode.THIS_WORKER for pod in pods)
    has_begun = any(pod.uid in scene.pods_with_trial for pod in pods)
    return job.is_failed and bool(pods) and (gave_up or not has_begun)


def _read(scene: Scene) -> dict[int, Job]:
    """The Jobs that are over, as their pods say too: a pod may have been looked at before."""
    return {
        number: job
        for number, job in scene.trial_jobs.items()
        if job.is_over and not any(is_alive(pod, scene.now) for pod in scene.pods_of(job.name))
    }
