"""Bad versions are taken back by themselves, and every bad answer is counted."""

from __future__ import annotations

from typing import Any

import pytest

from support.registry import Registry
from support.stories import Story, reason

MOST_BAD_SHARE = 0.25
"""Of the requests that were sent from the alias' move to the end of the rollback."""


@pytest.mark.parametrize(
    ("kind", "health", "words"),
    [
        (
            "errors",
            [{"name": "errors", "type": "ErrorRate", "ratio": 1.5, "max": 0.05}],
            "requests failed at the candidate",
        ),
        (
            "slow",
            [{"name": "latency", "type": "Latency", "maxLatency": "50ms", "quantile": 0.9}],
            "requests were too slow at the candidate",
        ),
        (
            "good",
            [
                {
                    "name": "business",
                    "type": "PromQL",
                    "query": "count(leadsman_requests_total"
                    '{namespace="$(namespace)",revision="$(revision)"}) * 0',
                    "min": 1,
                }
            ],
            "the query gives 0, healthy is at least 1",
        ),
    ],
    ids=["errors", "latency", "promql"],
)
def test_a_bad_version_is_rolled_back(
    story: Story, registry: Registry, kind: str, health: list[dict[str, Any]], words: str
) -> None:
    """The traffic goes back, the version is blocked, and the history has the evidence."""
    first = registry.add(story.name, "good")
    story.apply(model={"alias": "champion"}, health={"conditions": health})
    story.until_serving(first)
    story.client.start(story.url)
    bad = registry.add(story.name, kind)
    story.until_rolled_back(bad)
    # What is asked from here on is answered by the good version alone.
    after = story.counted_anew()
    status = story.until(
        lambda _: story.counted().answered > after.answered + 100, "more answers are counted"
    )
    end = story.client.stop()
    assert status["stable"]["version"] == first
    told = next(one for one in status["history"] if one["reason"] == "RolledBack")
    assert words in told["message"], story.describe()
    assert reason(status, "Ready") == "RolledBack"
    assert end.failures_in_all <= MOST_BAD_SHARE * end.sent, end
    assert end.failed_by_version.get(str(first), 0) == 0, end
    assert end.failures_in_all == after.failures_in_all, "no bad answer after the rollback"
    if kind != "errors":
        assert end.failures_in_all == 0, end
