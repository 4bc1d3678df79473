"""Names, routes and the way to a pod's log, shell and usage, as every workload needs them."""

from __future__ import annotations

from support import workloads
from support.kubectl import Kubectl
from support.waiting import eventually

PATIENCE_SECONDS = 60


def wait_for(kubectl: Kubectl, namespace: str, name: str, phase: str) -> None:
    """Wait until a pod is in a phase."""
    waited = kubectl.attempt(
        "-n", namespace, "wait", f"pod/{name}", f"--for=jsonpath={{.status.phase}}={phase}",
        "--timeout=90s", timeout=100,
    )  # fmt: skip
    if waited.returncode:
        log = kubectl.attempt("-n", namespace, "logs", name).stdout
        found = kubectl.attempt("-n", namespace, "describe", "pod", name).stdout
        raise AssertionError(f"{waited.stderr}\nlog: {log}\n{found}")


def test_a_pod_reaches_a_service_by_its_name(kubectl: Kubectl, namespace: str) -> None:
    """Cluster DNS finds a Service and the Service leads to its pod."""
    kubectl.apply(
        workloads.pod("web", workloads.web_command("hello from web")),
        workloads.service("web"),
        namespace=namespace,
    )
    kubectl(
        "-n", namespace, "wait", "pod/web", "--for=condition=Ready", "--timeout=90s", timeout=99
    )
    url = f"http://web.{namespace}.svc.cluster.local"
    kubectl.apply(workloads.client_pod("client", url, PATIENCE_SECONDS), namespace=namespace)
    wait_for(kubectl, namespace, "client", "Succeeded")

    assert _last_line(kubectl, namespace) == "hello from web"


def test_a_name_outside_the_cluster_is_not_answered_from_within(
    kubectl: Kubectl, namespace: str
) -> None:
    """A Service that does not exist has no address: DNS does not invent one."""
    url = f"http://nobody.{namespace}.svc.cluster.local"
    kubectl.apply(workloads.client_pod("client", url), namespace=namespace)
    wait_for(kubectl, namespace, "client", "Failed")

    assert "Name or service not known" in kubectl("-n", namespace, "logs", "client")


def test_logs_exec_and_top_answer(kubectl: Kubectl, namespace: str) -> None:
    """The three ways to look into a running pod work."""
    kubectl.apply(workloads.pod("web", workloads.web_command("hello")), namespace=namespace)
    kubectl(
        "-n", namespace, "wait", "pod/web", "--for=condition=Ready", "--timeout=90s", timeout=99
    )

    assert kubectl("-n", namespace, "logs", "web").strip() == "listening"
    assert kubectl("-n", namespace, "exec", "web", "--", "id", "-u").strip() == "65532"
    assert "CPU(cores)" in kubectl("top", "nodes")
    eventually(
        lambda: "web" in kubectl.attempt("-n", namespace, "top", "pod", "web").stdout,
        within_seconds=90,
        what="kubectl top shows the pod's first sample",
    )


def test_pods_on_different_workers_talk(
    kubectl: Kubectl, namespace: str, workers: tuple[str, str]
) -> None:
    """A pod on one worker is reached from a pod on the other, by its own address."""
    first, second = workers
    kubectl.apply(
        workloads.pod("web", workloads.web_command("from afar"), nodeName=first),
        namespace=namespace,
    )
    kubectl(
        "-n", namespace, "wait", "pod/web", "--for=condition=Ready", "--timeout=90s", timeout=99
    )
    address = kubectl.get("-n", namespace, "pod", "web")["status"]["podIP"]
    client = workloads.client_pod(
        "client", f"http://{address}:8080", PATIENCE_SECONDS, nodeName=second
    )
    kubectl.apply(client, namespace=namespace)
    wait_for(kubectl, namespace, "client", "Succeeded")

    assert _last_line(kubectl, namespace) == "from afar"


def _last_line(kubectl: Kubectl, namespace: str) -> str:
    """What the client ends with: its answer."""
    return kubectl("-n", namespace, "logs", "client").strip().splitlines()[-1]
