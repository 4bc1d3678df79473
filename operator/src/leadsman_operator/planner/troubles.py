"""Why the pods of a revision are not ready, in one reason and one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leadsman_api.reasons import Reason
from leadsman_operator.facts import PodFacts

_CANT_BE_MENDED = frozenset(
    {
        Reason.DIGEST_MISMATCH,
        Reason.UNSAFE_FORMAT,
        Reason.UNSUPPORTED_FLAVOR,
        Reason.REQUIREMENTS_MISMATCH,
        Reason.LOAD_FAILED,
    }
)
"""What our containers say of the model itself: another try gives the same answer."""
_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CRASH_LOOP = "CrashLoopBackOff"
_CONFIGURATION = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_OUT_OF_MEMORY = "OOMKilled"
_CRASHES = 2
"""Restarts without becoming ready after which a pod is called crashing."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a revision from being ready."""

    reason: Reason
    message: str
    final: bool
    """Waiting does not help: the revision itself is at fault."""


def trouble_of(pods: Iterable[PodFacts]) -> Trouble | None:
    """The gravest trouble of a revision's pods; None when every pod is on its way or ready."""
    found = [trouble for pod in pods if (trouble := _of_pod(pod)) is not None]
    return max(found, key=lambda trouble: trouble.final, default=None)


def _of_pod(pod: PodFacts) -> Trouble | None:
    if pod.deleting or pod.ready:
        return None
    return _said(pod) or _seen(pod)


def _said(pod: PodFacts) -> Trouble | None:
    """What our own program wrote before it ended."""
    said = pod.termination
    if said is None or said.reason in (Reason.VERIFIED, Reason.AS_DESIRED):
        return None
    if said.reason in _CANT_BE_MENDED:
        return Trouble(said.reason, said.message, final=True)
    return Trouble(said.reason, f"pod {pod.name}: {said.message}", final=False)


def _seen(pod: PodFacts) -> Trouble | None:
    """What Kubernetes says of the pod."""
    if pod.unschedulable is not None:
        return Trouble(
            Reason.UNSCHEDULABLE, f"no node takes pod {pod.name}: {pod.unschedulable}", final=False
        )
    if pod.waiting in _IMAGE:
        return Trouble(
            Reason.IMAGE_UNAVAILABLE,
            f"pod {pod.name}: {pod.waiting_message or pod.waiting}",
            final=False,
        )
    if pod.waiting in _CONFIGURATION:
        return Trouble(
            Reason.REFUSED,
            f"pod {pod.name} can't start: {pod.waiting_message or pod.waiting}",
            final=False,
        )
    if pod.waiting == _CRASH_LOOP or pod.restarts >= _CRASHES:
        return _crash(pod)
    return None


def _crash(pod: PodFacts) -> Trouble:
    if pod.exit_reason == _OUT_OF_MEMORY:
        return Trouble(
            Reason.OUT_OF_MEMORY,
            f"pod {pod.name} was ended {pod.restarts} times for using more memory than its limit:"
            " raise spec.serving.resources.limits.memory",
            final=True,
        )
    said = f": {pod.termination.message}" if pod.termination else ""
    return Trouble(
        Reason.CRASHING,
        f"pod {pod.name} ended {pod.restarts} times, the last time with code {pod.exit_code}{said}",
        final=True,
    )


def ready_count(pods: Sequence[PodFacts]) -> int:
    """Pods that take requests."""
    return sum(pod.ready and not pod.deleting for pod in pods)
