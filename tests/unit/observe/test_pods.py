"""What decides anything about a pod, from the pod as the API server has it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leadsman_operator.observe.pods import pod_facts


@pytest.mark.parametrize(
    ("status", "since"),
    [("True", datetime(2026, 11, 1, 12, tzinfo=UTC)), ("False", None)],
)
def test_since_when_a_pod_is_ready(status: str, since: datetime | None) -> None:
    """The moment of the last change says so, of a pod that is ready."""
    ready = {"type": "Ready", "status": status, "lastTransitionTime": "2026-11-01T12:00:00Z"}
    facts = pod_facts({"metadata": {"name": "a", "uid": "a"}, "status": {"conditions": [ready]}})
    assert (facts.ready, facts.ready_since) == (since is not None, since)


CONFIG, MANIFEST = f"sha256:{'c' * 64}", f"sha256:{'d' * 64}"


@pytest.mark.parametrize(
    ("image", "digest"),
    [
        pytest.param(f"registry.example.org/training@{MANIFEST}", MANIFEST, id="of a registry"),
        pytest.param(f"docker-pullable://training@{MANIFEST}", MANIFEST, id="of Docker"),
        pytest.param(f"docker.io/library/import-2026-11-30@{MANIFEST}", MANIFEST, id="loaded"),
        pytest.param(CONFIG, CONFIG, id="loaded without a name"),
        pytest.param("", None, id="not there yet"),
    ],
)
def test_the_digest_of_the_image_that_trains(image: str, digest: str | None) -> None:
    """Whatever name the node has for it; a container of somebody else's is another matter."""
    beside = {"name": "istio-proxy", "imageID": f"istio@sha256:{'e' * 64}"}
    containers = [beside, {"name": "training", "imageID": image}]
    status = {"containerStatuses": containers}

    assert (
        pod_facts({"metadata": {"name": "a", "uid": "a"}, "status": status}).image_digest == digest
    )
