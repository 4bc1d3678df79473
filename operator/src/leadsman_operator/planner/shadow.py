"""Shadow: the candidate first gets copies of requests, whose answers nobody sees.

A step of weight 0 is one of copies: the stable revision answers everybody meanwhile.
"""

from __future__ import annotations

from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus


def is_copied(status: ModelDeploymentStatus) -> bool:
    """Whether requests are to be copied to the candidate; never to one that was rolled back."""
    candidate, rollout = status.candidate, status.rollout
    if candidate is None or rollout is None or rollout.copied_since is None:
        return False
    return all(blocked.name != candidate.name for blocked in status.blocked)


def is_asked(status: ModelDeploymentStatus) -> bool:
    """Whether the candidate gets requests, be it copies."""
    return bool(status.weight) or is_copied(status)


def share(weight: int) -> str:
    """What a step gives a candidate, in words."""
    return f"{weight} percent" if weight else "copies"
