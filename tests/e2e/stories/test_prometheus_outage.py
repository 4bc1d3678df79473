"""Prometheus is away for five minutes in the middle of a rollout behind a gateway."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.installation import Installation
from support.registry import Registry
from support.steady_client import RATE
from support.stories import QUICK, Story, has_weight

Measured = Callable[[str], None]

OUTAGE_SECONDS = 300
ROLLOUT = {**QUICK, "minimumStepTime": "60s"}
"""The step is long enough for Prometheus to go in it; its deadline is over before it is back."""

pytestmark = [
    pytest.mark.outage, pytest.mark.xdist_group("prometheus"), pytest.mark.timeout(900)
]  # fmt: skip


def test_a_rollout_waits_for_prometheus(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """No data is no evidence: the weights stay, nothing is lost, and then it goes on."""
    # Both at the start: others may take MLflow away later.
    first, second = (registry.add(story.name, "good", alias=None) for _ in range(2))
    traffic = leadsman.traffic_through_gateway(web)
    story.apply(model={"version": first}, rollout=ROLLOUT, traffic=traffic)
    story.until_serving(first)
    story.client.start(f"http://{web}/predict")
    story.apply(model={"version": second}, rollout=ROLLOUT, traffic=traffic)
    story.until(has_weight(50), "the candidate gets its share")
    leadsman.scale(story.kubectl, "prometheus", 0)
    try:
        gone = story.counted_anew()
        story.until(
            lambda now: (now.get("evidence") or {}).get("verdict") == "Blind",
            "the rollout is without data",
        )
        waited = story.counted().at - gone.at
        story.more_answers(int((OUTAGE_SECONDS - waited) * RATE))
        away = story.counted().at - gone.at
        status = story.status()
        assert status["evidence"]["verdict"] == "Blind", story.describe()
        assert (status["candidate"]["version"], status["weight"]) == (second, 50)
    finally:
        leadsman.scale(story.kubectl, "prometheus", 1)
    status = story.until_serving(second)
    end = story.client.stop()

    measured(f"{end.failures_in_all} of {end.sent} requests failed; away for {away:.0f} s")
    assert away >= OUTAGE_SECONDS - 1, "reports are a second apart"
    assert "RolledBack" not in {one["reason"] for one in status["history"]}
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"
