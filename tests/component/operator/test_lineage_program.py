"""`leadsman lineage` as a program, asking a real MLflow server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from leadsman_api.labels import Tag
from support.mlflow_server import mlflow_server

LEADSMAN = str(Path(sys.executable).with_name("leadsman"))


@pytest.mark.filterwarnings("ignore")  # MLflow and the libraries that it imports warn of each other
def test_the_file_of_the_run_comes_through_the_server(tmp_path: Path) -> None:
    """Nothing but the answer is written, so that a pipe and a log stay clean."""
    with mlflow_server(tmp_path) as address:
        client = MlflowClient(address)
        run = client.create_run(client.create_experiment("churn"))
        provenance = {"about": {"uri": "sklearn://iris"}, "inputs": {"seed": 3}}
        client.log_text(run.info.run_id, json.dumps(provenance), "provenance.json")
        client.create_registered_model("churn")
        client.create_model_version(
            "churn",
            f"{run.info.artifact_uri}/model",
            run_id=run.info.run_id,
            tags={str(Tag.DATA_DIGEST): "sha256:d"},
        )
        done = subprocess.run(
            [LEADSMAN, "lineage", "churn", "1", "-o", "json"],
            env={**os.environ, "MLFLOW_TRACKING_URI": address},
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["data"] == {"uri": "sklearn://iris", "digest": "sha256:d"}
    assert found["training"] == {"run": run.info.run_id, "seed": 3}
