"""Traffic through a real gateway: weights reach it quickly and truly, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from support.grpc_calls import call
from support.installation import Installation
from support.port_forward import forwarded
from support.registry import Registry
from support.steady_client import rows
from support.stories import QUICK, Story, has_weight
from support.waiting import eventually

Measured = Callable[[str], None]

RATE = 100
WEIGHT = 10
POINTS = 2.0
"""Of the share that is counted; at this rate the step's requests vary by half a point."""
REACHES_SECONDS = 2.0
ROLLOUT = {**QUICK, "steps": [WEIGHT], "minimumStepTime": "40s"}


pytestmark = pytest.mark.timeout(600)  # a step long enough to count its share


def test_a_weight_reaches_the_traffic_and_nothing_is_lost(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """Within two seconds and two points; from the first to the last request 0 failed."""
    first = registry.add(story.name, "good")
    traffic = leadsman.traffic_through_gateway(web)
    traffic["gateway"]["grpcHostnames"] = [f"grpc.{web}"]
    story.apply(model={"alias": "champion"}, rollout=ROLLOUT, traffic=traffic)
    story.until_serving(first)
    story.client.start(f"http://{web}/predict", rate=RATE)
    second = registry.add(story.name, "good")
    stepped = story.until(lambda now: now.get("weight") == WEIGHT, "the step begins")
    written = datetime.fromisoformat(stepped["traffic"]["writtenAt"]).timestamp()
    full = story.until(lambda now: now.get("weight") == 100, "the step ends")
    ended = datetime.fromisoformat(full["traffic"]["writtenAt"]).timestamp()
    story.until_serving(second)
    eventually(
        lambda: len(story.status()["traffic"]) and story.status()["traffic"]["stable"] == 100,
        within_seconds=30,
        what="all goes to the stable Service",
    )
    called = over_grpc(story, leadsman, f"grpc.{web}")
    end = story.client.stop()

    told = story.client.reports()
    begun = next(report for report in told if report.of_version(second))
    inside = [one for one in told if written + REACHES_SECONDS <= one.at < ended]
    answers = inside[-1].answered - inside[0].answered
    share = 100 * (inside[-1].of_version(second) - inside[0].of_version(second)) / answers
    measured(
        f"first answer within {begun.at - written:.1f} s of the write (reports are 1 s apart),"
        f" {share:.2f} percent of {answers} requests of the step,"
        f" {end.failures_in_all} of {end.sent} requests failed"
    )
    assert begun.at - written <= REACHES_SECONDS + 1.0, "a report tells of the second before it"
    assert abs(share - WEIGHT) <= POINTS, (share, answers)
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"
    assert called.model_version == str(second)


def test_the_way_back_loses_nothing_and_leaves_the_users_route_alone(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """A version that a condition speaks against goes by two weights of one rule."""
    route = users_route(story, leadsman, web)
    story.kubectl.apply(route, namespace=story.namespace)
    never = {
        "name": "business", "type": "PromQL", "min": 1,
        "query": 'count(leadsman_requests_total{namespace="$(namespace)",'
        'revision="$(revision)"}) * 0',
    }  # fmt: skip
    first = registry.add(story.name, "good")
    story.apply(
        model={"alias": "champion"},
        health={"conditions": [never]},
        traffic={"provider": "GatewayAPI", "routeRef": {"name": "shop", "rule": "predict"}},
    )
    story.until_serving(first)
    story.client.start(f"http://{web}/predict", rate=RATE)
    second = registry.add(story.name, "good")
    story.until(lambda now: now.get("weight") == 50, "the candidate gets its share")
    story.until_rolled_back(second)
    end = story.client.stop()

    measured(f"{end.failures_in_all} of {end.sent} requests failed; answers: {end.versions}")
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"
    assert end.versions.get(str(second), 0) > 0, "it had traffic"
    found = story.kubectl.get("httproute", "shop", "-n", story.namespace)["spec"]
    mine = found["rules"][1]
    assert [one["weight"] for one in mine["backendRefs"]] == [100, 0]
    assert mine["filters"] == route["spec"]["rules"][1]["filters"]
    assert found["rules"][0]["filters"] == route["spec"]["rules"][0]["filters"]
    assert len(found["rules"]) == 2


@pytest.mark.kills
def test_the_operator_dies_at_every_phase_and_nothing_is_lost(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """While pods start, while the candidate has its share, and while it has everything."""
    first = registry.add(story.name, "good")
    story.apply(model={"alias": "champion"}, traffic=leadsman.traffic_through_gateway(web))
    story.until_serving(first)
    story.client.start(f"http://{web}/predict")
    second = registry.add(story.name, "good")
    story.until(lambda now: now.get("candidate"), "its pods start")
    leadsman.kill_operator(story.kubectl)
    for weight in (50, 100):
        story.until(has_weight(weight), f"it has {weight} percent")
        leadsman.kill_operator(story.kubectl)
    story.until_serving(second)
    end = story.client.stop()

    measured(f"{end.failures_in_all} of {end.sent} requests failed; answers: {end.versions}")
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"
    assert set(end.versions) == {str(first), str(second)}


@pytest.mark.kills
def test_the_operator_dies_on_the_way_back(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """With the first evidence, and with the verdict: the next one comes to the same end."""
    first = registry.add(story.name, "good")
    story.apply(model={"alias": "champion"}, traffic=leadsman.traffic_through_gateway(web))
    story.until_serving(first)
    story.client.start(f"http://{web}/predict")
    bad = registry.add(story.name, "broken")
    story.until(lambda _: story.counted().of_version(bad), "the bad version has answered")
    leadsman.kill_operator(story.kubectl)
    story.until(lambda now: now.get("blocked"), "it is found to be bad")
    leadsman.kill_operator(story.kubectl)
    story.until_rolled_back(bad)
    end = story.client.stop()

    measured(f"{end.failures_in_all} of {end.sent} requests failed: {end.failed_by_version}")
    assert set(end.failed_by_version) == {str(bad)}, f"{end}\n{story.describe()}"


def over_grpc(story: Story, leadsman: Installation, host: str) -> Any:
    """The gateway's answer to one call."""
    with forwarded(story.kubectl, leadsman.stack_namespace, "gateway", 80) as address:
        return call(address, story.name, [list(rows(1)[0].values())], host)


def users_route(story: Story, leadsman: Installation, web: str) -> dict[str, Any]:
    """A route with a rule of somebody else, and filters of the user's."""
    backends = [{"name": f"{story.name}-{arm}", "port": 80} for arm in ("stable", "candidate")]
    added = {"set": [{"name": "x-shop", "value": "yes"}]}
    moved = {"hostname": "example.com", "statusCode": 302}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop"},
        "spec": {
            "parentRefs": [leadsman.gateway],
            "hostnames": [web],
            "rules": [
                {
                    "name": "old",
                    "matches": [{"path": {"type": "PathPrefix", "value": "/old"}}],
                    "filters": [{"type": "RequestRedirect", "requestRedirect": moved}],
                },
                {
                    "name": "predict",
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": added}],
                    "backendRefs": backends,
                },
            ],
        },
    }
