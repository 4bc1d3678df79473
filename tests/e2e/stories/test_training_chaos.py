"""Two hundred trials while pods are killed, the database restarts and MLflow is away."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from optuna.trial import FrozenTrial

from leadsman_api.labels import Tag
from leadsman_api.studies import TrialAttribute, study_database
from support.installation import Installation
from support.kubectl import Kubectl
from support.port_forward import forwarded
from support.registry import Registry
from support.stack import find_stack
from support.training_stories import status_of, train, workers
from support.waiting import eventually

TRIALS, WORKERS = 200, 4
KILL_SECONDS, AWAY_SECONDS = 20, 120
LONGEST_SECONDS = 900
RESTART_AT, AWAY_AT = 30, 60
"""Trials that are finished when the database is killed, and when MLflow goes."""
SEARCH = {
    "trials": TRIALS,
    "parallelism": WORKERS,
    "sampler": "Random",
    "pruner": "None",
    "seed": 1,
    "space": {"C": {"float": [0.01, 10.0], "log": True}},
}
SMALL = {"requests": {"cpu": "100m", "memory": "384Mi"}, "limits": {"memory": "1Gi"}}


@dataclass
class Chaos:
    """What is done to one search, as time goes by and trials end."""

    kubectl: Kubectl
    namespace: str
    stack: str
    kill_at: float
    killed: int = 0
    is_restarted: bool = False
    away_until: float | None = None
    is_back: bool = False

    def look(self) -> bool:
        """Do what is due; whether the run has ended and all was done to it."""
        status = status_of(self.kubectl, self.namespace)
        finished, now = status.get("trials", {}).get("complete", 0), time.monotonic()
        if status.get("phase") == "Searching" and now >= self.kill_at:
            self.kill_at = now + KILL_SECONDS
            self._kill_worker()
        if not self.is_restarted and finished >= RESTART_AT:
            self.is_restarted = True
            self._delete("postgresql-0", self.stack)
        if self.away_until is None and finished >= AWAY_AT:
            self.away_until = now + AWAY_SECONDS
            self.scale_mlflow(0)
        if self.away_until is not None and not self.is_back and now >= self.away_until:
            self.is_back = True
            self.scale_mlflow(1)
        return status.get("phase") in ("Succeeded", "Rejected", "Failed")

    def scale_mlflow(self, replicas: int) -> None:
        """Take MLflow away, or bring it back."""
        self.kubectl("-n", self.stack, "scale", "deployment/mlflow", f"--replicas={replicas}")

    def _kill_worker(self) -> None:
        running = [
            pod["metadata"]["name"]
            for pod in workers(self.kubectl, self.namespace)
            if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
        ]
        if running:
            self._delete(running[self.killed % len(running)], self.namespace)
            self.killed += 1

    def _delete(self, pod: str, namespace: str) -> None:
        self.kubectl("-n", namespace, "delete", "pod", pod, "--force", "--grace-period=0")


@pytest.mark.outage
@pytest.mark.xdist_group("mlflow")
@pytest.mark.timeout(LONGEST_SECONDS + 300)
def test_a_search_in_chaos_loses_nothing_and_does_nothing_twice(
    kubectl: Kubectl,
    namespace: str,
    model: str,
    leadsman: Installation,
    measured: Callable[[str], None],
) -> None:
    """Exactly 200 trials count, each with one run in MLflow; one version; nothing is left open."""
    stack = leadsman.stack_namespace
    trainer = {"algorithm": "Linear", "resources": SMALL}
    train(kubectl, namespace, trainer=trainer, search=SEARCH)
    began = time.monotonic()
    chaos = Chaos(kubectl, namespace, stack, kill_at=began + KILL_SECONDS)
    try:
        eventually(chaos.look, within_seconds=LONGEST_SECONDS, what="the run ends")
    finally:
        chaos.scale_mlflow(1)
    kubectl(
        "-n", stack, "rollout", "status", "deployment/mlflow", "--timeout=120s", timeout=130
    )  # fmt: skip
    status = status_of(kubectl, namespace)
    assert status["phase"] == "Succeeded", status
    assert chaos.is_restarted
    assert chaos.is_back
    measured(
        f"{TRIALS} trials in {time.monotonic() - began:.0f} s with {chaos.killed} pods killed,"
        f" {status['trials'].get('disrupted', 0)} trials disrupted"
    )
    uid = kubectl.get("trainingrun", "run", "-n", namespace)["metadata"]["uid"]
    done = _finished(_trials(kubectl, f"{namespace}/run/{uid}"))
    told = status["trials"]
    assert (told["complete"], told.get("failed", 0), told.get("running", 0)) == (TRIALS, 0, 0)
    with forwarded(kubectl, stack, "mlflow", 5000) as address:
        registry = Registry(MlflowClient(address), address)
        _assert_each_has_one_run(done, status["runId"], registry)
        versions = registry.client.search_model_versions(f"name = '{model}'")
        assert [int(version.version) for version in versions] == [status["modelVersion"]]


def _trials(kubectl: Kubectl, study: str) -> list[FrozenTrial]:
    """Every trial of a study, as its database has it."""
    stack = find_stack(kubectl)
    inside = f"postgresql.{stack.namespace}.svc:5432"
    with forwarded(kubectl, stack.namespace, "postgresql", 5432) as address:
        url = study_database(stack.optuna.replace(inside, address.removeprefix("http://")))
        storage = optuna.storages.RDBStorage(url)
        try:
            return optuna.load_study(study_name=study, storage=storage).trials
        finally:
            storage.remove_session()
            storage.engine.dispose()


def _finished(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that came to something: exactly as many as were asked for, none run twice."""
    states = Counter(trial.state.name for trial in trials)
    assert (states["COMPLETE"], states["RUNNING"]) == (TRIALS, 0), states
    failed = [trial for trial in trials if trial.state.name == "FAIL"]
    blamed = [one for one in failed if not one.user_attrs.get(TrialAttribute.DISRUPTED)]
    assert not blamed, [one.user_attrs for one in blamed]
    done = [trial for trial in trials if trial.state.name == "COMPLETE"]
    again = Counter(trial.user_attrs.get(TrialAttribute.RETRY_OF) for trial in done)
    assert all(count == 1 for number, count in again.items() if number is not None), again
    return done


def _assert_each_has_one_run(done: list[FrozenTrial], parent: str, registry: Registry) -> None:
    """The mirror says what the study says, and no run is left open."""
    experiment = registry.client.get_run(parent).info.experiment_id
    runs = registry.client.search_runs([experiment], max_results=5000)
    nested: list[Any] = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent]
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}
    finished = {run.info.run_id: run for run in nested if run.info.status == "FINISHED"}
    assert set(finished) == {trial.user_attrs[TrialAttribute.RUN_ID] for trial in done}
    for trial in done:
        data = finished[trial.user_attrs[TrialAttribute.RUN_ID]].data
        assert data.tags[Tag.TRIAL] == str(trial.number)
        assert data.metrics["roc_auc"] == pytest.approx(trial.value)
