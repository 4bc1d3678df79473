"""Trials whose pod is gone: ended exactly, and run again when it was not their fault.

The study is read before and after the pods. So a trial that runs both times and whose pod is not
alive in between has lost its pod for certain: a pod's uid never comes back, and a pod that
started in between can't have asked for a trial that was there before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute
from leadsman_api.termination import ExitCode
from leadsman_operator.facts import PodFacts, TrialFacts
from leadsman_operator.planner.plan import Action, EndRun, EnqueueTrial, Event, FailTrial
from leadsman_operator.planner.training.scene import Scene, is_alive
from leadsman_operator.planner.training.trials import FAILED, RUNNING
from leadsman_operator.planner.training.troubles import OUT_OF_MEMORY, out_of_memory

_KILLED, _FAILED = "KILLED", "FAILED"
_WAITING_FOR_WORK = frozenset({"Running", "Unknown"})
"""Phases of a pod whose program may have asked for a trial."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A trial that lost its pod."""

    trial: TrialFacts
    reason: Reason
    error: str
    disrupted: bool
    """It counts for nothing, and may be run again."""
    doublings: int = 0
    """How often the memory has to be doubled for it then, where it ran out just now."""


def losses(scene: Scene) -> tuple[Loss, ...]:
    """The trials that nobody runs any more."""
    if scene.study is None:
        return ()
    pods = {pod.uid: pod for pod in scene.observation.cluster.pods}
    running = [trial for trial in scene.study.trials if trial.state == RUNNING]
    orphans = _nobody_asks(scene, running)
    return tuple(
        _loss(scene, trial, pods.get(trial.pod_uid or ""))
        for trial in running
        if (orphans if trial.pod_uid is None else not _is_run(trial, pods, scene.now))
    )


def _is_run(trial: TrialFacts, pods: Mapping[str, PodFacts], now: datetime) -> bool:
    pod = pods.get(trial.pod_uid or "")
    return pod is not None and is_alive(pod, now)


def _nobody_asks(scene: Scene, running: list[TrialFacts]) -> bool:
    """Whether no pod can be the one that asked for a trial which names none yet.

    A worker names its pod right after it asked, and runs one trial at a time: when every pod
    that is alive runs another trial, whoever asked is dead.
    """
    busy = {trial.pod_uid for trial in running}
    return all(pod.uid in busy for pod in scene.workers if pod.phase in _WAITING_FOR_WORK)


def _loss(scene: Scene, trial: TrialFacts, pod: PodFacts | None) -> Loss:
    if pod is None:
        return Loss(trial, Reason.PREEMPTED, "its pod is gone", disrupted=True)
    if pod.phase not in ("Succeeded", "Failed"):
        error = f"node {pod.node} of pod {pod.name} does not answer"
        return Loss(trial, Reason.PREEMPTED, error, disrupted=True)
    if pod.exit_code == ExitCode.THIS_WORKER:
        said = pod.termination
        error = said.message if said else f"pod {pod.name} could not go on"
        return Loss(trial, said.reason if said else Reason.CRASHING, error, disrupted=True)
    if pod.exit_reason == OUT_OF_MEMORY and not pod.disrupted:
        return _out_of_memory(scene, trial, pod)
    # One that is told to go and does not listen is killed when its time is up.
    if pod.disrupted or pod.deleting or pod.exit_code == ExitCode.PREEMPTED:
        return Loss(trial, Reason.PREEMPTED, f"pod {pod.name} was taken away", disrupted=True)
    why = f" ({pod.exit_reason})" if pod.exit_reason else ""
    error = f"pod {pod.name} ended with code {pod.exit_code}{why}"
    return Loss(trial, Reason.CRASHING, error, disrupted=False)


def _out_of_memory(scene: Scene, trial: TrialFacts, pod: PodFacts) -> Loss:
    """Its own fault in the end, after it had twice as much as often as the spec allows.

    Without a limit nobody knows what it was that was not enough.
    """
    resources, doublings = scene.spec.trainer.resources, trial.doublings + 1
    again = "memory" in resources.limits and doublings <= scene.search.retries.out_of_memory
    factor = 2**doublings
    limit = resources.limits["memory"].times(factor) if again else None
    error = out_of_memory(scene.resource, pod.name, trial.doublings)
    if limit is None:
        return Loss(trial, Reason.OUT_OF_MEMORY, error, disrupted=False)
    error = f"{error}; it is run again with {limit}"
    return Loss(trial, Reason.OUT_OF_MEMORY, error, disrupted=True, doublings=doublings)


def end_losses(scene: Scene) -> tuple[Action, ...]:
    """End what is lost, for a search that does not go on."""
    return tuple(_endings(losses(scene)))


def reap(scene: Scene) -> tuple[Action, ...]:
    """End what is lost, then run again what was disrupted."""
    lost = losses(scene)
    return (*_endings(lost), *_retries(scene, lost))


def lost_events(scene: Scene) -> Iterator[Event]:
    """What to tell of the trials that are lost."""
    for loss in losses(scene):
        yield Event(loss.reason, f"trial {loss.trial.number} is lost: {loss.error}", warning=True)


def _endings(lost: tuple[Loss, ...]) -> Iterator[Action]:
    """The trial comes last: until it has ended, a crash lets all of it be done again."""
    for loss in lost:
        trial, because = loss.trial, f"trial {loss.trial.number} is lost: {loss.error}"
        if trial.run_id is not None:
            yield EndRun(trial.run_id, _KILLED if loss.disrupted else _FAILED, {}, because)
        attributes: dict[str, Any] = {
            TrialAttribute.DISRUPTED.value: loss.disrupted,
            TrialAttribute.ERROR.value: loss.error,
        }
        if loss.doublings:
            attributes[TrialAttribute.DOUBLINGS.value] = loss.doublings
        yield FailTrial(trial.number, attributes, because)


def _retries(scene: Scene, lost: tuple[Loss, ...]) -> Iterator[EnqueueTrial]:
    """Disrupted trials that were not run again yet, as long as there is leave.

    Those that need more memory are no work for any worker: they are asked for by one who has it.
    """
    trials = scene.study.trials if scene.study else ()
    again = {trial.retry_of for trial in trials if trial.retry_of is not None}
    spent = sum(trial.retry_of is not None and not trial.doublings for trial in trials)
    left = scene.search.retries.disruptions - spent
    disrupted = {loss.trial.number for loss in lost if loss.disrupted and not loss.doublings}
    disrupted |= {trial.number for trial in trials if trial.state == FAILED and trial.disrupted}
    # A trial that had no parameters yet is made up for by asking for another one.
    waiting = [
        trial
        for trial in trials
        if trial.number in disrupted
        and trial.number not in again
        and trial.parameters
        and not trial.doublings
    ]
    for trial in waiting[: max(0, left)]:
        yield EnqueueTrial(
            dict(trial.parameters),
            {TrialAttribute.RETRY_OF.value: trial.number},
            f"trial {trial.number} lost its pod and is run again",
        )
