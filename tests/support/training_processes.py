"""The programs of training pods on this machine, told what the operator would tell them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from mlflow import MlflowClient

from leadsman_api.labels import Tag
from leadsman_api.studies import study_database
from leadsman_api.termination import ExitCode, Termination
from leadsman_training import job

__all__ = ["MODEL", "Training", "a_training", "last_words"]

MODEL = "tumours"


def last_words(command: str, pod: Mapping[str, str]) -> tuple[ExitCode, Termination]:
    """Run a program of a pod."""
    code = job.run(command, pod)
    said = Termination.from_text(Path(pod["LEADSMAN_TERMINATION_PATH"]).read_text())
    assert said is not None
    return ExitCode(code), said


@dataclass
class Training:
    """One TrainingRun with its parent run, as the operator would have begun it."""

    folder: Path
    tracking: str
    uid: str
    spec: dict[str, Any]
    url: str
    """The database of its study."""

    @property
    def client(self) -> MlflowClient:
        """The server."""
        return MlflowClient(self.tracking)

    @property
    def study_name(self) -> str:
        """The name of its study."""
        return f"ml/run/{self.uid}"

    def environment(self) -> dict[str, str]:
        """What the pod is told."""
        file = self.folder / "run.json"
        file.write_text(
            json.dumps(
                {
                    "apiVersion": "leadsman.dev/v1alpha1",
                    "kind": "TrainingRun",
                    "metadata": {"name": "run", "namespace": "ml", "uid": self.uid},
                    "spec": self.spec,
                }
            )
        )
        return {
            "LEADSMAN_TRAINING_SPEC": str(file),
            "LEADSMAN_STUDY": self.study_name,
            "LEADSMAN_STUDY_URL": self.url,
            "LEADSMAN_PARENT_RUN": self.parent(),
            "LEADSMAN_POD_UID": "pod-1",
            "LEADSMAN_TERMINATION_PATH": str(self.folder / "said"),
            "LEADSMAN_DATA_DIR": str(self.folder),
            "MLFLOW_TRACKING_URI": self.tracking,
        }

    def parent(self) -> str:
        """The parent run, made once."""
        experiment = self.client.get_experiment_by_name("t") or self.client.get_experiment(
            self.client.create_experiment("t")
        )
        condition = f"tags.`{Tag.TRAINING_RUN_UID}` = '{self.uid}' and tags.`{Tag.STUDY}` != ''"
        runs = self.client.search_runs([experiment.experiment_id], condition)
        if runs:
            return str(runs[0].info.run_id)
        tags = {str(Tag.TRAINING_RUN_UID): self.uid, str(Tag.STUDY): self.study_name}
        made = self.client.create_run(experiment.experiment_id, tags=tags)
        return str(made.info.run_id)

    def run(self, command: str) -> tuple[int, Termination]:
        """Run a program of the pod; gives its exit code and its last words."""
        before = signal.getsignal(signal.SIGTERM)
        try:
            code = job.run(command, self.environment())
        finally:
            signal.signal(signal.SIGTERM, before)
        said = Termination.from_text((self.folder / "said").read_text())
        assert said is not None
        return code, said

    def start(self, command: str, uid: str, **variables: str) -> subprocess.Popen[bytes]:
        """A process for a program of a pod, which waits for no server for long."""
        environment = {
            **os.environ,
            **self.environment(),
            "PYTHONPATH": str(self.folder),
            "LEADSMAN_POD_UID": uid,
            "LEADSMAN_TERMINATION_PATH": str(self.said(uid)),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
            **variables,
        }
        program = [sys.executable, "-m", "leadsman_training", command]
        with self.log(uid).open("w") as log:
            return subprocess.Popen(program, env=environment, stdout=log, stderr=log)

    def said(self, uid: str) -> Path:
        """The file with the last words of such a process."""
        return self.folder / f"{uid}-said"

    def log(self, uid: str) -> Path:
        """The file with all that it wrote."""
        return self.folder / f"{uid}.log"

    def study(self) -> optuna.Study:
        """Its study."""
        return optuna.load_study(study_name=self.study_name, storage=study_database(self.url))


def a_training(folder: Path, tracking: str, url: str | None = None, **spec: Any) -> Training:
    """A small search over a linear model."""
    whole = {
        "model": {"name": MODEL},
        "data": {"source": {"uri": "sklearn://breast_cancer"}, "target": "target"},
        "trainer": {"algorithm": "Linear"},
        "objective": {"metric": "roc_auc"},
        "search": {"trials": 3, "parallelism": 1, "seed": 3},
        **spec,
    }
    database = url or f"sqlite:///{folder}/study.db"
    return Training(folder, tracking, f"uid-{folder.name}", whole, database)
