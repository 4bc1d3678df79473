"""BlueGreen through a real gateway: all of the traffic at once, and the way back at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.installation import Installation
from support.registry import Registry
from support.stories import QUICK, Story, has_weight

Measured = Callable[[str], None]

RATE = 50
BLUE_GREEN = {**QUICK, "strategy": "BlueGreen", "deadline": "2m"}

pytestmark = [pytest.mark.kills, pytest.mark.timeout(600)]


@pytest.fixture
def serving(story: Story, registry: Registry, leadsman: Installation, web: str) -> Story:
    """Version 1 serves behind the gateway, under steady traffic."""
    registry.add(story.name, "good")
    traffic = leadsman.traffic_through_gateway(web)
    story.apply(model={"alias": "champion"}, rollout=BLUE_GREEN, traffic=traffic)
    story.until_serving(1)
    story.client.start(f"http://{web}/predict", rate=RATE)
    return story


def test_the_operator_dies_at_every_phase_and_nothing_is_lost(
    serving: Story, registry: Registry, leadsman: Installation, measured: Measured
) -> None:
    """While pods start, in the bake, and once it is promoted."""
    second = registry.add(serving.name, "good")
    serving.until(lambda now: now.get("candidate"), "its pods start")
    leadsman.kill_operator(serving.kubectl)
    serving.until(has_weight(100), "it has all of the traffic at once")
    leadsman.kill_operator(serving.kubectl)
    serving.until_serving(second)
    leadsman.kill_operator(serving.kubectl)
    status = serving.until(lambda now: not now.get("previous"), "the old version is not kept")
    end = serving.client.stop()

    measured(f"{end.failures_in_all} of {end.sent} requests failed; answers: {end.versions}")
    assert end.failures_in_all == 0, f"{end}\n{serving.describe()}"
    assert set(end.versions) == {"1", str(second)}
    assert status["stable"]["version"] == second


def test_a_bad_version_goes_back_from_all_of_the_traffic(
    serving: Story, registry: Registry, leadsman: Installation, measured: Measured
) -> None:
    """The operator dies when the bad version has everything, and with the verdict."""
    bad = registry.add(serving.name, "errors")
    serving.until(has_weight(100), "it has all of the traffic at once")
    leadsman.kill_operator(serving.kubectl)
    serving.until(lambda now: now.get("blocked"), "it is found to be bad")
    leadsman.kill_operator(serving.kubectl)
    serving.until_rolled_back(bad)
    after = serving.counted_anew()
    serving.more_answers()
    end = serving.client.stop()

    measured(f"{end.failures_in_all} of {end.sent} requests failed: {end.failed_by_version}")
    assert set(end.failed_by_version) == {str(bad)}, f"{end}\n{serving.describe()}"
    assert end.failures_in_all == after.failures_in_all, "no bad answer after the way back"
