"""What a resource says of a bug in the operator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from leadsman_operator.internal_errors import with_internal_error

NOW = datetime(2026, 1, 1, tzinfo=UTC)
READY = {"type": "Ready", "status": "True", "reason": "AsDesired"}


def resource(*conditions: dict[str, Any]) -> dict[str, Any]:
    """A resource with a status that holds more than conditions."""
    return {
        "metadata": {"name": "churn", "generation": 3},
        "status": {"phase": "Stable", "conditions": list(conditions), "unknown": 1},
    }


def conditions(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Conditions by their type."""
    return {one["type"]: one for one in found["status"]["conditions"]}


def test_the_resource_is_stalled_by_an_internal_error() -> None:
    """Tools that understand kstatus see a failure; the rest of the status is left alone."""
    found = with_internal_error(resource(READY), "a bug", NOW)

    assert conditions(found)["Ready"] == READY
    stalled = conditions(found)["Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "InternalError")
    assert (stalled["message"], stalled["observedGeneration"]) == ("a bug", 3)
    assert conditions(found)["Reconciling"]["status"] == "False"
    assert (found["status"]["phase"], found["status"]["unknown"]) == ("Stable", 1)


def test_the_same_bug_again_changes_nothing() -> None:
    """So that a bug does not write a status each time it comes back."""
    first = with_internal_error(resource(), "a bug", NOW)
    second = with_internal_error(first, "a bug", NOW.replace(year=2027))

    assert second["status"] == first["status"]


def test_a_resource_without_a_status_gets_one() -> None:
    """It may fail at its very first reconcile."""
    found = with_internal_error({"metadata": {"name": "churn"}}, "a bug", NOW)

    assert set(conditions(found)) == {"Reconciling", "Stalled"}
