"""A Job for each trial on the cluster: one breaks its process, and the others don't notice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from support.kubectl import Kubectl
from support.registry import Registry
from support.training_stories import status_of, train, workers
from support.waiting import eventually

TRIALS, AT_A_TIME, BROKEN = 6, 2, 2
LONGEST_SECONDS = 420
CODE = f"""
import os
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def objective(trial, run):
    c = trial.suggest_float("C", 0.01, 10.0)
    if trial.number == {BROKEN}:
        os.abort()
    scores = []
    for train_x, train_y, test_x, test_y in run.folds():
        model = make_pipeline(StandardScaler(), LogisticRegression(C=c)).fit(train_x, train_y)
        scores.append(roc_auc_score(test_y, model.predict_proba(test_x)[:, 1]))
    run.keep(make_pipeline(StandardScaler(), LogisticRegression(C=c)).fit(*run.train))
    return sum(scores) / len(scores)
"""
COLUMNS = ["mean radius", "mean texture", "mean smoothness", "target"]


@dataclass
class Watch:
    """What is seen of a search while it goes on."""

    kubectl: Kubectl
    namespace: str
    jobs_of_pods: dict[str, str] = field(default_factory=dict)
    most: int = 0
    """Pods at work at the same time."""

    def look(self) -> bool:
        """Whether the run has ended."""
        pods = [
            pod
            for pod in workers(self.kubectl, self.namespace)
            if "-search-" in pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        ]
        at_work = [pod for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]
        self.most = max(self.most, len(at_work))
        for pod in pods:
            labels = pod["metadata"]["labels"]
            self.jobs_of_pods[pod["metadata"]["uid"]] = labels["batch.kubernetes.io/job-name"]
        phase = status_of(self.kubectl, self.namespace).get("phase")
        return phase in ("Succeeded", "Rejected", "Failed")


@pytest.mark.timeout(LONGEST_SECONDS + 120)
@pytest.mark.usefixtures("model")
def test_a_trial_that_breaks_its_process_takes_no_other_one_with_it(
    kubectl: Kubectl, namespace: str, registry: Registry
) -> None:
    """Six trials count, two at a time, each by a pod of its own; the broken one has failed."""
    _give_code_and_rows(kubectl, namespace)
    train(
        kubectl,
        namespace,
        data={"source": {"uri": "configmap://own/rows.csv"}, "target": "target"},
        trainer={
            "entrypoint": "own:objective",
            "env": [{"name": "PYTHONPATH", "value": "/data"}],
            "resources": {
                "requests": {"cpu": "200m", "memory": "384Mi"},
                "limits": {"memory": "1Gi"},
            },
        },
        search={
            "trials": TRIALS,
            "parallelism": AT_A_TIME,
            "mode": "JobPerTrial",
            "sampler": "Random",
            "pruner": "None",
        },
        gate={"rules": [{"metric": "roc_auc", "min": 0.5}]},
    )
    watch = Watch(kubectl, namespace)
    eventually(watch.look, within_seconds=LONGEST_SECONDS, what="the run ends")

    status = status_of(kubectl, namespace)
    assert status["phase"] == "Succeeded", status
    assert (status["trials"]["complete"], status["trials"]["failed"]) == (TRIALS - 1, 1), status
    assert status["trials"].get("disrupted", 0) == 0, status
    assert watch.most <= AT_A_TIME
    assert len(watch.jobs_of_pods) >= TRIALS
    assert set(Counter(watch.jobs_of_pods.values()).values()) == {1}
    jobs = kubectl.get("jobs", "-n", namespace)["items"]
    failed = [job for job in jobs if _has(job, "Failed")]
    assert len(failed) == 1, "its log says why"
    assert len(jobs) <= 2 + AT_A_TIME, "besides it the last ones, and the one that concluded"
    _assert_each_trial_has_one_run(status, registry)


def _give_code_and_rows(kubectl: Kubectl, namespace: str) -> None:
    """In a ConfigMap, which is mounted where data is read."""
    rows = load_breast_cancer(as_frame=True).frame[COLUMNS].to_csv(index=False)
    own = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "own"},
        "data": {"rows.csv": rows, "own.py": CODE},
    }
    kubectl.apply(own, namespace=namespace)


def _has(job: dict[str, Any], kind: str) -> bool:
    conditions = job.get("status", {}).get("conditions", [])
    return any((one["type"], one["status"]) == (kind, "True") for one in conditions)


def _assert_each_trial_has_one_run(status: dict[str, Any], registry: Registry) -> None:
    parent = registry.client.get_run(status["runId"])
    nested = registry.client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{status['runId']}'"
    )
    states = Counter(run.info.status for run in nested)
    assert (states["FINISHED"], states["FAILED"]) == (TRIALS - 1, 1), states
    assert states["RUNNING"] == 0, states
