"""Swap on a node with room for one: it says that it interrupts, and does so once and briefly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from support.installation import Installation
from support.registry import Registry
from support.steady_client import REPORT_SECONDS
from support.stories import Story

Measured = Callable[[str], None]

BUDGET_SECONDS = 240
SWAP: dict[str, Any] = {
    "strategy": "Swap",
    "swap": {"downtimeBudget": f"{BUDGET_SECONDS}s"},
    "minimumStepTime": "10s",
    "deadline": "5m",
    "bake": "10s",
}
ONE = {"minReplicas": 1, "maxReplicas": 1}
LATE_SECONDS = 12.0
"""The client gives a request up after ten; the nodes' tables of a Service take a moment."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def swapping(story: Story, registry: Registry) -> Story:
    """Version 1 serves with its only pod, under steady traffic."""
    registry.add(story.name, "good")
    story.apply(model={"alias": "champion"}, rollout=SWAP, scaling=ONE)
    story.until_serving(1)
    story.client.start(story.url)
    return story


@pytest.mark.kills
def test_a_swap_interrupts_once_within_its_budget(
    swapping: Story, registry: Registry, leadsman: Installation, measured: Measured
) -> None:
    """Requests fail while nothing serves, as announced; none before and none after.

    The operator dies in the middle, when neither version serves.
    """
    second = registry.add(swapping.name, "good")
    swapping.until(
        lambda now: any(one["reason"] == "Interrupted" for one in now["history"]),
        "the old version makes room",
    )
    leadsman.kill_operator(swapping.kubectl)
    status = swapping.until_serving(second)
    end = swapping.client.stop()

    begun, over = when(status, "Interrupted"), when(status, "Baking")
    lost = times_of_losses(swapping)
    measured(
        f"nothing served for {over - begun:.0f} s of {BUDGET_SECONDS / 2:.0f} s;"
        f" {end.failures_in_all} of {end.sent} requests failed, within {lost[-1] - lost[0]:.0f} s"
    )
    assert over - begun <= BUDGET_SECONDS / 2, swapping.describe()
    assert begun <= lost[0], swapping.describe()
    assert lost[-1] <= over + LATE_SECONDS + REPORT_SECONDS, swapping.describe()
    assert set(end.versions) == {"1", str(second)}


def test_a_swap_that_fails_goes_back(
    swapping: Story, registry: Registry, measured: Measured
) -> None:
    """The old version starts again as soon as the new one can't be served, and loses no more."""
    bad = registry.add(swapping.name, "crash")
    swapping.until_rolled_back(bad)
    status = swapping.until(
        lambda now: now["stable"].get("readyReplicas") == 1, "the old version is back"
    )
    back = swapping.counted_anew()
    swapping.until(
        lambda _: swapping.counted().answered > back.answered + 300, "it has answered for a while"
    )
    serving = swapping.counted_anew()
    swapping.until(
        lambda _: swapping.counted().answered > serving.answered + 100, "more answers are counted"
    )
    end = swapping.client.stop()

    lost = times_of_losses(swapping)
    measured(
        f"requests failed for {lost[-1] - lost[0]:.0f} s of {BUDGET_SECONDS} s that are allowed,"
        f" {end.failures_in_all} of {end.sent}"
    )
    assert when(status, "Interrupted") <= lost[0], swapping.describe()
    assert lost[-1] - lost[0] <= BUDGET_SECONDS, swapping.describe()
    assert set(end.versions) == {"1"}
    assert end.failures_in_all == serving.failures_in_all, "none after it serves again"


def when(status: Mapping[str, Any], reason: str) -> float:
    """When the history tells of something."""
    told = next(one["at"] for one in status["history"] if one["reason"] == reason)
    return datetime.fromisoformat(told).timestamp()


def times_of_losses(story: Story) -> list[float]:
    """When the client told of requests that had failed in the second before."""
    found = [
        after.at
        for before, after in pairwise(story.client.reports())
        if after.failures_in_all > before.failures_in_all
    ]
    assert found, f"with one pod a swap interrupts\n{story.describe()}"
    return found
