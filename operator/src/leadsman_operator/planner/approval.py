"""Whether a person has to say yes before a candidate gets more of the traffic."""

from __future__ import annotations

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_deployment_status import DeploymentPhase, RevisionStatus
from leadsman_api.v1alpha1.rollout import ApprovalPoint, RolloutApproval
from leadsman_operator.planner.course import Course, stay
from leadsman_operator.planner.kept import is_restored
from leadsman_operator.planner.scene import FULL, Scene
from leadsman_operator.planner.shadow import share


def waiting_for_approval(scene: Scene, candidate: RevisionStatus, goal: int) -> Course | None:
    """Where it stands while a person has to say yes to a weight: that takes as long as it takes.

    It is a pause: what waits for the candidate's evidence has its time after it.
    """
    approval, rollout = scene.spec.rollout.approval, scene.status.rollout
    due = {
        ApprovalPoint.FIRST_STEP: not scene.status.weight,
        ApprovalPoint.EVERY_STEP: True,
        ApprovalPoint.PROMOTION: goal == FULL,
    }[approval.before]
    if not approval.required or not due or is_restored(scene.status):
        return None
    if _is_granted(approval, candidate.version, goal):
        return None
    message = (
        f"version {candidate.version} waits for an approval to get {share(goal)} of the traffic:"
        " write rollout.approval.granted"
    )
    if rollout is not None and rollout.paused_at is None:
        rollout = rollout.model_copy(update={"paused_at": scene.now})
    return stay(
        scene, DeploymentPhase.PAUSED, Reason.WAITING_FOR_APPROVAL, message, rollout=rollout
    )


def _is_granted(approval: RolloutApproval, version: int, goal: int) -> bool:
    granted = approval.granted
    if granted is None or granted.version != version:
        return False
    return approval.before is not ApprovalPoint.EVERY_STEP or (granted.step or 0) >= goal
