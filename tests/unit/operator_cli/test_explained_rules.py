"""What `explain` says of the rule that decides, and of pods that have failed."""

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


def page(judge: Mapping[str, Any], **evidence: Any) -> list[str]:
    """The lines of a rollout under a rule."""
    manifest = {
        "metadata": {"name": "churn", "namespace": "ml"},
        "spec": {"health": {"judge": judge}},
        "status": {"evidence": {**EVIDENCE, **evidence}},
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


def test_pods_that_have_failed_are_told() -> None:
    """Of both revisions, by the time that they were ready; and which one it was."""
    failures = {
        "verdict": "Undecided",
        "logEvidence": 3.0,
        "latest": "pod churn-2-a ended with code 139",
        "candidateFailures": 1,
        "candidateSeconds": 90.2,
        "stableFailures": 0,
        "stableSeconds": 3600.0,
    }
    lines = page({"rule": "Sequential"}, failures=failures)
    assert lines[-5:] == [
        "pods Undecided  pods that fail while they are ready",
        "  stable     0 failures in 1h of ready pods",
        "  candidate  1 failures in 1m30s of ready pods",
        "  latest     pod churn-2-a ended with code 139",
        "  evidence   20.1",
    ]


def test_labels_that_cannot_be_read_say_why() -> None:
    """In the words of Prometheus; nobody sees else why nothing ever comes."""
    said = "Prometheus refused the query: parse error"
    lines = page({}, conditions=[{"name": "quality", "verdict": "Blind", "unread": said}])
    assert f"  unread     {said}" in lines
