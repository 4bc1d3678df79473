"""A TrainingRun on the cluster: a version in the registry, or a reason why there is none."""

from __future__ import annotations

from typing import Any

import pytest
from mlflow import MlflowClient

from devcluster.engine import Engine
from leadsman_api.labels import Tag
from support.installation import Installation
from support.kubectl import Kubectl
from support.port_forward import forwarded
from support.registry import Registry
from support.stories import condition, reason
from support.training_stories import (
    TRAINING_SECONDS,
    ended,
    status_of,
    train,
    until_at_work,
    workers,
)
from support.waiting import eventually

DEAD_NODE_SECONDS = 200
"""Until a node counts as dead, its pod is told to go, its time is up, and nothing is heard."""


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


@pytest.mark.outage
@pytest.mark.xdist_group("mlflow")
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
