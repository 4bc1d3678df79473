"""The status, written once, when it says something new."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leadsman_api import ModelDeployment, TrainingRun
from leadsman_api.conditions import Condition, ConditionStatus, ConditionType
from leadsman_api.reasons import Reason
from leadsman_operator.errors import EdgeError, Refused
from leadsman_operator.facts import Manifest
from leadsman_operator.planner.conditions import Change, updated
from leadsman_operator.planner.plan import Event
from leadsman_operator.ports import Cluster


async def write_status(manifest: Manifest, status: Mapping[str, Any], cluster: Cluster) -> bool:
    """Write a status in wire form if it differs; tells whether it did.

    Raises Conflict when the resource has changed since it was read.
    """
    if dict(status) == dict(manifest.get("status") or {}):
        return False
    await cluster.write_status({**manifest, "status": status})
    return True


async def tell(manifest: Manifest, events: tuple[Event, ...], cluster: Cluster) -> None:
    """Record the events."""
    for event in events:
        await cluster.record_event(manifest, event.reason, event.message, warning=event.warning)


def with_error(
    resource: ModelDeployment | TrainingRun, error: EdgeError, now: datetime
) -> dict[str, Any]:
    """The status as it was, with conditions that tell of an action that failed.

    Nothing else of the plan's status may be written: it says what is true once all is done.
    """
    status = resource.status
    conditions = updated(
        status.conditions,
        *_of_error(error),
        now=now,
        generation=resource.metadata.generation or 0,
    )
    return status.model_copy(update={"conditions": conditions}).to_wire()


def _of_error(error: EdgeError) -> tuple[Change, ...]:
    """A refusal is the user's to mend; anything else is tried again."""
    refused = isinstance(error, Refused)
    stuck = ConditionStatus.TRUE if refused else ConditionStatus.FALSE
    return (
        Change(ConditionType.RECONCILING, ConditionStatus.TRUE, error.reason, error.message),
        Change(ConditionType.STALLED, stuck, error.reason, error.message),
    )


def with_invalid_spec(manifest: Manifest, message: str, now: datetime) -> dict[str, Any]:
    """The raw status with the condition that the spec is not understood; nothing else is lost."""
    status: dict[str, Any] = dict(manifest.get("status") or {})
    generation = manifest["metadata"].get("generation", 0)
    kept = [one for one in status.get("conditions", []) if one["type"] != ConditionType.STALLED]
    before = next(
        (one for one in status.get("conditions", []) if one["type"] == ConditionType.STALLED), None
    )
    condition = Condition(
        type=ConditionType.STALLED,
        status=ConditionStatus.TRUE,
        reason=Reason.SPEC_INVALID,
        message=message,
        last_transition_time=now,
        observed_generation=generation,
    ).to_wire()
    if before is not None and before["status"] == ConditionStatus.TRUE:
        condition["lastTransitionTime"] = before["lastTransitionTime"]
    return {**status, "conditions": [*kept, condition], "observedGeneration": generation}
