"""A model gets more pods under load, by itself."""

from __future__ import annotations

import pytest

from support.registry import Registry
from support.stories import Story

LOAD = 50
"""Requests a second: more than two small pods carry within their CPU requests."""


@pytest.mark.alone  # what the pods use of the processors is what it is about
def test_load_brings_more_pods_within_two_minutes(story: Story, registry: Registry) -> None:
    """And not one request fails meanwhile."""
    registry.add(story.name, "good")
    story.apply(
        model={"alias": "champion"},
        scaling={"minReplicas": 1, "maxReplicas": 3, "targets": {"cpuUtilization": 50}},
        serving={
            "resources": {
                "requests": {"cpu": "50m", "memory": "192Mi"},
                "limits": {"memory": "768Mi"},
            }
        },
    )
    story.until_serving(1)
    story.client.start(story.url, rate=LOAD)
    story.until(lambda status: status["stable"]["readyReplicas"] >= 2, "a second pod serves", 120)
    counted = story.client.stop()
    assert counted.failures_in_all == 0, counted
