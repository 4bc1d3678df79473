"""The operator as the kubelet sees it: real processes, signals and exit codes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.kubernetes_api import KubernetesApi
from support.operator_process import OperatorProcess
from support.waiting import eventually


@dataclass(frozen=True)
class Place:
    """An API server, and how to reach it."""

    api: KubernetesApi
    kubeconfig: Path

    def start(self, identity: str, **variables: str) -> OperatorProcess:
        """Start a replica."""
        return OperatorProcess(self.kubeconfig, identity, **variables)

    @property
    def holder(self) -> str:
        """Who holds the Lease."""
        lease = self.api.objects.get(("leases", "leadsman-system", "leadsman-operator"))
        return str(lease["spec"]["holderIdentity"]) if lease else ""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An API server of the test's own."""
    api = KubernetesApi()
    with api.serve():
        yield Place(api, api.write_kubeconfig(tmp_path / "kubeconfig"))


def test_two_replicas_live_and_end(place: Place) -> None:
    """Probes and metrics tell who is who; one is killed, the other leads and ends in order."""
    with place.start("a") as first, place.start("b") as second:
        eventually(lambda: place.holder, within_seconds=90, what="one of them leads")
        leader, standby = (first, second) if place.holder == "a" else (second, first)
        for process, leads in ((leader, "1.0"), (standby, "0.0")):
            ports = process.wait_for_line("Standing by")
            assert process.get(ports["port_health"], "/health/live") == (200, "live\n")
            assert process.get(ports["port_health"], "/health/ready") == (200, "ready\n")
            metrics = process.get(ports["port_metrics"], "/metrics")[1]
            assert f"leadsman_operator_leader {leads}" in metrics

        killed_at = time.monotonic()
        leader.kill()
        standby.wait_for_line("Leading")
        assert time.monotonic() - killed_at < 15

        told_at = time.monotonic()
        standby.terminate()
        assert standby.wait_for_exit() == 0
        assert time.monotonic() - told_at < 10
        assert place.holder == ""
        assert [line["message"] for line in standby.log] == ["Standing by.", "Leading.", "Leaving."]


def test_a_leader_that_was_frozen_ends_when_it_wakes(place: Place) -> None:
    """It can't know who leads by now, and must not do what it was about to do."""
    with place.start("a", LEADSMAN_LEASE_DURATION="4s") as frozen:
        frozen.wait_for_line("Leading")
        frozen.freeze()
        with place.start("b", LEADSMAN_LEASE_DURATION="4s") as other:
            other.wait_for_line("Leading")
            frozen.thaw()

            assert frozen.wait_for_exit() == 1
            assert frozen.log[-1]["message"].startswith("Ended at once: ")
            assert place.holder == "b"


def test_it_waits_for_the_custom_resources_and_ends_when_another_leads(place: Place) -> None:
    """The one is said once, the other ends the process with a code that says that it was wrong."""
    place.api.known_groups.discard("leadsman.dev")
    with place.start("a") as process:
        line = process.wait_for_line("Waiting")
        assert "install the chart leadsman-crds" in line["message"]
        place.api.known_groups.add("leadsman.dev")
        eventually(
            lambda: "watch modeldeployments" in place.api.calls,
            within_seconds=30,
            what="it watches its resources",
        )
        taken = {"spec": {"holderIdentity": "x"}}
        place.api.change("leases", "leadsman-operator", taken, "leadsman-system")

        assert process.wait_for_exit() == 1
        assert process.log[-1]["message"] == "Ended at once: the Lease belongs to x now"
        assert sum(entry["message"].startswith("Waiting") for entry in process.log) == 1


def test_a_wrong_setting_ends_it_and_is_named(tmp_path: Path) -> None:
    """Every one of them, with what to write instead."""
    wrong = {"LEADSMAN_SCRAPE_INTERVAL": "soon", "LEADSMAN_NAMESPACES": "My Space"}
    with OperatorProcess(tmp_path / "none", "a", **wrong) as process:
        assert process.wait_for_exit() == 2
        (line,) = process.log
        assert "LEADSMAN_SCRAPE_INTERVAL='soon': write a duration" in line["message"]
        assert "LEADSMAN_NAMESPACES='My'" in line["message"]


def test_without_a_cluster_it_says_what_to_set(tmp_path: Path) -> None:
    """Outside of a pod a kubeconfig is needed."""
    with OperatorProcess(tmp_path / "none", "a") as process:
        assert process.wait_for_exit() == 1
        assert "KUBECONFIG" in process.log[-1]["message"]
