"""Data that an MLflow run has logged as its input."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.data import DataSource
from leadsman_training.data import Table, load
from leadsman_training.errors import NoUse
from leadsman_training.mlflow_dataset import log_dataset

pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = pd.DataFrame({"age": [31, 45], "plan": ["a", "b"]})


@pytest.fixture
def run(client: MlflowClient, tmp_path: Path) -> str:
    """A run with two inputs: a file, and rows that code has made."""
    file = tmp_path / "rows.parquet"
    ROWS.to_parquet(file)
    with mlflow.start_run(run_id=client.create_run("1").info.run_id) as begun:
        mlflow.log_input(from_pandas(ROWS, source=file.as_uri(), name="churn"))
        mlflow.log_input(from_pandas(ROWS, name="made"))
    return str(begun.info.run_id)


def the_table(uri: str) -> Table:
    """What is read from an address."""
    return load(DataSource.model_validate({"uri": uri}), Path())


def test_the_file_of_a_dataset_is_read(run: str, client: MlflowClient) -> None:
    """With MLflow's own digest of it as its revision."""
    table = the_table(f"mlflow://{run}/churn")

    assert table.frame.equals(ROWS)
    inputs = client.get_run(run).inputs
    assert inputs is not None
    known = {one.dataset.name: one.dataset.digest for one in inputs.dataset_inputs}
    assert table.revision == known["churn"]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        pytest.param("fraud", "has no dataset 'fraud'; it has churn, made", id="no such dataset"),
        pytest.param("made", "no file of dataset 'made', only of a source code", id="no file"),
    ],
)
def test_what_can_not_be_read_is_told(run: str, dataset: str, message: str) -> None:
    """With what there is instead."""
    with pytest.raises(NoUse) as refused:
        the_table(f"mlflow://{run}/{dataset}")

    assert refused.value.reason is Reason.DATA_UNREADABLE
    assert message in refused.value.message


def test_a_run_that_is_not_there_is_told(client: MlflowClient) -> None:
    """In MLflow's words."""
    assert client.tracking_uri
    with pytest.raises(NoUse, match="Run with id=none not found"):
        the_table("mlflow://none/churn")


@pytest.mark.parametrize(
    ("uri", "name", "kind", "source"),
    [
        ("https://host/a/rows.csv?key=1", "rows.csv", "http", '{"url": "https://host/a/rows.csv?key=1"}'),
        ("s3://bucket/a/rows.csv", "rows.csv", "s3", '{"uri": "s3://bucket/a/rows.csv"}'),
        ("sklearn://iris", "iris", "leadsman", '{"uri": "sklearn://iris"}'),
        ("lakefs://data/c1/rows.csv", "rows.csv", "leadsman", '{"uri": "lakefs://data/c1/rows.csv"}'),
    ],
)  # fmt: skip
def test_data_is_logged_as_the_input_of_a_run(
    client: MlflowClient, uri: str, name: str, kind: str, source: str
) -> None:
    """Once, however often; MLflow's digest is as much of ours as it has room for."""
    run = client.create_run("1").info.run_id
    digest = f"sha256:{hashlib.sha256(uri.encode()).hexdigest()}"
    for _ in range(2):
        log_dataset(client, run, uri, digest, 60)

    inputs = client.get_run(run).inputs
    assert inputs is not None
    (found,) = inputs.dataset_inputs
    logged = found.dataset
    assert (logged.name, logged.source_type, logged.source) == (name, kind, source)
    assert digest.startswith(f"sha256:{logged.digest}")
    assert json.loads(logged.profile or "") == {"num_rows": 60, "digest": digest}
    assert {tag.key: tag.value for tag in found.tags} == {"mlflow.data.context": "training"}
