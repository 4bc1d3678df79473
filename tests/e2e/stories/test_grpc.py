"""Calls over gRPC through a real gateway: they follow the weights, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from leadsman_api.ports import Port
from support.grpc_calls import INFERENCE_SERVICE, Calls, calling
from support.installation import Installation
from support.port_forward import forwarded
from support.registry import Registry
from support.stories import QUICK, Story, has_weight
from support.waiting import eventually

Measured = Callable[[str], None]

ROLLOUT = {**QUICK, "deadline": "40s"}
LEAST_CALLS = 20

pytestmark = pytest.mark.timeout(600)


def test_calls_follow_the_weights_in_a_rule_of_the_users(
    story: Story, registry: Registry, leadsman: Installation, web: str, measured: Measured
) -> None:
    """Both versions answer in the step, the new one alone at its end; other rules stay."""
    host = f"grpc.{web}"
    route = users_route(story, leadsman, host)
    story.kubectl.apply(route, namespace=story.namespace)
    first = registry.add(story.name, "good")
    reference = {"name": "shop", "kind": "GRPCRoute", "rule": "predict"}
    traffic = {"provider": "GatewayAPI", "routeRef": reference}
    story.apply(model={"alias": "champion"}, rollout=ROLLOUT, traffic=traffic)
    story.until_serving(first)
    with (
        forwarded(story.kubectl, leadsman.stack_namespace, "gateway", 80) as address,
        calling(address, story.name, host) as calls,
    ):
        answered(calls, first)
        second = registry.add(story.name, "good")
        story.until(has_weight(50), "the candidate gets its share")
        answered(calls, second)
        answered(calls, first)
        story.until_serving(second)
        story.until(lambda now: now["traffic"]["stable"] == 100, "all goes to the stable Service")
        answered(calls, second)

    measured(f"{len(calls.failures)} of {calls.answered + len(calls.failures)} calls failed")
    assert calls.failures == [], story.describe()
    found = story.kubectl.get("grpcroute", "shop", "-n", story.namespace)["spec"]["rules"]
    assert [one["weight"] for one in found[1]["backendRefs"]] == [100, 0]
    assert found[0]["matches"][0]["method"]["method"] == "Buy"
    assert [one["weight"] for one in found[0]["backendRefs"]] == [7, 3]


def answered(calls: Calls, version: int) -> None:
    """Wait until a version has answered some more calls."""
    seen = calls.versions[str(version)]
    eventually(
        lambda: calls.versions[str(version)] >= seen + LEAST_CALLS,
        within_seconds=60,
        what=f"version {version} answers: {calls}",
    )


def users_route(story: Story, leadsman: Installation, host: str) -> dict[str, Any]:
    """A route with a rule of somebody else's, and one for the model's calls."""

    def backends(*weights: int) -> list[dict[str, Any]]:
        return [
            {"name": f"{story.name}-{arm}", "port": int(Port.SERVING_GRPC), "weight": weight}
            for arm, weight in zip(("stable", "candidate"), weights, strict=True)
        ]

    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GRPCRoute",
        "metadata": {"name": "shop"},
        "spec": {
            "parentRefs": [leadsman.gateway],
            "hostnames": [host],
            "rules": [
                {
                    "name": "old",
                    "matches": [{"method": {"service": "example.Shop", "method": "Buy"}}],
                    "backendRefs": backends(7, 3),
                },
                {
                    "name": "predict",
                    # Contour takes no match of a service alone.
                    "matches": [{"method": {"service": INFERENCE_SERVICE, "method": "ModelInfer"}}],
                    "backendRefs": backends(100, 0),
                },
            ],
        },
    }
