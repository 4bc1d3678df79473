"""TrainingRuns on the cluster, as the stories tell of them."""

from __future__ import annotations

from typing import Any

import yaml

from support.kubectl import Kubectl
from support.repository import ROOT
from support.waiting import eventually

__all__ = ["TRAINING_SECONDS", "ended", "status_of", "train", "until_at_work", "workers"]

TRAINING_SECONDS = 240
EXAMPLE = ROOT / "examples" / "demo" / "training-run-1.yaml"


def train(kubectl: Kubectl, namespace: str, name: str = "run", **changes: Any) -> None:
    """Apply the demo's first TrainingRun, with parts of its spec replaced or, None, left out."""
    resource = yaml.safe_load(EXAMPLE.read_text())
    resource["metadata"]["name"] = name
    resource["spec"] |= {"model": {"name": f"trained-{namespace}"}, **changes}
    resource["spec"] = {key: value for key, value in resource["spec"].items() if value is not None}
    kubectl.apply(resource, namespace=namespace)


def ended(
    kubectl: Kubectl,
    namespace: str,
    phase: str,
    within_seconds: float = TRAINING_SECONDS,
    name: str = "run",
) -> dict[str, Any]:
    """Wait for the end; gives the status."""
    seen: dict[str, Any] = {}

    def holds() -> bool:
        seen.update(status_of(kubectl, namespace, name))
        return seen.get("phase") in ("Succeeded", "Rejected", "Failed")

    eventually(holds, within_seconds=within_seconds, what=f"the run ends: {seen}")
    assert seen["phase"] == phase, seen
    return seen


def status_of(kubectl: Kubectl, namespace: str, name: str = "run") -> dict[str, Any]:
    """What the operator reports."""
    found: dict[str, Any] = kubectl.get("trainingrun", name, "-n", namespace).get("status", {})
    return found


def until_at_work(kubectl: Kubectl, namespace: str) -> None:
    """Wait until the first trials are done."""
    eventually(
        lambda: status_of(kubectl, namespace).get("trials", {}).get("complete", 0) >= 2,
        within_seconds=120,
        what="two trials are done",
    )


def workers(kubectl: Kubectl, namespace: str) -> list[dict[str, Any]]:
    """The pods that search."""
    found = kubectl.get("pods", "-n", namespace, "-l", "leadsman.dev/training-run=run")
    pods: list[dict[str, Any]] = found["items"]
    return pods
