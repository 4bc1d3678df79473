"""Revisions that carried the traffic before: on record, so that somebody can go back to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus, RevisionStatus
from leadsman_operator.planner.scene import Scene


def kept_revisions(scene: Scene, status: ModelDeploymentStatus) -> tuple[RevisionStatus, ...]:
    """Those that can be gone back to after this plan, the latest first.

    One without a record can't be started again; the previous revision still has its pods.
    """
    previous, limit = status.previous, scene.spec.revision_history_limit
    found: dict[str, RevisionStatus] = {}
    for one in _served_before(scene, status):
        on_record = scene.live("ControllerRevision", one.name) is not None
        if on_record or (previous is not None and previous.name == one.name):
            found.setdefault(one.name, one)
    return tuple(found.values())[: max(limit, int(previous is not None))]


def _served_before(scene: Scene, status: ModelDeploymentStatus) -> Iterator[RevisionStatus]:
    """The latest first; some more than once."""
    stable, left = status.stable, scene.status.stable
    if stable is None:
        return
    if left is not None and left.name != stable.name:
        yield _at_rest(left, scene.now, _left_by(scene, status))
    yield from (one for one in scene.status.kept if one.name != stable.name)
    if status.previous is not None:  # in a status that has no such list yet
        yield _at_rest(status.previous, status.previous.since)


def _left_by(scene: Scene, status: ModelDeploymentStatus) -> str | None:
    """Who wants another stable revision of before; nobody while it is a later one that came."""
    if status.rollout is not None:
        return status.rollout.going_back_by
    return restored_by(scene.status)


def _at_rest(
    revision: RevisionStatus, since: datetime | None, left_by: str | None = None
) -> RevisionStatus:
    """What a record has to say of a revision: what it is, and since when another one serves."""
    changes = {"since": since, "keep_until": None, "replicas": 0, "ready_replicas": 0}
    return revision.model_copy(update={**changes, "left_by": left_by})


def is_restored(status: ModelDeploymentStatus) -> bool:
    """Whether the candidate has carried all of the traffic before, and somebody wants it again."""
    return restored_by(status) is not None


def restored_by(status: ModelDeploymentStatus) -> str | None:
    """Who wants it again."""
    return status.rollout.restored_by if status.rollout is not None else None
