"""What the pods of a model owe to clients with kept connections: rollouts, scaling, protocols."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from leadsman_api.ports import Port
from support import workloads
from support.asking_pod import Ask, ask_from_a_pod
from support.grpc_calls import call
from support.kubectl import Kubectl
from support.pod_counts import Counts, read_counts, shares_from
from support.port_forward import forwarded
from support.registry import Registry
from support.steady_client import Counted, rows
from support.stories import SMALL, Story
from support.waiting import eventually

RATE = 150
KEPT = 16
CROWD = 200
"""Connections of the clients that never open one by themselves: enough that chance alone, by
which Services spread them, leaves no pod below half of its share once in a thousand runs."""
CROWD_RATE = 80
SETTLED_SECONDS = 10
"""After this time a new pod has its share."""
MEASURED_SECONDS = 10
SAMPLE = 0.25


def is_ready_since(pod: dict[str, Any]) -> float | None:
    """When a pod became ready, in seconds since 1970."""
    for one in pod["status"].get("conditions", []):
        if one["type"] == "Ready" and one["status"] == "True":
            return datetime.fromisoformat(one["lastTransitionTime"]).timestamp()
    return None


def assert_nothing_was_lost(story: Story, counted: Counted, kept: int) -> None:
    """Every request was answered, and no connection ended without an answer that said so."""
    assert counted.failures_in_all == 0, f"{counted}\n{story.describe()}"
    assert counted.opened <= kept + counted.closed, counted


def test_a_rollout_of_the_pods_under_load_loses_nothing(
    story: Story, registry: Registry, kubectl: Kubectl
) -> None:
    """`kubectl rollout restart`: each pod gives way to another, 0 failed requests, none cut."""
    registry.add(story.name, "good")
    story.apply(model={"alias": "champion"}, scaling={"minReplicas": 2, "maxReplicas": 2})
    revision = story.until_serving(1)["stable"]["name"]
    before = {pod["metadata"]["uid"] for pod in story.pods_of(revision)}
    story.client.start(story.url, RATE, kept=KEPT, fresh=0.1)

    space = ("-n", story.namespace)
    kubectl(*space, "rollout", "restart", f"deployment/{revision}")
    kubectl(*space, "rollout", "status", f"deployment/{revision}", "--timeout=180s", timeout=190)
    eventually(
        lambda: not before & {pod["metadata"]["uid"] for pod in story.pods_of(revision)},
        within_seconds=90,
        what="the pods from before have ended",
    )
    story.counted_anew()
    counted = story.client.stop()

    assert_nothing_was_lost(story, counted, KEPT)
    assert counted.closed >= KEPT, "connections to the pods that went had to move"
    template = kubectl.get(f"deployment/{revision}", *space)["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]
    assert story.status()["stable"]["readyReplicas"] == 2


def test_pods_that_are_added_get_their_share_within_seconds(
    story: Story, registry: Registry, kubectl: Kubectl
) -> None:
    """From clients that only keep connections; the model takes these over to new pods by itself."""
    registry.add(story.name, "good")
    story.apply(
        model={"alias": "champion"},
        scaling={"minReplicas": 2, "maxReplicas": 4, "targets": {"cpuUtilization": 100}},
        serving={
            "resources": {
                "requests": {"cpu": "200m", "memory": "192Mi"},
                "limits": {"memory": "768Mi"},
            }
        },
    )
    revision = story.until_serving(1)["stable"]["name"]
    story.client.start(story.url, CROWD_RATE, kept=CROWD, fresh=0)
    old = {pod["metadata"]["name"] for pod in story.pods_of(revision)}
    assert len(old) == 2

    kubectl("-n", story.namespace, "scale", "modeldeployment", story.name, "--replicas=4")
    seen: list[Counts] = []
    since: dict[str, float] = {}

    def measured() -> bool:
        pods = {pod["metadata"]["name"]: is_ready_since(pod) for pod in story.pods_of(revision)}
        since.update({name: at for name, at in pods.items() if at is not None and name not in old})
        seen.append(read_counts(kubectl, story.namespace, pods))
        whole = SETTLED_SECONDS + MEASURED_SECONDS
        return len(since) == 2 and seen[-1].at > max(since.values()) + whole

    eventually(measured, within_seconds=180, what="two more pods have served for a while")
    counted = story.client.stop()
    shares = {pod: shares_from(at + SETTLED_SECONDS, seen)[pod] for pod, at in since.items()}
    assert min(shares.values()) >= 0.5, f"{shares} of {len(old) + len(since)} pods: {seen}"
    assert_nothing_was_lost(story, counted, CROWD)


def test_every_protocol_is_answered_by_the_same_model(
    story: Story, registry: Registry, kubectl: Kubectl
) -> None:
    """Ours, KServe's first, MLflow's and the Open Inference Protocol; and a page tells of them."""
    registry.add(story.name, "good")
    story.apply(model={"alias": "champion"})
    story.until_serving(1)
    named = rows(30)
    plain = [list(row.values()) for row in named]
    tensor = {"name": "input-0", "datatype": "FP64", "shape": [30, 30], "data": plain}
    root = story.url.removesuffix("/predict")
    ours, mlflow, first, second, ready, tells, docs = ask_from_a_pod(
        kubectl,
        story.namespace,
        [
            Ask(f"{root}/predict", {"rows": named}),
            Ask(f"{root}/invocations", {"dataframe_records": named}),
            Ask(f"{root}/v1/models/{story.name}:predict", {"instances": plain}),
            Ask(f"{root}/v2/models/{story.name}/infer", {"inputs": [tensor]}),
            Ask(f"{root}/v2/models/{story.name}/ready"),
            Ask(f"{root}/openapi.json"),
            Ask(f"{root}/docs"),
        ],
    )

    grpc_port = int(Port.SERVING_GRPC)
    with forwarded(kubectl, story.namespace, story.name, grpc_port) as address:
        called = call(address, story.name, plain)

    predictions = ours.body["predictions"]
    assert set(predictions) == {0, 1}
    assert mlflow.body["predictions"] == predictions
    assert first.body["predictions"] == predictions
    assert second.body["outputs"][0]["data"] == predictions
    assert list(called.outputs[0].contents.int64_contents) == predictions
    assert second.body["model_version"] == called.model_version == "1"
    assert ready.status == 200
    assert "/predict" in tells.body["paths"]
    assert (docs.status, "swagger" in docs.text) == (200, True)


def test_a_sample_of_the_payloads_reaches_a_sink(
    story: Story, registry: Registry, kubectl: Kubectl
) -> None:
    """As CloudEvents, both halves of each, and without one failed request."""
    kubectl.apply(
        workloads.pod("sink", workloads.sink_command()),
        workloads.service("sink"),
        namespace=story.namespace,
    )
    version = registry.add(story.name, "good")
    log = {"sink": f"http://sink.{story.namespace}.svc/events", "sample": SAMPLE}
    story.apply(model={"alias": "champion"}, serving={**SMALL, "payloadLog": log})
    revision = story.until_serving(version)["stable"]["name"]
    story.client.start(story.url, rate=40)
    story.until(lambda _: story.counted().answered > 600, "the model has answered for a while", 90)
    counted = story.client.stop()

    def events() -> list[dict[str, Any]]:
        lines = kubectl("-n", story.namespace, "logs", "sink").splitlines()
        return [json.loads(line) for line in lines]

    expected = counted.answered * SAMPLE
    eventually(
        lambda: len(events()) > 2 * 0.7 * expected, within_seconds=30, what="the sample has come"
    )
    taken = events()
    halves = {
        kind: {event["id"]: event for event in taken if event["type"].endswith(kind)}
        for kind in (".request", ".response")
    }
    assert halves[".request"].keys() == halves[".response"].keys()
    assert len(halves[".request"]) == pytest.approx(expected, rel=0.3)
    assert {event["modelrevision"] for event in taken} == {revision}
    assert {event["host"] for event in taken} == {
        pod["metadata"]["name"] for pod in story.pods_of(revision)
    }
    assert all(len(one["data"]["features"]) == 30 for one in halves[".request"].values())
    assert {one["data"]["prediction"] for one in halves[".response"].values()} <= {0, 1}
    assert counted.failures_in_all == 0, counted
