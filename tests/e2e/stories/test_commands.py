"""People lead rollouts with `kubectl leadsman`, as it is installed, while clients go on asking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.installation import Installation
from support.registry import Registry
from support.stories import QUICK, Story, has_weight

Measured = Callable[[str], None]

RATE = 50
SLOW = {"minimumStepTime": "2m"}
"""Steps that only a person ends in the time that a story takes."""
LED: dict[str, Any] = {
    **QUICK,
    "steps": [20, 50],
    "approval": {"required": True},
    "bake": "10m",
    "keepPrevious": "10m",
}
"""A step ends by itself when the evidence is good; promotion and bake wait for people."""
MOST_REQUESTS = 1000
"""Of a candidate, until its condition speaks against it: it has all of the traffic by then."""
BAKED = {**QUICK, **SLOW, "steps": [20], "bake": "10m"}
TURNS_BAD = {
    "name": "requests", "type": "PromQL", "max": MOST_REQUESTS,
    "query": 'sum(leadsman_requests_total{namespace="$(namespace)",revision="$(revision)"})',
}  # fmt: skip

pytestmark = pytest.mark.timeout(600)


def test_a_canary_goes_as_people_say(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """Paused, resumed, approved, promoted and taken back after that; the next one is aborted.

    Then the second one serves again, from its record: it has no pods any more.
    """
    first = registry.add(story.name, "good")
    spec: dict[str, Any] = {
        "model": {"alias": "champion"}, "traffic": leadsman.traffic_through_gateway(web)
    }  # fmt: skip
    story.apply(rollout={**LED, **SLOW}, **spec)
    story.until_serving(first)
    story.client.start(f"http://{web}/predict", rate=RATE)

    second = registry.add(story.name, "good")
    story.until(has_weight(20), "the first step begins")
    pause_and_resume(story, spec)
    lead_to_the_bake(story, second)
    story.lead("promote")
    story.until_serving(second)
    story.lead("rollback", "--because", "a customer has complained")
    story.until_rolled_back(second)
    assert story.version("stable") == first

    third = registry.add(story.name, "good")
    story.until(has_weight(20), "the next version has its first step")
    story.lead("abort", "--because", "trained on the wrong month")
    story.until_rolled_back(third)
    go_back_to_the_record(story, second)
    told = story.lead("history")
    end = story.client.stop()

    measured(f"{end.failures_in_all} of {end.sent} requests failed; answers: {end.versions}")
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"
    assert set(end.versions) == {str(one) for one in (first, second, third)}
    assert "a customer has complained" in told
    assert "trained on the wrong month" in told
    assert "the customer was mistaken" in told


def go_back_to_the_record(story: Story, version: int) -> None:
    """To what served before and has no pods; what the alias points at is held back."""
    before = story.version("stable")
    kept = next(one["name"] for one in story.status()["kept"] if one["version"] == version)
    assert not story.pods_of(kept), story.describe()
    story.lead("rollback", "--to", str(version), "--because", "the customer was mistaken")
    story.until(has_weight(100), "it gets everything in one step, without an approval")
    story.more_answers(5 * RATE)
    story.lead("promote")
    now = story.until(
        lambda now: now["phase"] == "RolledBack" and not now.get("candidate"),
        "it serves, and is not what the alias points at",
    )
    assert now["stable"]["version"] == version, story.describe()
    assert now["kept"][0]["version"] == before, story.describe()


def pause_and_resume(story: Story, spec: dict[str, Any]) -> None:
    """Stop the first step, which goes on by good evidence otherwise."""
    story.lead("pause", "--because", "the numbers are looked at first")
    story.apply(rollout=LED, **spec)
    story.until(lambda now: now["evidence"]["verdict"] == "Good", "nothing else holds it")
    story.more_answers(5 * RATE)
    paused = story.status()
    assert (paused["phase"], paused["weight"]) == ("Paused", 20), story.describe()
    story.apply(rollout={**LED, **SLOW}, **spec)
    story.lead("resume")


def lead_to_the_bake(story: Story, version: int) -> None:
    """End both steps, and approve."""
    story.lead("promote")
    story.until(has_weight(50), "its first step is skipped")
    story.lead("promote")
    held = story.until(
        lambda now: "waits for an approval" in now["message"], "it waits before it gets everything"
    )
    assert (held["phase"], held["weight"]) == ("Paused", 50)
    assert f"version {version} is approved by" in story.lead("approve")
    story.until(has_weight(100), "the bake begins")


def test_a_version_that_turns_bad_in_its_bake_goes_back(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """From all of the traffic, without a failed request; a CI job knows it by the exit code."""
    first = registry.add(story.name, "good")
    story.apply(
        model={"alias": "champion"},
        rollout=BAKED,
        health={"conditions": [TURNS_BAD]},
        traffic=leadsman.traffic_through_gateway(web),
    )
    story.until_serving(first)
    story.client.start(f"http://{web}/predict", rate=RATE)
    second = registry.add(story.name, "good")
    story.until(has_weight(20), "the first step begins")
    story.lead("promote", "--full")
    story.lead("wait", "--for", "full-traffic", "--version", str(second), "--timeout", "60s")
    story.lead("wait", "--version", str(second), "--timeout", "3m", exits=ROLLED_BACK)
    status = story.until_rolled_back(second)
    end = story.client.stop()

    told = next(one["message"] for one in status["history"] if one["reason"] == "RolledBack")
    measured(f"{end.failures_in_all} of {end.sent} requests failed; {told}")
    assert "the query gives" in told, story.describe()
    assert status["stable"]["version"] == first
    assert end.of_version(second) > MOST_REQUESTS / 2, "the bake had all of the traffic"
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"


ROLLED_BACK = 3
"""What `wait` ends with when the version did not come through."""
