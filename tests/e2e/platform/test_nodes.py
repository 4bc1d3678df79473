"""Nodes that fail and come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devcluster.engine import Engine
from support import workloads
from support.kubectl import Kubectl

pytestmark = pytest.mark.alone


def wait_for_ready(kubectl: Kubectl, node: str, status: str) -> None:
    """Wait until the node's Ready condition has a status."""
    kubectl(
        "wait", f"node/{node}", f"--for=condition=Ready={status}", "--timeout=150s", timeout=160
    )


@pytest.fixture
def stopped_worker(engine: Engine, workers: tuple[str, str], kubectl: Kubectl) -> Iterator[str]:
    """A worker whose machine was switched off; it is switched on again afterwards."""
    node = workers[1]
    engine("kill", node)
    yield node
    engine("start", node)
    wait_for_ready(kubectl, node, "True")


def test_a_stopped_worker_becomes_not_ready(kubectl: Kubectl, stopped_worker: str) -> None:
    """The control plane notices a worker that is gone."""
    wait_for_ready(kubectl, stopped_worker, "Unknown")

    conditions = kubectl.get("node", stopped_worker)["status"]["conditions"]
    ready = next(condition for condition in conditions if condition["type"] == "Ready")
    assert ready["reason"] == "NodeStatusUnknown"


def test_a_restarted_worker_has_its_pod_network_back(
    kubectl: Kubectl, namespace: str, workers: tuple[str, str], engine: Engine
) -> None:
    """After a restart pods on the worker are reached from the other one, without any help."""
    first, second = workers
    engine("restart", "--time", "0", second)
    kubectl.apply(
        workloads.pod("web", workloads.web_command("back again"), nodeName=second),
        namespace=namespace,
    )
    kubectl(
        "-n", namespace, "wait", "pod/web", "--for=condition=Ready", "--timeout=150s", timeout=160
    )
    wait_for_ready(kubectl, second, "True")
    address = kubectl.get("-n", namespace, "pod", "web")["status"]["podIP"]
    client = workloads.client_pod("client", f"http://{address}:8080", nodeName=first)
    kubectl.apply(client, namespace=namespace)
    kubectl(
        "-n", namespace, "wait", "pod/client", "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=90s", timeout=100,
    )  # fmt: skip

    assert kubectl("-n", namespace, "logs", "client").strip() == "back again"
