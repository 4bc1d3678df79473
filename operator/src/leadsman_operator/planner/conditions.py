"""Conditions as Kubernetes means them: one a type, and a time that only a new status moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leadsman_api.conditions import Condition, ConditionStatus, ConditionType
from leadsman_api.reasons import Reason

_LONGEST = 32768


@dataclass(frozen=True, slots=True)
class Change:
    """What is now known of one condition."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str


def updated(
    conditions: tuple[Condition, ...], *changes: Change, now: datetime, generation: int
) -> tuple[Condition, ...]:
    """The conditions after the changes, in the order in which they were first known.

    `lastTransitionTime` moves only when the status of a condition does.
    """
    known = {condition.type: condition for condition in conditions}
    for change in changes:
        before = known.get(change.type)
        same = before is not None and before.status is change.status
        known[change.type] = Condition(
            type=change.type,
            status=change.status,
            reason=change.reason,
            message=change.message[:_LONGEST],
            last_transition_time=before.last_transition_time if before and same else now,
            observed_generation=generation,
        )
    return tuple(known.values())
