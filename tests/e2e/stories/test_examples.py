"""The examples as users apply them: the smallest work, the full ones say what they lack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.kubectl import Kubectl
from support.registry import Registry
from support.repository import ROOT
from support.stories import reason
from support.waiting import eventually

EXAMPLES = ROOT / "examples"
MODEL = "churn"
TRAINING_SECONDS = 420


@pytest.fixture
def no_model_yet(registry: Registry) -> Iterator[None]:
    """No version of the examples' model, before and after."""
    registry.forget(MODEL)
    yield
    registry.forget(MODEL)


def applied(kubectl: Kubectl, namespace: str, path: Path) -> dict[str, Any]:
    """Apply an example in the test's own namespace; gives the resource."""
    resource: dict[str, Any] = yaml.safe_load(path.read_text())
    resource["metadata"].pop("namespace", None)
    kubectl.apply(resource, namespace=namespace)
    return resource


def status_of(kubectl: Kubectl, namespace: str, resource: dict[str, Any]) -> dict[str, Any]:
    """What the operator reports of an example."""
    name = f"{resource['kind'].lower()}/{resource['metadata']['name']}"
    found: dict[str, Any] = kubectl.get(name, "-n", namespace).get("status", {})
    return found


@pytest.mark.usefixtures("no_model_yet")
def test_the_smallest_examples_train_a_model_and_serve_it(kubectl: Kubectl, namespace: str) -> None:
    """One after the other, as they are: the second serves what the first has registered."""
    run = applied(kubectl, namespace, EXAMPLES / "trainingrun-minimal.yaml")
    eventually(
        lambda: status_of(kubectl, namespace, run).get("phase") in ("Succeeded", "Failed"),
        within_seconds=TRAINING_SECONDS,
        what="the training run ends",
    )
    trained = status_of(kubectl, namespace, run)
    assert trained["phase"] == "Succeeded", trained
    deployment = applied(kubectl, namespace, EXAMPLES / "modeldeployment-minimal.yaml")
    eventually(
        lambda: reason(status_of(kubectl, namespace, deployment), "Ready") == "AsDesired",
        within_seconds=180,
        what="the model serves",
    )
    serving = status_of(kubectl, namespace, deployment)
    assert serving["stable"]["version"] == trained["modelVersion"]
    assert serving["stable"]["digest"] == trained["digest"]
    # Which it is depends on the estimator that won; that it is said, and why, does not.
    engines = ("numpy", "trees", "lightgbm", "xgboost", "composed", "onnx", "sklearn")
    assert serving["stable"]["backend"] in engines
    assert "proven equal" in serving["stable"]["backendBecause"]


@pytest.mark.usefixtures("leadsman")
@pytest.mark.parametrize(
    ("file", "lacks"),
    [
        ("modeldeployment.yaml", "there is no Secret mlflow-credentials"),
        ("trainingrun.yaml", "there is no Secret bucket-credentials"),
    ],
)
def test_the_full_examples_name_what_they_lack(
    kubectl: Kubectl, namespace: str, file: str, lacks: str
) -> None:
    """Their Secrets are the user's own: the status names the one that is missing."""
    resource = applied(kubectl, namespace, EXAMPLES / file)

    eventually(
        lambda: lacks in status_of(kubectl, namespace, resource).get("message", ""),
        within_seconds=60,
        what=f"the status says: {lacks}",
    )
    assert reason(status_of(kubectl, namespace, resource), "Stalled") in (
        "RegistryForbidden", "DataUnreadable",
    )  # fmt: skip
