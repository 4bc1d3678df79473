"""A TrainingRun on the cluster: a version in the registry, or a reason why there is none."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from devcluster.engine import Engine
from leadsman_api.labels import Tag
from support.installation import Installation
from support.kubectl import Kubectl
from support.port_forward import forwarded
from support.registry import Registry
from support.repository import ROOT
from support.stories import condition, reason
from support.waiting import eventually

TRAINING_SECONDS = 240
DEAD_NODE_SECONDS = 200
"""Until a node counts as dead, its pod is told to go, its time is up, and nothing is heard."""
EXAMPLE = ROOT / "examples" / "demo" / "training-run-1.yaml"


def train(kubectl: Kubectl, namespace: str, **changes: Any) -> None:
    """Apply the demo's first TrainingRun, with parts of its spec replaced."""
    resource = yaml.safe_load(EXAMPLE.read_text())
    resource["metadata"]["name"] = "run"
    resource["spec"] |= {"model": {"name": f"trained-{namespace}"}, **changes}
    kubectl.apply(resource, namespace=namespace)


def ended(
    kubectl: Kubectl, namespace: str, phase: str, within_seconds: float = TRAINING_SECONDS
) -> dict[str, Any]:
    """Wait for the end; gives the status."""
    seen: dict[str, Any] = {}

    def holds() -> bool:
        seen.update(status_of(kubectl, namespace))
        return seen.get("phase") in ("Succeeded", "Rejected", "Failed")

    eventually(holds, within_seconds=within_seconds, what=f"the run ends: {seen}")
    assert seen["phase"] == phase, seen
    return seen


def status_of(kubectl: Kubectl, namespace: str) -> dict[str, Any]:
    """What the operator reports."""
    found: dict[str, Any] = kubectl.get("trainingrun", "run", "-n", namespace).get("status", {})
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


def assert_nothing_is_lost(status: dict[str, Any], registry: Registry) -> None:
    """Exactly twenty trials count, each has its run in MLflow, and none is left open."""
    trials = status["trials"]
    assert trials["complete"] + trials.get("pruned", 0) + trials.get("failed", 0) == 20, trials
    parent = registry.client.get_run(status["runId"])
    nested = registry.client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{status['runId']}'"
    )
    assert len(nested) >= 20
    assert all(run.info.status != "RUNNING" for run in nested)


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
    until_at_work(kubectl, namespace)
    first = workers(kubectl, namespace)[0]["metadata"]["name"]
    kubectl("-n", namespace, "delete", "pod", first, "--force", "--grace-period=0")
    status = ended(kubectl, namespace, "Succeeded")
    assert_nothing_is_lost(status, registry)
    assert status["gate"]["passed"]
    assert status["best"]["value"] > 0.95
    assert status["improvementOverBaseline"] is not None
    assert condition(status, "Ready") == "True"
    version = registry.client.get_model_version_by_alias(model, "champion")
    assert int(version.version) == status["modelVersion"]
    assert version.tags[Tag.DIGEST] == status["digest"]
    kubectl("-n", namespace, "delete", "trainingrun", "run", "--timeout=120s", timeout=130)
    left = kubectl.get("jobs,pods,configmaps,secrets,serviceaccounts", "-n", namespace)["items"]
    names = {item["metadata"]["name"] for item in left} - {"kube-root-ca.crt", "default"}
    assert names == set()


@pytest.mark.alone
def test_a_search_outlives_a_node(
    kubectl: Kubectl, namespace: str, model: str, registry: Registry, engine: Engine
) -> None:
    """Its trial runs again elsewhere; a Job that waits for the dead node is made anew."""
    train(kubectl, namespace)
    until_at_work(kubectl, namespace)
    node = workers(kubectl, namespace)[0]["spec"]["nodeName"]
    engine("kill", node)
    try:
        status = ended(kubectl, namespace, "Succeeded", DEAD_NODE_SECONDS + TRAINING_SECONDS)
    finally:
        engine("start", node)
        kubectl("wait", f"node/{node}", "--for=condition=Ready", "--timeout=150s", timeout=160)
    assert_nothing_is_lost(status, registry)
    versions = registry.client.search_model_versions(f"name = '{model}'")
    assert [int(version.version) for version in versions] == [status["modelVersion"]]


@pytest.mark.alone
@pytest.mark.usefixtures("model")
def test_a_search_waits_for_mlflow(
    kubectl: Kubectl, namespace: str, leadsman: Installation
) -> None:
    """While it is away the status says so; when it is back every trial is there once."""
    train(kubectl, namespace)
    until_at_work(kubectl, namespace)
    mlflow = ("-n", leadsman.stack_namespace, "scale", "deployment/mlflow")
    kubectl(*mlflow, "--replicas=0")
    try:
        eventually(
            lambda: reason(status_of(kubectl, namespace), "Ready") == "RegistryUnreachable",
            within_seconds=90,
            what="the status says that MLflow does not answer",
        )
    finally:
        kubectl(*mlflow, "--replicas=1")
    status = ended(kubectl, namespace, "Succeeded")
    with forwarded(kubectl, leadsman.stack_namespace, "mlflow", 5000) as address:
        assert_nothing_is_lost(status, Registry(MlflowClient(address), address))


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
