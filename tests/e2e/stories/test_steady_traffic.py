"""One model's whole life under steady traffic, without one failed request."""

from __future__ import annotations

import pytest

from devcluster.engine import Engine
from support.installation import Installation
from support.kubectl import Kubectl
from support.registry import Registry
from support.stories import Story
from support.waiting import eventually

pytestmark = pytest.mark.alone


def test_nothing_is_lost_over_the_life_of_a_model(
    story: Story, registry: Registry, leadsman: Installation, kubectl: Kubectl
) -> None:
    """Create, roll out, promote, scale, kill the operator, drain a worker: 0 failed requests."""
    first = registry.add(story.name, "good")
    story.apply(model={"alias": "champion"})
    story.until_serving(first)
    story.client.start(story.url)

    second = registry.add(story.name, "good")
    story.until_serving(second)
    _lossless(story, f"version {second} was rolled out and promoted")

    kubectl("-n", story.namespace, "scale", "modeldeployment", story.name, "--replicas=3")
    story.until(lambda status: status["stable"]["readyReplicas"] == 3, "three pods serve")
    kubectl("-n", story.namespace, "scale", "modeldeployment", story.name, "--replicas=2")
    _lossless(story, "the model was scaled")

    leadsman.kill_operator(kubectl)
    third = registry.add(story.name, "good")
    story.until_serving(third)
    _lossless(story, "the operator was killed and a version rolled out after")

    worker = _busy_worker(kubectl, story)
    try:
        kubectl(
            "drain", worker, "--ignore-daemonsets", "--delete-emptydir-data", "--force",
            "--timeout=170s", timeout=180,
        )  # fmt: skip
        story.until(lambda status: status["stable"]["readyReplicas"] >= 2, "all pods are back")
    finally:
        kubectl("uncordon", worker)
    counted = story.client.stop()
    assert counted.failures_in_all == 0, f"{counted}\n{story.describe()}"
    assert set(counted.versions) == {str(first), str(second), str(third)}


def test_a_worker_that_dies_costs_only_the_time_until_it_is_noticed(
    story: Story, registry: Registry, kubectl: Kubectl, engine: Engine
) -> None:
    """Its pods' endpoints go when the node does not answer any more; nothing is lost after."""
    first = registry.add(story.name, "good")
    story.apply(model={"alias": "champion"})
    story.until_serving(first)
    story.client.start(story.url)
    worker = _busy_worker(kubectl, story)
    engine("kill", worker)
    try:
        eventually(
            lambda: story.status()["stable"]["readyReplicas"] < 2,
            within_seconds=90,
            what="the dead worker's pods are not ready any more",
        )
        noticed = story.counted()
        story.until(
            lambda _: story.counted().answered > noticed.answered + 400, "more answers are counted"
        )
        after = story.counted_anew()
        story.until(
            lambda _: story.counted().answered > after.answered + 200, "yet more are counted"
        )
        settled = story.client.stop()
        assert _why_not_ready(kubectl, worker) == "NodeStatusUnknown"
    finally:
        engine("start", worker)
        kubectl("wait", f"node/{worker}", "--for=condition=Ready", "--timeout=150s", timeout=160)
    assert settled.failures_in_all == after.failures_in_all, "none after the endpoints are gone"
    assert noticed.failures_in_all > 0, "the dead worker's pods had traffic"
    assert after.failures_in_all - noticed.failures_in_all <= OPEN_AT_THE_TIME, (noticed, after)


OPEN_AT_THE_TIME = 240
"""Requests that were under way when the endpoints went, at most: 20 a second for the 10 s after
which the client gives one up, name lookups at the dead worker's DNS pod included."""


def _lossless(story: Story, what: str) -> None:
    counted = story.counted()
    assert counted.failures_in_all == 0, f"{what}: {counted}\n{story.describe()}"


def _why_not_ready(kubectl: Kubectl, worker: str) -> str:
    """What the control plane says of a worker."""
    conditions = kubectl.get("node", worker)["status"]["conditions"]
    return str(next(one["reason"] for one in conditions if one["type"] == "Ready"))


def _busy_worker(kubectl: Kubectl, story: Story) -> str:
    """A worker that serves the model, and that runs nothing else of the story's."""
    pods = kubectl.get(
        "pods", "-n", story.namespace, "-l", f"leadsman.dev/model-deployment={story.name}"
    )
    return str(min(pod["spec"]["nodeName"] for pod in pods["items"]))
