"""The beginning of a rollout and its two ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from leadsman_api.durations import format_duration
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_deployment_status import (
    BlockedRevision,
    DeploymentPhase,
    RevisionStatus,
    RolloutStatus,
)
from leadsman_operator.planner.course import Course, move
from leadsman_operator.planner.kept import restored_by
from leadsman_operator.planner.revision import Revision
from leadsman_operator.planner.scene import FULL, Scene
from leadsman_operator.planner.swap import only_arm

MOST_BLOCKED = 20


def begin(scene: Scene, wanted: Revision) -> Course:
    """Start the pods of a new revision beside the stable ones; nothing is blocked any more."""
    stable = scene.status.stable
    if stable is None:
        raise ValueError("a rollout needs a stable revision")
    return move(
        scene,
        DeploymentPhase.ROLLING_OUT,
        Reason.PROGRESSING,
        f"rolling out version {wanted.version} beside version {stable.version}",
        candidate=wanted.as_status(scene.now),
        previous=None,
        rollout=RolloutStatus(
            step=0,
            step_weight=(*scene.spec.rollout.weights, FULL)[0],
            started_at=scene.now,
            step_started_at=scene.now,
        ),
        weight=0,
        evidence=None,
        blocked=(),
    )


def restore(scene: Scene, kept: RevisionStatus, by: str, message: str) -> Course:
    """Start the pods of a revision of before from its record, beside the stable ones.

    It was judged when it came: no step is left, so that it gets all of the traffic when its pods
    are ready. What the spec asks for is not what it is, and stays blocked if it was.
    """
    return move(
        scene,
        DeploymentPhase.ROLLING_OUT,
        Reason.COMMANDED,
        message,
        candidate=kept.model_copy(update={"since": scene.now, "left_by": None}),
        previous=None,
        rollout=RolloutStatus(
            step=len(scene.spec.rollout.weights),
            step_weight=FULL,
            started_at=scene.now,
            step_started_at=scene.now,
            restored_by=by,
        ),
        weight=0,
        evidence=None,
        blocked=without(scene.status.blocked, kept.name),
    )


def without(blocked: Iterable[BlockedRevision], name: str) -> tuple[BlockedRevision, ...]:
    """What is blocked but for one revision."""
    return tuple(one for one in blocked if one.name != name)


def roll_back(scene: Scene, reason: Reason, why: str) -> Course:
    """Give all traffic to the stable revision and block the candidate."""
    stable, candidate = scene.status.stable, scene.status.candidate
    if stable is None or candidate is None:
        raise ValueError("a rollback needs a stable revision and a candidate")
    return move(
        scene,
        DeploymentPhase.ROLLING_BACK,
        Reason.ROLLED_BACK,
        f"rolled back from version {candidate.version} to {stable.version} {_after(scene)}: {why}",
        weight=0,
        blocked=_blocked(scene, candidate, reason),
    )


def _after(scene: Scene) -> str:
    rollout = scene.status.rollout
    if rollout is None:
        return "at once"
    return f"after {format_duration(_whole_seconds(scene.since(rollout.started_at)))}"


def _whole_seconds(duration: timedelta) -> timedelta:
    return timedelta(seconds=round(duration.total_seconds()))


def promote(scene: Scene, message: str) -> Course:
    """The candidate becomes the stable revision, and that one the previous.

    After a swap there is no previous one: nothing has room to keep it warm.
    """
    stable, candidate = scene.status.stable, scene.status.candidate
    if stable is None or candidate is None:
        raise ValueError("a promotion needs a stable revision and a candidate")
    keep_until = scene.now + scene.spec.rollout.keep_previous
    kept = stable.model_copy(update={"since": scene.now, "keep_until": keep_until})
    blocked = scene.status.blocked
    by = restored_by(scene.status)
    if by is not None:
        # The spec asks for it still, and somebody has gone away from it.
        message = f"{message}; {by} went back to it from version {stable.version}"
        blocked = _blocked(scene, stable, Reason.ABORTED)
    return move(
        scene,
        DeploymentPhase.STABLE,
        Reason.PROMOTED,
        message,
        stable=candidate.model_copy(update={"since": scene.now}),
        candidate=None,
        previous=kept if only_arm(scene.spec, scene.status) is None else None,
        rollout=None,
        weight=None,
        blocked=blocked,
    )


def _blocked(scene: Scene, revision: RevisionStatus, reason: Reason) -> tuple[BlockedRevision, ...]:
    """What is blocked, with one revision more."""
    one = BlockedRevision(name=revision.name, version=revision.version, at=scene.now, reason=reason)
    return (one, *without(scene.status.blocked, revision.name))[:MOST_BLOCKED]
