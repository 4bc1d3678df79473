"""Swap: where there is room for one revision only, the stable one goes before the candidate comes.

The one exception to the law that the stable revision never shrinks before the candidate is
ready. It is announced: from the moment that the stable revision makes room, the status says
until when the candidate has to be ready.
"""

from __future__ import annotations

from leadsman_api.v1alpha1.model_deployment import ModelDeploymentSpec
from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus, RevisionStatus
from leadsman_api.v1alpha1.rollout import Strategy


def only_arm(spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> RevisionStatus | None:
    """The one arm that may have pods, while a swap has room for one; None where both may.

    What has been begun as a swap ends as one, whatever the spec says by then.
    """
    stable, candidate, rollout = status.stable, status.candidate, status.rollout
    if stable is None or candidate is None or rollout is None:
        return None
    if rollout.ready_by is None:
        waits = spec.rollout.strategy is Strategy.SWAP and not status.weight
        return stable if waits else None
    goes_back = any(blocked.name == candidate.name for blocked in status.blocked)
    return stable if goes_back else candidate


def is_interrupted(status: ModelDeploymentStatus) -> bool:
    """Whether nothing serves, for the stable revision has made room for the candidate."""
    rollout = status.rollout
    return rollout is not None and rollout.ready_by is not None and not status.weight
