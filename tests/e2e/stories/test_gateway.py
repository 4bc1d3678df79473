"""Traffic through a real gateway: weights reach it quickly and truly, and nothing is lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from support.installation import Installation
from support.kubectl import Kubectl
from support.registry import Registry
from support.steady_client import NAME as CLIENT
from support.stories import QUICK, Story
from support.waiting import eventually

_logger = logging.getLogger(__name__)

RATE = 100
WEIGHT = 10
POINTS = 2.0
"""Of the share that is counted; at this rate the step's requests vary by half a point."""
REACHES_SECONDS = 2.0
ROLLOUT = {**QUICK, "steps": [WEIGHT], "minimumStepTime": "40s"}


pytestmark = pytest.mark.timeout(600)  # a step long enough to count its share


@pytest.fixture
def web(story: Story, leadsman: Installation) -> Iterator[str]:
    """A name in the story's namespace that leads to the gateway: what clients call."""
    address = f"gateway.{leadsman.stack_namespace}.svc.cluster.local"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"type": "ExternalName", "externalName": address},
    }
    story.kubectl.apply(service, namespace=story.namespace)
    yield f"web.{story.namespace}.svc"
    story.kubectl(
        "-n", story.namespace, "delete", "modeldeployment", story.name, "--timeout=60s", timeout=70
    )


def parent(leadsman: Installation) -> dict[str, str]:
    """The Gateway of the stack."""
    return {"name": "gateway", "namespace": leadsman.stack_namespace}


def reports(kubectl: Kubectl, namespace: str) -> list[dict[str, Any]]:
    """All that the client has told, a line a second."""
    lines = kubectl("-n", namespace, "logs", CLIENT).splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def of_version(report: dict[str, Any], version: int) -> int:
    """Answers of a version until a report."""
    return int(report["versions"].get(str(version), 0))


def test_a_weight_reaches_the_traffic_and_nothing_is_lost(
    story: Story, registry: Registry, leadsman: Installation, web: str
) -> None:
    """Within two seconds and two points; from the first to the last request 0 failed."""
    first = registry.add(story.name, "good")
    gateway = {
        "parentRefs": [parent(leadsman)], "hostnames": [web], "grpcHostnames": [f"grpc.{web}"]
    }  # fmt: skip
    story.apply(
        model={"alias": "champion"}, rollout=ROLLOUT,
        traffic={"provider": "GatewayAPI", "gateway": gateway},
    )  # fmt: skip
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
    end = story.client.stop()

    told = reports(story.kubectl, story.namespace)
    begun = next(report for report in told if of_version(report, second))
    inside = [one for one in told if written + REACHES_SECONDS <= one["at"] < ended]
    answers = inside[-1]["answered"] - inside[0]["answered"]
    share = 100 * (of_version(inside[-1], second) - of_version(inside[0], second)) / answers
    _logger.info(
        "first answer within %.1f s of the write (reports are 1 s apart), %.2f percent of %d"
        " requests of the step, %d sent, %d failed",
        begun["at"] - written, share, answers, end.sent, end.failures_in_all,
    )  # fmt: skip
    assert begun["at"] - written <= REACHES_SECONDS + 1.0, "a report tells of the second before it"
    assert abs(share - WEIGHT) <= POINTS, (share, answers)
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"


def test_the_way_back_loses_nothing_and_leaves_the_users_route_alone(
    story: Story, registry: Registry, leadsman: Installation, web: str
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

    _logger.info("%d sent, %d failed, by version %s", end.sent, end.failures_in_all, end.versions)
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"
    assert end.versions.get(str(second), 0) > 0, "it had traffic"
    found = story.kubectl.get("httproute", "shop", "-n", story.namespace)["spec"]
    mine = found["rules"][1]
    assert [one["weight"] for one in mine["backendRefs"]] == [100, 0]
    assert mine["filters"] == route["spec"]["rules"][1]["filters"]
    assert found["rules"][0]["filters"] == route["spec"]["rules"][0]["filters"]
    assert len(found["rules"]) == 2


def test_the_operator_dies_at_every_phase_and_nothing_is_lost(
    story: Story, registry: Registry, leadsman: Installation, web: str
) -> None:
    """While the candidate has its share, and while it has everything: the next one goes on."""
    gateway = {"parentRefs": [parent(leadsman)], "hostnames": [web]}
    first = registry.add(story.name, "good")
    story.apply(model={"alias": "champion"}, traffic={"provider": "GatewayAPI", "gateway": gateway})
    story.until_serving(first)
    story.client.start(f"http://{web}/predict")
    second = registry.add(story.name, "good")
    for weight in (50, 100):
        story.until(has_weight(weight), f"it has {weight} percent")
        story.kubectl(
            "-n", leadsman.operator_namespace, "delete", "pods", "-l", leadsman.operator_selector,
            "--force", "--grace-period=0",
        )  # fmt: skip
    story.until_serving(second)
    end = story.client.stop()

    _logger.info("%d sent, %d failed, by version %s", end.sent, end.failures_in_all, end.versions)
    assert end.failures_in_all == 0, f"{end}\n{story.describe()}"
    assert set(end.versions) == {str(first), str(second)}


def has_weight(weight: int) -> Callable[[dict[str, Any]], bool]:
    """Whether a status gives the candidate so many percent."""
    return lambda now: now.get("weight") == weight


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
            "parentRefs": [parent(leadsman)],
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
