"""Clients of other projects speak to a server of ours as to their own."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.client_environment import python_with
from support.repository import ROOT
from support.serving_models import variables_of
from support.serving_process import ServingProcess

ROWS = [[0.5, 1.0, -1.0], [-5.0, -5.0, 0.0]]
# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def running(models: Path) -> Iterator[ServingProcess]:
    """A process that serves a pipeline of three doubles."""
    with ServingProcess(**variables_of(models / "skops")) as process:
        yield process


@contextlib.contextmanager
def mlflow_client(process: ServingProcess) -> Iterator[Any]:
    """The client by which MLflow asks its own scoring server."""
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient  # noqa: PLC0415

    yield ScoringServerClient("127.0.0.1", process.port)


def test_kserves_client_predicts_and_reads_errors(running: ServingProcess) -> None:
    """Liveness, readiness, a prediction, an unknown model, a bad value: by the first protocol."""
    python = python_with("kserve==0.21.0", "pandas==2.3.3")
    program = ROOT / "tests" / "support" / "kserve_v1_client.py"
    done = subprocess.run(
        [
            str(python), str(program), f"http://127.0.0.1:{running.port}", "churn",
            json.dumps({"instances": ROWS}),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "live": True,
        "ready": True,
        "answer": {"predictions": [1, 0]},
        "error of other": "Model with name other does not exist.",
        "error of churn": "row 0: column 'a' is no double: 'x'",
    }


@pytest.mark.parametrize("name", ["skops", "mixed", "tensor", "xgboost"])
def test_mlflows_client_gets_what_the_loaded_model_gives(models: Path, name: str) -> None:
    """Frames and arrays, as MLflow makes bodies of them, and the body that it saved as example."""
    import mlflow  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415
    from mlflow.models import (  # noqa: PLC0415
        Model,
        convert_input_example_to_serving_input,
        validate_serving_input,
    )

    folder = str(models / name)
    loaded = mlflow.pyfunc.load_model(folder)
    example = Model.load(folder).load_input_example(folder)
    body = convert_input_example_to_serving_input(example)
    assert body is not None
    expected = np.asarray(loaded.predict(example))
    with ServingProcess(**variables_of(models / name)) as process, mlflow_client(process) as client:
        client.wait_server_ready(timeout=5)
        found = client.invoke(example).get_predictions("ndarray")
        saved = process.post("/invocations", body, **{"content-type": "application/json"}).body

    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(saved["predictions"], expected, rtol=1e-6)
    np.testing.assert_allclose(validate_serving_input(folder, body), expected, rtol=1e-6)


def test_mlflows_client_shows_our_reason(running: ServingProcess) -> None:
    """An error arrives with MLflow's word for programs and our sentence for people."""
    with (
        mlflow_client(running) as client,
        pytest.raises(Exception, match=r"INVALID_PARAMETER_VALUE.*row 0 lacks 'c'"),
    ):
        client.invoke('{"dataframe_records": [{"a": 1, "b": 2}]}')
