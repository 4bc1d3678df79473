"""Why the pods of a training do not work, in one reason and one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leadsman_api import TrainingRun
from leadsman_api.reasons import Reason
from leadsman_api.termination import ExitCode
from leadsman_operator.facts import PodFacts

OUT_OF_MEMORY = "OOMKilled"
MEMORY_FIELD = "spec.trainer.resources.limits.memory"
_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CONFIGURATION = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_NO_TROUBLE = frozenset({Reason.AS_DESIRED, Reason.PREEMPTED})


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps pods from working."""

    reason: Reason
    message: str


def waiting_trouble(pods: Iterable[PodFacts]) -> Trouble | None:
    """What keeps the first pod that waits from starting; None when none waits."""
    found = (_of_waiting(pod) for pod in pods if not pod.deleting)
    return next((trouble for trouble in found if trouble is not None), None)


def ended_trouble(resource: TrainingRun, pods: Iterable[PodFacts]) -> Trouble | None:
    """Why the pods ended that did not end well: the gravest cause of all of them."""
    ended = [pod for pod in pods if pod.exit_code not in (None, ExitCode.DONE)]
    # Of the pods of a Job that is given up the others are told to go: theirs is no cause.
    ended.sort(key=lambda pod: (_gravity(pod), pod.name))
    return next((_of_ended(resource, pod) for pod in ended), None)


def _of_waiting(pod: PodFacts) -> Trouble | None:
    if pod.unschedulable is not None:
        return Trouble(Reason.UNSCHEDULABLE, f"no node takes pod {pod.name}: {pod.unschedulable}")
    if pod.waiting in _IMAGE:
        return Trouble(
            Reason.IMAGE_UNAVAILABLE, f"pod {pod.name}: {pod.waiting_message or pod.waiting}"
        )
    if pod.waiting in _CONFIGURATION:
        return Trouble(
            Reason.REFUSED,
            f"pod {pod.name} can't start: {pod.waiting_message or pod.waiting}",
        )
    return None


def _gravity(pod: PodFacts) -> int:
    """What our program is sure of comes first, then memory, then any other end."""
    if pod.exit_code == ExitCode.NO_USE:
        return 0
    if pod.exit_reason == OUT_OF_MEMORY:
        return 1
    return 3 if pod.disrupted or pod.exit_code == ExitCode.PREEMPTED else 2


def _of_ended(resource: TrainingRun, pod: PodFacts) -> Trouble:
    if pod.exit_reason == OUT_OF_MEMORY:
        return Trouble(Reason.OUT_OF_MEMORY, out_of_memory(resource, pod.name))
    said = pod.termination
    if said is not None and said.reason not in _NO_TROUBLE:
        return Trouble(said.reason, said.message)
    if pod.disrupted or pod.exit_code == ExitCode.PREEMPTED:
        return Trouble(Reason.PREEMPTED, f"pod {pod.name} was taken away")
    why = f" ({pod.exit_reason})" if pod.exit_reason else ""
    return Trouble(
        Reason.CRASHING, f"pod {pod.name} ended with code {pod.exit_code}{why}: its log says why"
    )


def out_of_memory(resource: TrainingRun, pod: str, doublings: int = 0) -> str:
    """One sentence with the limit, which was doubled so often, and the field that raises it."""
    limit = resource.spec.trainer.resources.limits.get("memory")
    if limit is None:
        return (
            f"pod {pod} was ended because its node ran out of memory: give it a request that"
            f" fits in spec.trainer.resources.requests.memory and a limit in {MEMORY_FIELD}"
        )
    return (
        f"pod {pod} used more memory than its limit of {limit.times(2**doublings)}:"
        f" raise {MEMORY_FIELD}"
    )
