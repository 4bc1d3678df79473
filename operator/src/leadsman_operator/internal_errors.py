"""What people see of a bug: conditions that say whose fault it is.

Written beside whatever the status holds, without reading it as a resource: perhaps that is
what fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leadsman_api.conditions import Condition, ConditionStatus, ConditionType
from leadsman_api.reasons import Reason
from leadsman_operator.facts import Manifest, ObjectRef
from leadsman_operator.ports import World

_TRUE, _FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE
_WORDS = {ConditionType.RECONCILING: _FALSE, ConditionType.STALLED: _TRUE}


async def write_internal_error(ref: ObjectRef, error: Exception, world: World) -> None:
    """Say in the status that the operator has a bug; raises EdgeError when that can't be said."""
    found = await world.cluster.read(ref)
    if found is None:
        return
    message = f"a bug in the operator, whose log has the details: {type(error).__name__}"
    changed = with_internal_error(found, message, world.clock.now())
    if changed["status"] != found.get("status"):
        await world.cluster.write_status(changed)


def with_internal_error(resource: Manifest, message: str, now: datetime) -> dict[str, Any]:
    """The resource with the conditions of a bug, and the others as they were."""
    status = resource.get("status", {})
    known = {one["type"]: one for one in status.get("conditions", ())}
    generation = resource["metadata"].get("generation", 0)
    for kind, word in _WORDS.items():
        since = _since(known.get(kind), word)
        known[kind] = {
            **Condition(
                type=kind,
                status=word,
                reason=Reason.INTERNAL_ERROR,
                message=message,
                last_transition_time=now,
                observed_generation=generation,
            ).to_wire(),
            **({"lastTransitionTime": since} if since else {}),
        }
    return {**resource, "status": {**status, "conditions": list(known.values())}}


def _since(before: Mapping[str, Any] | None, word: ConditionStatus) -> str | None:
    """When the condition got the status that it keeps; None when it changes."""
    if before is None or before["status"] != word:
        return None
    return str(before["lastTransitionTime"])
