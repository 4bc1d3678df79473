"""The beginning of a rollout and its two ends."""

from __future__ import annotations

from datetime import timedelta

from leadsman_api.durations import format_duration
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_deployment_status import (
    BlockedRevision,
    DeploymentPhase,
    RolloutStatus,
)
from leadsman_operator.planner.course import Course, move
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


def roll_back(scene: Scene, reason: Reason, why: str) -> Course:
    """Give all traffic to the stable revision and block the candidate."""
    stable, candidate = scene.status.stable, scene.status.candidate
    if stable is None or candidate is None:
        raise ValueError("a rollback needs a stable revision and a candidate")
    blocked = BlockedRevision(
        name=candidate.name, version=candidate.version, at=scene.now, reason=reason
    )
    return move(
        scene,
        DeploymentPhase.ROLLING_BACK,
        Reason.ROLLED_BACK,
        f"rolled back from version {candidate.version} to {stable.version} {_after(scene)}: {why}",
        weight=0,
        blocked=(blocked, *scene.status.blocked)[:MOST_BLOCKED],
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
    )
