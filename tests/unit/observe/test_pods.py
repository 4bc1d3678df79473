"""What decides anything about a pod, from the pod as the API server has it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leadsman_operator.observe.pods import pod_facts


@pytest.mark.parametrize(
    ("status", "since"),
    [("True", datetime(2026, 11, 1, 12, tzinfo=UTC)), ("False", None)],
)
def test_since_when_a_pod_is_ready(status: str, since: datetime | None) -> None:
    """The moment of the last change says so, of a pod that is ready."""
    ready = {"type": "Ready", "status": status, "lastTransitionTime": "2026-11-01T12:00:00Z"}
    facts = pod_facts({"metadata": {"name": "a", "uid": "a"}, "status": {"conditions": [ready]}})
    assert (facts.ready, facts.ready_since) == (since is not None, since)
