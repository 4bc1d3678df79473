"""From pods as the API server has them to what decides anything about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadsman_api.termination import Termination
from leadsman_operator.facts import Manifest, PodFacts
from leadsman_operator.planner.render.training_pod import CONTAINER

Container = Mapping[str, Any]


def pod_facts(pod: Manifest) -> PodFacts:
    """What is known of one pod."""
    metadata, status = pod["metadata"], pod.get("status", {})
    conditions = {one["type"]: one for one in status.get("conditions", [])}
    main = status.get("containerStatuses", [])
    every = [*status.get("initContainerStatuses", []), *main]
    waiting = _waiting(every)
    ended = _ended_last(every)
    return PodFacts(
        name=metadata["name"],
        uid=metadata["uid"],
        labels=dict(metadata.get("labels", {})),
        ready=_is(conditions, "Ready"),
        ready_since=_since(conditions, "Ready"),
        deleting="deletionTimestamp" in metadata,
        leaves_at=_time(metadata.get("deletionTimestamp")),
        phase=status.get("phase", "Pending"),
        disrupted=_is(conditions, "DisruptionTarget"),
        restarts=sum(one.get("restartCount", 0) for one in main),
        waiting=waiting.get("reason"),
        waiting_message=waiting.get("message"),
        exit_code=ended.get("exitCode"),
        exit_reason=ended.get("reason"),
        termination=Termination.from_text(ended.get("message")),
        unschedulable=_unschedulable(conditions),
        image_digest=_digest(main),
        node=pod.get("spec", {}).get("nodeName"),
        ip=status.get("podIP"),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _is(conditions: Mapping[str, Container], kind: str) -> bool:
    return conditions.get(kind, {}).get("status") == "True"


def _since(conditions: Mapping[str, Container], kind: str) -> datetime | None:
    """Since when a condition is true."""
    return _time(conditions[kind].get("lastTransitionTime")) if _is(conditions, kind) else None


def _unschedulable(conditions: Mapping[str, Container]) -> str | None:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return str(scheduled.get("message", "no node fits"))
    return None


def _waiting(containers: Sequence[Container]) -> Mapping[str, Any]:
    """Why the first container that should run does not; the usual start of a pod is no reason."""
    usual = ("PodInitializing", "ContainerCreating")
    for container in containers:
        waiting: Mapping[str, Any] | None = container.get("state", {}).get("waiting")
        if waiting is not None and waiting.get("reason") not in usual:
            return waiting
    return {}


def _ended_last(containers: Sequence[Container]) -> Mapping[str, Any]:
    """The end of a container that came last; one that failed before one that was done."""
    return max(
        _ends(containers),
        key=lambda end: (end.get("exitCode", 0) != 0, end.get("finishedAt") or ""),
        default={},
    )


def _ends(containers: Sequence[Container]) -> Iterator[Mapping[str, Any]]:
    for container in containers:
        for state in ("lastState", "state"):
            ended = container.get(state, {}).get("terminated")
            if ended is not None:
                yield ended


def _digest(containers: Sequence[Container]) -> str | None:
    """What trains, and not what somebody puts beside it.

    An image of a registry has its repository before the digest, one that was loaded onto the node
    a made-up name (`import-2026-11-30@sha256:…`) or none.
    """
    for container in containers:
        _, found, digest = str(container.get("imageID", "")).rpartition("sha256:")
        if found and container["name"] == CONTAINER:
            return f"sha256:{digest}"
    return None
