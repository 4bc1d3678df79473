"""Copies of requests through a real gateway: what comes of them, and that nobody hears of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.installation import Installation
from support.registry import Registry
from support.stories import QUICK, Story, has_weight

Measured = Callable[[str], None]

SHADOW = {**QUICK, "strategy": "Shadow", "minimumStepTime": "20s"}
HEALTH: dict[str, Any] = {
    "conditions": [
        {"name": "errors", "type": "ErrorRate", "ratio": 1.5},
        {"name": "answers", "type": "Disagreement", "max": 0.05},
    ]
}
RATE = 50

pytestmark = pytest.mark.timeout(600)


def answers_of(status: dict[str, Any]) -> dict[str, Any]:
    """What the condition of the answers has shown."""
    conditions = status.get("evidence", {}).get("conditions", [])
    return next((one for one in conditions if one["name"] == "answers"), {})


def test_other_answers_are_found_before_anybody_gets_one(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """A version that answers quickly and well, and says the contrary."""
    first = registry.add(story.name, "good")
    traffic = leadsman.traffic_through_gateway(web)
    story.apply(model={"alias": "champion"}, rollout=SHADOW, health=HEALTH, traffic=traffic)
    story.until_serving(first)
    story.client.start(f"http://{web}/predict", rate=RATE)
    contrary = registry.add(story.name, "contrary")
    story.until(lambda now: now.get("rollout", {}).get("copiedSince"), "copies come")
    status = story.until_rolled_back(contrary)
    end = story.client.stop()

    answers = answers_of(status)
    measured(
        f"{answers.get('candidateBad')} of {answers.get('candidateTotal')} answers differed,"
        f" {end.of_version(contrary)} of them were seen;"
        f" {end.failures_in_all} of {end.sent} requests failed: {status['message']}"
    )
    assert answers["verdict"] == "Bad", story.describe()
    assert answers["candidateBad"] > 0
    assert set(end.versions) == {str(first)}, "clients heard the stable version alone"
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"


@pytest.mark.kills
def test_the_same_answers_lead_to_all_of_the_traffic(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """All at once, when enough of them were compared; in a route of the user's.

    The operator dies while copies come, and when all of the traffic has followed.
    """
    story.kubectl.apply(users_route(story, leadsman, web), namespace=story.namespace)
    first = registry.add(story.name, "good")
    story.apply(
        model={"alias": "champion"},
        rollout={**SHADOW, "shadow": {"percent": 50}},
        health=HEALTH,
        traffic={"provider": "GatewayAPI", "routeRef": {"name": "shop"}},
    )
    story.until_serving(first)
    story.client.start(f"http://{web}/predict", rate=RATE)
    second = registry.add(story.name, "good")
    story.until(lambda now: now.get("rollout", {}).get("copiedSince"), "copies come")
    leadsman.kill_operator(story.kubectl)
    assert story.counted().of_version(second) == 0
    full = story.until(has_weight(100), "all of the traffic follows")
    leadsman.kill_operator(story.kubectl)
    story.until_serving(second)
    end = story.client.stop()

    answers = answers_of(full)
    measured(
        f"{answers.get('candidateBad')} of {answers.get('candidateTotal')} answers differed;"
        f" {end.failures_in_all} of {end.sent} requests failed; answers: {end.versions}"
    )
    assert answers["candidateTotal"] > 0, story.describe()
    assert answers["candidateBad"] == 0
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"
    assert set(end.versions) == {str(first), str(second)}
    rules = story.kubectl.get("httproute", "shop", "-n", story.namespace)["spec"]["rules"]
    assert "filters" not in rules[0], rules


def users_route(story: Story, leadsman: Installation, web: str) -> dict[str, Any]:
    """A route of one rule, without a filter."""
    backends = [{"name": f"{story.name}-{arm}", "port": 80} for arm in ("stable", "candidate")]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop"},
        "spec": {
            "parentRefs": [leadsman.gateway],
            "hostnames": [web],
            "rules": [{"backendRefs": backends}],
        },
    }
