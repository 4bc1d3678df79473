"""A search whose workers, database and MLflow go away under it: nothing is lost, nothing twice."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from leadsman_api.labels import Tag
from leadsman_api.studies import TrialAttribute
from leadsman_api.termination import ExitCode
from leadsman_operator.adapters.studies import OptunaStudies
from leadsman_operator.facts import TrialFacts
from support.mlflow_server import MlflowServer, running_mlflow
from support.postgres import HAS_POSTGRES, postgres, restart
from support.training_processes import MODEL, Training, a_training
from support.waiting import eventually

# MLflow and the libraries that it imports warn of each other.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(not HAS_POSTGRES, reason="the machine has no PostgreSQL"),
]
TRIALS, WORKERS = 40, 2
PATIENCE_SECONDS = 180
"""For one part of the story, which takes a few seconds where nothing else runs."""
CODE = """
import os
import signal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def objective(trial, run):
    c = trial.suggest_float("C", 0.01, 10.0)
    run.log_metric("twice", 2 * c)
    run.report(0, c)
    if trial.number == 3:  # at least this one dies while its run is open
        os.kill(os.getpid(), signal.SIGKILL)
    run.keep(make_pipeline(StandardScaler(), LogisticRegression(C=c)).fit(*run.train))
    return c
"""


@dataclass
class Search:
    """The pods of a search, with what its Job and the operator do about those that end."""

    training: Training
    studies: OptunaStudies = field(default_factory=OptunaStudies)
    pods: dict[int, tuple[str, subprocess.Popen[bytes]]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    begun: int = 0

    def start(self, index: int) -> None:
        """A pod for an index, with a uid that was never there before."""
        self.begun += 1
        uid = f"pod-{self.begun}"
        self.pods[index] = uid, self.training.start("work", uid, LEADSMAN_WORKER=str(index))

    def conclude(self) -> int:
        """The pod of the conclusion; gives its exit code."""
        return self.training.start("conclude", "concluding").wait(timeout=PATIENCE_SECONDS)

    def trials(self) -> tuple[TrialFacts, ...]:
        """All trials, as the operator reads them."""
        found = asyncio.run(self.studies.study(self.training.url, self.training.study_name))
        return found.trials if found else ()

    def kill(self, index: int) -> None:
        """Without a word."""
        self.pods[index][1].kill()

    def log(self, index: int) -> str:
        """What the pod of an index has written."""
        return self.training.log(self.pods[index][0]).read_text()

    def look(self) -> bool:
        """Start pods anew that were killed, and reap their trials; whether all have ended well."""
        trials, alive = self.trials(), set()
        for index, (uid, process) in list(self.pods.items()):
            code = process.poll()
            if code is None:
                alive.add(uid)
            elif code == ExitCode.DONE:
                self.done.add(index)
            else:
                assert code < 0, f"a worker ended with {code}:\n{self.log(index)}"
                self.start(index)
        for trial in trials:
            if trial.state == "RUNNING" and trial.pod_uid and trial.pod_uid not in alive:
                self._reap(trial.number, dict(trial.parameters))
        return len(self.done) == WORKERS

    def _reap(self, number: int, parameters: dict[str, object]) -> None:
        url, name = self.training.url, self.training.study_name
        lost: dict[str, Any] = {TrialAttribute.DISRUPTED: True}
        again: dict[str, Any] = {TrialAttribute.RETRY_OF: number}
        asyncio.run(self.studies.fail_trial(url, name, number, lost))
        if parameters:
            asyncio.run(self.studies.enqueue_trial(url, name, parameters, again))

    def until(self, finished: int) -> None:
        """Go on until so many trials have come to something."""

        def holds() -> bool:
            self.look()
            return finished <= sum(trial.state == "COMPLETE" for trial in self.trials())

        eventually(holds, within_seconds=PATIENCE_SECONDS, what=f"{finished} trials are finished")


@contextmanager
def searching(training: Training) -> Iterator[Search]:
    """A search with all its workers, none of which outlives the block."""
    search = Search(training)
    try:
        for index in range(WORKERS):
            search.start(index)
        yield search
    finally:
        for _, process in search.pods.values():
            process.kill()
            process.wait(timeout=20)
        search.studies.close()


def test_no_trial_is_lost_or_counted_twice(tmp_path: Path) -> None:
    """Workers are killed, PostgreSQL is too, and MLflow does not answer while they are at it."""
    (tmp_path / "chaos_code.py").write_text(CODE)
    with postgres() as database, running_mlflow(tmp_path) as server:
        training = a_training(
            tmp_path, server.address, database,
            trainer={"entrypoint": "chaos_code:objective"},
            search={"trials": TRIALS, "parallelism": WORKERS, "pruner": "None"},
        )  # fmt: skip
        with searching(training) as search:
            _disturb(search, server, database)
            assert search.conclude() == ExitCode.DONE
            _assert_the_mirror_is_true(training, search.trials())


def _disturb(search: Search, server: MlflowServer, database: str) -> None:
    search.until(5)
    search.kill(0)
    search.until(10)
    restart(database)
    search.kill(1)
    search.until(15)
    with server.frozen():
        eventually(
            lambda: f"MLflow at {server.address} does not answer" in search.log(0),
            within_seconds=PATIENCE_SECONDS,
            what="a worker waits for MLflow",
        )
        search.kill(0)
    eventually(search.look, within_seconds=PATIENCE_SECONDS, what="all workers have ended well")


def _assert_the_mirror_is_true(training: Training, trials: tuple[TrialFacts, ...]) -> None:
    """Exactly so many trials count, each with one run; no trial, run or version too many."""
    states = Counter(trial.state for trial in trials)
    assert (states["COMPLETE"], states["RUNNING"]) == (TRIALS, 0), states
    assert all(trial.disrupted for trial in trials if trial.state == "FAIL"), trials
    again = [trial.retry_of for trial in trials if trial.retry_of is not None]
    assert len(again) == len(set(again))
    client, parent = training.client, training.parent()
    experiment = client.get_run(parent).info.experiment_id
    runs = client.search_runs([experiment], max_results=1000)
    assert {run.info.status for run in runs} == {"FINISHED", "KILLED"}
    finished = {
        run.info.run_id: run.data
        for run in runs
        if run.info.status == "FINISHED" and run.info.run_id != parent
    }
    done = [trial for trial in trials if trial.state == "COMPLETE"]
    assert set(finished) == {trial.run_id for trial in done}
    for trial in done:
        data = finished[trial.run_id or ""]
        assert data.tags[Tag.TRIAL] == str(trial.number)
        assert data.metrics["roc_auc"] == trial.values[0]
        assert data.metrics["twice"] == pytest.approx(2 * trial.values[0])
    assert len(client.search_model_versions(f"name = '{MODEL}'")) == 1
