"""A registry in a file, and the settings of a training pod that writes to it."""

from __future__ import annotations

import json
import logging
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from leadsman_api.environment import MlflowVariable, Variable


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """They stay as they were: programs of pods set some for themselves."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an MLflow without a server: a database and a folder."""
    folder = tmp_path_factory.mktemp("mlflow")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    address = f"sqlite:///{folder}/mlflow.db"
    MlflowClient(address).create_experiment("t", f"file://{folder}/artifacts")
    return address


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database of studies."""
    return f"sqlite:///{tmp_path_factory.mktemp('studies')}/study.db"


@pytest.fixture
def client(tracking: str) -> Iterator[MlflowClient]:
    """Its client; what a test made of MLflow's global address is undone."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tracking)
    yield MlflowClient(tracking)
    mlflow.set_tracking_uri(before)


@pytest.fixture
def pod(client: MlflowClient, studies: str, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Make the environment of a pod, for a spec that is given in parts.

    The data has 60 rows of two classes that `telling` knows.
    """
    rows = [f"{row % 5},{10 * (row % 2) + row % 3},{row % 2}" for row in range(60)]
    (tmp_path / "rows.csv").write_text("\n".join(["noise,telling,bought", *rows]))

    def made(**spec: Any) -> dict[str, str]:
        uid = uuid.uuid4().hex
        whole = {
            "model": {"name": f"model-{uid}"},
            "data": {"source": {"uri": "configmap://files/rows.csv"}, "target": "bought"},
            "trainer": {"algorithm": "Linear"},
            "objective": {"metric": "accuracy"},
            **spec,
        }
        if "reproduce" not in spec:
            search = {"trials": 2, "parallelism": 1, "pruner": "None"}
            whole["search"] = {**search, **spec.get("search", {})}
        resource = {
            "apiVersion": "leadsman.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "run", "namespace": "ml", "uid": uid},
            "spec": whole,
        }
        file = tmp_path / f"{uid}.json"
        file.write_text(json.dumps(resource))
        experiment = client.get_experiment_by_name("t")
        assert experiment is not None
        variables = {
            Variable.TRAINING_SPEC: file,
            Variable.STUDY: f"ml/run/{uid}",
            Variable.STUDY_URL: studies,
            Variable.PARENT_RUN: client.create_run(experiment.experiment_id).info.run_id,
            Variable.POD_UID: "pod-1",
            Variable.DATA_DIR: tmp_path,
            MlflowVariable.TRACKING_URI: client.tracking_uri,
            "LEADSMAN_TERMINATION_PATH": tmp_path / "said",
        }
        return {str(name): str(value) for name, value in variables.items()}

    return made
