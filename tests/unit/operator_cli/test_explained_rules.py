"""What `explain` says of the rule that decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from leadsman_operator.cli.explain_view import explained

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
EVIDENCE = {
    "verdict": "Undecided",
    "because": "errors: 1 of 20 requests failed",
    "since": "2026-11-01T11:50:00Z",
    "conditions": [
        {"name": "errors", "verdict": "Undecided", "failedChecks": 1, "passedChecks": 2}
    ],
}


def page(judge: Mapping[str, Any]) -> list[str]:
    """The lines of a rollout under a rule."""
    manifest = {
        "metadata": {"name": "churn", "namespace": "ml"},
        "spec": {"health": {"judge": judge}},
        "status": {"evidence": EVIDENCE},
    }
    return [str(line) for block in explained(manifest, NOW) for line in block]


@pytest.mark.parametrize(
    ("judge", "line"),
    [
        (
            {"rule": "Argo"},
            "rule Argo: it is taken back when a condition fails more than 3 checks, one each 1m",
        ),
        (
            {"rule": "Argo", "failures": 0, "interval": "30s"},
            "rule Argo: it is taken back when a condition fails more than 0 checks, one each 30s",
        ),
        (
            {"rule": "Flagger", "failures": 5},
            "rule Flagger: it is taken back when 5 checks have failed, one each 1m",
        ),
        (
            {"rule": "Flagger", "failures": 0},
            "rule Flagger: it is taken back when 1 checks have failed, one each 1m",
        ),
    ],
)
def test_how_many_checks_a_threshold_rule_bears(judge: Mapping[str, Any], line: str) -> None:
    """Beside how many have failed so far."""
    lines = page(judge)
    assert line in lines
    assert "  checks     1 failed, 2 passed" in lines


def test_the_sequential_rule_needs_no_word() -> None:
    """Its evidence and its bar are told instead."""
    assert not any(line.startswith("rule") for line in page({"rule": "Sequential"}))
