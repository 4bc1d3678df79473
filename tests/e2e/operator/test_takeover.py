"""Two replicas on a real cluster: whatever happens to the one that leads, the other goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from support.installation import Installation
from support.kubectl import Kubectl
from support.waiting import eventually

pytestmark = pytest.mark.alone
LEASE = "leadsman"
SELECTOR = "app.kubernetes.io/name=leadsman"
# What the design promises, and what a leader that leaves in order makes of it.
KILLED_SECONDS, LEFT_SECONDS = 15, 10


class Replicas:
    """The operator's pods and their Lease."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self._kubectl = kubectl
        self._space = ("-n", namespace)

    @property
    def leader(self) -> str:
        """Name of the pod that leads; empty while none does."""
        lease = self._kubectl.get("lease", LEASE, *self._space)
        return str(lease["spec"].get("holderIdentity", ""))

    @property
    def ready(self) -> list[str]:
        """Names of the pods that are ready."""
        pods = self._kubectl.get("pods", "-l", SELECTOR, *self._space)["items"]
        return [pod["metadata"]["name"] for pod in pods if _is_ready(pod)]

    def settle(self) -> str:
        """Wait until two are ready and one of them leads; give its name."""
        eventually(
            lambda: len(self.ready) == 2 and self.leader in self.ready,
            within_seconds=180,
            what="two replicas are ready and one of them leads",
        )
        return self.leader

    def next_leader(self, before: str, within_seconds: float) -> float:
        """Wait until another pod leads; give the seconds that it took."""
        began = time.monotonic()
        eventually(
            lambda: self.leader not in ("", before),
            within_seconds=within_seconds,
            what=f"another pod than {before} leads",
        )
        return time.monotonic() - began

    def delete(self, pod: str, *options: str) -> None:
        """Delete a pod without waiting for its end."""
        self._kubectl(*self._space, "delete", "pod", pod, "--wait=false", *options)

    def log(self, pod: str) -> str:
        """What a pod has logged."""
        return self._kubectl(*self._space, "logs", pod)


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


@pytest.fixture
def replicas(kubectl: Kubectl, leadsman: Installation) -> Replicas:
    """The operator's pods, two of them ready."""
    found = Replicas(kubectl, leadsman.operator_namespace)
    found.settle()
    return found


@pytest.fixture
def is_reconciled(kubectl: Kubectl, namespace: str) -> Callable[[str], None]:
    """Makes a ModelDeployment and waits until the operator has said something about it."""

    def make_and_wait(name: str) -> None:
        resource = {
            "apiVersion": "leadsman.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": {"model": {"name": f"{namespace}-{name}", "alias": "champion"}},
        }
        kubectl.apply(resource, namespace=namespace)
        eventually(
            lambda: kubectl.get("modeldeployment", name, "-n", namespace).get("status"),
            within_seconds=30,
            what=f"{name} has a status",
        )

    return make_and_wait


@pytest.mark.parametrize(
    ("options", "within_seconds"),
    [
        pytest.param(("--force", "--grace-period=0"), KILLED_SECONDS, id="killed"),
        pytest.param((), LEFT_SECONDS, id="deleted"),
    ],
)
def test_the_standby_takes_over(
    replicas: Replicas,
    is_reconciled: Callable[[str], None],
    options: tuple[str, ...],
    within_seconds: float,
) -> None:
    """It leads in time, and looks after what was there and what comes."""
    before = replicas.leader
    is_reconciled("before")
    replicas.delete(before, *options)
    took = replicas.next_leader(before, within_seconds)
    is_reconciled("after")

    assert took < within_seconds
    assert '"Leading."' in replicas.log(replicas.settle())


def test_an_update_of_the_operator_leaves_one_that_acts(
    replicas: Replicas,
    is_reconciled: Callable[[str], None],
    kubectl: Kubectl,
    leadsman: Installation,
) -> None:
    """All pods are replaced one by one, and resources are looked after meanwhile."""
    space = ("-n", leadsman.operator_namespace)
    before = set(replicas.ready)
    kubectl(*space, "rollout", "restart", f"deployment/{LEASE}")
    is_reconciled("meanwhile")
    kubectl(*space, "rollout", "status", f"deployment/{LEASE}", "--timeout=180s", timeout=190)
    replicas.settle()
    is_reconciled("afterwards")

    assert not before & set(replicas.ready)


def test_a_deletion_while_nobody_leads_is_carried_on(
    replicas: Replicas,
    is_reconciled: Callable[[str], None],
    kubectl: Kubectl,
    leadsman: Installation,
    namespace: str,
) -> None:
    """The finalizer waits for the operator, and the operator for nobody."""
    is_reconciled("leaving")
    scale = ("-n", leadsman.operator_namespace, "scale", f"deployment/{LEASE}")
    kubectl(*scale, "--replicas=0")
    try:
        eventually(lambda: not replicas.leader, within_seconds=60, what="nobody leads")
        kubectl("-n", namespace, "delete", "modeldeployment", "leaving", "--wait=false")
    finally:
        kubectl(*scale, "--replicas=2")
    kubectl(
        "-n", namespace, "wait", "--for=delete", "modeldeployment/leaving", "--timeout=90s",
        timeout=100,
    )  # fmt: skip
