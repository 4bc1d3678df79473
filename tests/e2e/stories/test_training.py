"""A TrainingRun on the cluster: a version in the registry, or a reason why there is none."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from leadsman_api.labels import Tag
from support.kubectl import Kubectl
from support.registry import Registry
from support.repository import ROOT
from support.stories import condition, reason
from support.waiting import eventually

TRAINING_SECONDS = 240
EXAMPLE = ROOT / "examples" / "demo" / "training-run-1.yaml"


def train(kubectl: Kubectl, namespace: str, **changes: Any) -> None:
    """Apply the demo's first TrainingRun, with parts of its spec replaced."""
    resource = yaml.safe_load(EXAMPLE.read_text())
    resource["metadata"]["name"] = "run"
    resource["spec"] |= {"model": {"name": f"trained-{namespace}"}, **changes}
    kubectl.apply(resource, namespace=namespace)


def ended(kubectl: Kubectl, namespace: str, phase: str) -> dict[str, Any]:
    """Wait for the end; gives the status."""
    seen: dict[str, Any] = {}

    def holds() -> bool:
        seen.update(kubectl.get("trainingrun", "run", "-n", namespace).get("status", {}))
        return seen.get("phase") in ("Succeeded", "Rejected", "Failed")

    eventually(holds, within_seconds=TRAINING_SECONDS, what=f"the run ends: {seen}")
    assert seen["phase"] == phase, seen
    return seen


@pytest.fixture
def model(registry: Registry, namespace: str, leadsman: object) -> str:
    """The name of a registered model that is not there yet."""
    assert leadsman
    name = f"trained-{namespace}"
    registry.forget(name)
    return name


def test_a_search_loses_no_trial_when_a_worker_is_killed(
    kubectl: Kubectl, namespace: str, model: str, registry: Registry
) -> None:
    """Twenty trials count, each with its run; the version has alias, digest and gate."""
    train(kubectl, namespace)
    pods = ("-n", namespace, "get", "pods", "-l", "leadsman.dev/training-run=run")

    def at_work() -> bool:
        status = kubectl.get("trainingrun", "run", "-n", namespace).get("status", {})
        return int(status.get("trials", {}).get("complete", 0)) >= 2

    eventually(at_work, within_seconds=120, what="two trials are done")
    first = kubectl(*pods, "-o", "name").split()[0]
    kubectl("-n", namespace, "delete", first, "--force", "--grace-period=0")
    status = ended(kubectl, namespace, "Succeeded")
    trials = status["trials"]
    assert trials["complete"] + trials.get("pruned", 0) + trials.get("failed", 0) == 20, trials
    assert status["gate"]["passed"]
    assert status["best"]["value"] > 0.95
    assert status["improvementOverBaseline"] is not None
    assert condition(status, "Ready") == "True"
    version = registry.client.get_model_version_by_alias(model, "champion")
    assert int(version.version) == status["modelVersion"]
    assert version.tags[Tag.DIGEST] == status["digest"]
    parent = registry.client.get_run(status["runId"])
    nested = registry.client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{status['runId']}'"
    )
    assert len(nested) >= 20
    assert all(run.info.status != "RUNNING" for run in nested)
    kubectl("-n", namespace, "delete", "trainingrun", "run", "--timeout=120s", timeout=130)
    left = kubectl.get("jobs,pods,configmaps,secrets,serviceaccounts", "-n", namespace)["items"]
    names = {item["metadata"]["name"] for item in left} - {"kube-root-ca.crt", "default"}
    assert names == set()


def test_a_wrong_column_ends_in_a_condition_and_no_version(
    kubectl: Kubectl, namespace: str, model: str, registry: Registry
) -> None:
    """It names the column that may have been meant."""
    data = {"source": {"uri": "sklearn://breast_cancer"}, "target": "targets"}
    train(kubectl, namespace, data=data)
    status = ended(kubectl, namespace, "Failed")
    assert reason(status, "Stalled") == "DataInvalid"
    assert "did you mean 'target'?" in status["message"]
    assert registry.client.search_registered_models(f"name = '{model}'") == []
