"""What the benchmark's searches run on: a PostgreSQL, an MLflow, and processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from mlflow import MlflowClient
from optuna.trial import FrozenTrial

from leadsman_api.environment import MlflowVariable, Variable
from leadsman_api.studies import study_database, study_name
from support.mlflow_server import mlflow_server
from support.postgres import postgres

OURS = ("-m", "leadsman_training", "work")
BARE = ("-m", "bench.training.bare")
_LONGEST_SECONDS = 600
_TESTS = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stage:
    """Servers that stand for the whole run."""

    folder: Path
    database: str
    """Address of the studies."""
    tracking: str

    def search(
        self, name: str, spec: Mapping[str, Any], program: Sequence[str], workers: int = 1
    ) -> list[FrozenTrial]:
        """Run a whole search in processes of its own; gives its trials."""
        parent = self._parent_run(name)
        pods = [self._pod(name, spec, parent, number) for number in range(workers)]
        _run([(sys.executable, *program)] * workers, pods, self.folder / f"{name}.log")
        storage = optuna.storages.RDBStorage(study_database(self.database))
        try:
            study = optuna.load_study(study_name=pods[0][Variable.STUDY], storage=storage)
            return study.get_trials(deepcopy=False)
        finally:
            storage.engine.dispose()

    def _pod(self, name: str, spec: Mapping[str, Any], parent: str, number: int) -> dict[str, str]:
        """The environment that the operator would give a pod."""
        resource = {
            "apiVersion": "leadsman.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": name, "namespace": "ml", "uid": name},
            "spec": {"model": {"name": name}, **spec},
        }
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(resource))
        variables = {
            Variable.TRAINING_SPEC: file,
            Variable.STUDY: study_name("ml", name, name),
            Variable.STUDY_URL: self.database,
            Variable.PARENT_RUN: parent,
            Variable.POD_UID: f"{name}-{number}",
            Variable.WORKER: number,
            Variable.DATA_DIR: self.folder,
            MlflowVariable.TRACKING_URI: self.tracking,
            "LEADSMAN_TERMINATION_PATH": self.folder / f"{name}-{number}.said",
        }
        return {str(key): str(value) for key, value in variables.items()}

    def _parent_run(self, name: str) -> str:
        client = MlflowClient(self.tracking)
        return str(client.create_run(client.create_experiment(name)).info.run_id)


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Start the servers, and end them with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    with postgres() as database, mlflow_server(folder) as tracking:
        yield Stage(folder, database, tracking)


def _run(commands: Sequence[Sequence[str]], pods: Sequence[Mapping[str, str]], log: Path) -> None:
    """Run programs side by side, each with one thread for numbers as in a pod with one CPU."""
    with log.open("w") as output:
        processes = [
            subprocess.Popen(
                command,
                env={**os.environ, "PYTHONPATH": str(_TESTS), "OMP_NUM_THREADS": "1", **pod},
                stdout=output,
                stderr=output,
            )
            for command, pod in zip(commands, pods, strict=True)
        ]
        try:
            codes = [process.wait(timeout=_LONGEST_SECONDS) for process in processes]
        finally:
            for process in processes:
                process.kill()
    if any(codes):
        raise RuntimeError(f"a worker ended with {codes}: {log.read_text()[-2000:]}")
