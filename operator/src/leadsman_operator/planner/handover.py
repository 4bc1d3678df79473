"""When one arm can do without the other: requests go from ready pods to ready pods alone."""

from __future__ import annotations

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus, RevisionStatus
from leadsman_operator.facts import Unknown
from leadsman_operator.planner.routing.traffic import ALL_CANDIDATE, carries
from leadsman_operator.planner.scene import Scene
from leadsman_operator.planner.troubles import Trouble


def held_back(scene: Scene, candidate: RevisionStatus) -> Trouble | None:
    """Why a candidate with all of the traffic can't do without the stable revision yet.

    It may have lost pods since its bake began, and the other ones shrink once it is promoted.
    """
    if not carries(scene, ALL_CANDIDATE):
        return Trouble(Reason.BAKING, "the gateway has not taken up the weights yet", final=False)
    stable = scene.status.stable
    wanted = scene.replicas(candidate.name)
    needed = max(1, min(wanted, scene.replicas(stable.name)) if stable else wanted)
    ready = scene.ready(candidate.name)
    if ready >= needed:
        return None
    message = f"{ready} of {needed} pods of version {candidate.version} are ready"
    return Trouble(Reason.STARTING, message, final=False)


def unseen(scene: Scene) -> Trouble | None:
    """Why nobody sees how the candidate does: by itself nothing is promoted then."""
    counts = scene.observation.counts
    if not isinstance(counts, Unknown):
        return None
    return Trouble(counts.reason, counts.message, final=False)


def strands(scene: Scene, after: ModelDeploymentStatus) -> bool:
    """Whether requests would go from the only pods that are ready to none.

    A swap does so by design, and says how long.
    """
    stable, candidate, rollout = scene.status.stable, scene.status.candidate, scene.status.rollout
    if stable is None or candidate is None or not scene.status.weight:
        return False
    if rollout is not None and rollout.ready_by is not None:
        return False
    takes_back = not after.weight and after.stable is not None and after.stable.name == stable.name
    return takes_back and not scene.ready(stable.name) and scene.ready(candidate.name) > 0
