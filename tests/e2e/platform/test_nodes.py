"""Nodes that come back."""

from __future__ import annotations

import pytest

from devcluster.engine import Engine
from support import workloads
from support.kubectl import Kubectl

pytestmark = pytest.mark.alone


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
    kubectl("wait", f"node/{second}", "--for=condition=Ready", "--timeout=150s", timeout=160)
    address = kubectl.get("-n", namespace, "pod", "web")["status"]["podIP"]
    client = workloads.client_pod("client", f"http://{address}:8080", nodeName=first)
    kubectl.apply(client, namespace=namespace)
    kubectl(
        "-n", namespace, "wait", "pod/client", "--for=jsonpath={.status.phase}=Succeeded",
        "--timeout=90s", timeout=100,
    )  # fmt: skip

    assert kubectl("-n", namespace, "logs", "client").strip() == "back again"
