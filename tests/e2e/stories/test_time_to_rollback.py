"""How long a bad candidate keeps its traffic, as a client sees it behind a real gateway."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.installation import Installation
from support.registry import Registry
from support.steady_client import REPORT_SECONDS, Counted
from support.stories import QUICK, Story

WEIGHT = 20
"""Percent: at 20 requests a second the candidate gets four."""
MAX_LATENCY = {"name": "latency", "type": "Latency", "maxLatency": "50ms", "quantile": 0.9}
ERRORS = {"name": "errors", "type": "ErrorRate", "ratio": 1.5}

BAR_SECONDS = {"broken": 15, "errors": 30, "slow": 60}
"""Of a version whose every answer is an error, of one with a fifth of errors, of a slow one."""

Measured = Callable[[str], None]
pytestmark = pytest.mark.timeout(600)


def seconds_with_traffic(reports: list[Counted], version: int) -> float:
    """From a version's first answer to its last, at the most: a report tells of its second."""
    counts = [report.of_version(version) for report in reports]
    first = next(place for place, count in enumerate(counts) if count)
    last = next(place for place, count in enumerate(counts) if count == counts[-1])
    return reports[last].at - reports[first].at + REPORT_SECONDS


@pytest.mark.parametrize("kind", BAR_SECONDS)
def test_a_bad_candidate_leaves_the_traffic_in_time(
    story: Story,
    registry: Registry,
    leadsman: Installation,
    web: str,
    measured: Measured,
    kind: str,
) -> None:
    """Counted from its first answer; nothing fails but what it has answered itself."""
    first = registry.add(story.name, "good")
    story.apply(
        model={"alias": "champion"},
        rollout={**QUICK, "steps": [WEIGHT]},
        health={"conditions": [ERRORS, MAX_LATENCY]},
        traffic=leadsman.traffic_through_gateway(web),
    )
    story.until_serving(first)
    story.client.start(f"http://{web}/predict")
    bad = registry.add(story.name, kind)
    story.until_rolled_back(bad)
    end = story.client.stop()

    seconds = seconds_with_traffic(story.client.reports(), bad)
    measured(
        f"{seconds:.0f} s from its first answer to its last, {end.of_version(bad)} answers of it,"
        f" {end.failures_in_all} of {end.sent} requests failed"
    )
    assert seconds <= BAR_SECONDS[kind], story.describe()
    assert set(end.failed_by_version) <= {str(bad)}, end
