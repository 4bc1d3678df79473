"""The Open Inference Protocol over REST: all its routes, and errors in its own form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadsman_serving.app import create_app
from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.settings import Settings
from support.serving_models import ModelServer, ask

INFER = "/v2/models/churn/infer"
ROWS = [[0.5, 1.0, -1.0], [-5.0, -5.0, 0.0]]
# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")


def body(name: str = "x", **more: Any) -> dict[str, Any]:
    """Two rows in one tensor."""
    return {
        "inputs": [{"name": name, "shape": [2, 3], "datatype": "FP64", "data": ROWS}],
        **more,
    }


@pytest.fixture(scope="module")
def server(models: Path) -> ModelServer:
    """A server with a pipeline of three doubles."""
    return ModelServer(models / "skops")


@pytest.mark.parametrize("path", [INFER, "/v2/models/churn/versions/7/infer"])
def test_both_routes_predict(server: ModelServer, path: str) -> None:
    """With the id and the model's name and version; the request is counted."""
    before = server.metric('leadsman_requests_total{status="2xx"}')

    answer = server.post(path, body(id="42"))

    assert answer.status_code == 200
    assert answer.json() == {
        "model_name": "churn",
        "model_version": "7",
        "id": "42",
        "outputs": [{"name": "output-0", "shape": [2, 1], "datatype": "INT64", "data": [1, 0]}],
    }
    assert server.metric('leadsman_requests_total{status="2xx"}') == before + 1


def test_answers_are_those_of_our_own_protocol(server: ModelServer) -> None:
    """Probabilities too, which have to be asked for by name."""
    ours = server.post("/predict", {"rows": ROWS, "probabilities": True}).json()

    theirs = server.post(INFER, body(outputs=[{"name": "probabilities"}])).json()["outputs"]

    assert [one["name"] for one in theirs] == ["probabilities"]
    assert theirs[0]["shape"] == [2, 2]
    assert np.reshape(theirs[0]["data"], (2, 2)).tolist() == ours["probabilities"]


def test_binary_data_comes_and_goes(server: ModelServer) -> None:
    """The lengths of the JSON stand in a header both ways."""
    raw = np.array(ROWS).tobytes()
    described = {
        "inputs": [
            {
                "name": "x",
                "shape": [2, 3],
                "datatype": "FP64",
                "parameters": {"binary_data_size": len(raw)},
            }
        ],
        "parameters": {"binary_data_output": True},
    }
    head = json.dumps(described).encode()
    headers = {
        "content-type": "application/octet-stream",
        "inference-header-content-length": str(len(head)),
    }

    answer = server.post(INFER, head + raw, **headers)

    length = int(answer.headers["inference-header-content-length"])
    assert answer.headers["content-type"] == "application/octet-stream"
    told = json.loads(answer.content[:length])["outputs"][0]
    assert told["parameters"] == {"binary_data_size": 16}
    assert np.frombuffer(answer.content[length:], np.int64).tolist() == [1, 0]


def test_a_column_each_where_types_differ(models: Path) -> None:
    """The signature's names, in any order."""
    server = ModelServer(models / "mixed")
    rows = {"age": [5, 6], "height": [0.5, None], "kind": ["red", "blue"], "new": [True, False]}
    types = {"age": "INT64", "height": "FP64", "kind": "BYTES", "new": "BOOL"}
    inputs = [
        {"name": name, "shape": [2], "datatype": types[name], "data": rows[name]}
        for name in reversed(rows)
    ]

    answer = server.post(INFER, {"inputs": inputs}).json()

    theirs = server.post("/invocations", {"inputs": rows}).json()["predictions"]
    assert answer["outputs"][0]["data"] == theirs
    described = ask(server.app, "GET", "/v2/models/churn").json()["inputs"]
    assert {one["name"]: one["datatype"] for one in described} == types


def test_models_of_tensors(models: Path) -> None:
    """By name, in the signature's shapes."""
    server = ModelServer(models / "onnx-pair")
    inputs = [
        {"name": name, "shape": [2, 1], "datatype": "FP32", "data": data}
        for name, data in (("b", [3, 4]), ("a", [1, 2]))
    ]

    answer = server.post(INFER, {"inputs": inputs})

    assert answer.json()["outputs"][0]["data"] == [4, 6], answer.text
    described = ask(server.app, "GET", "/v2/models/churn").json()["inputs"]
    assert described[0] == {"name": "a", "datatype": "FP32", "shape": [-1, 1]}


GETS = [
    ("/v2/health/live", 200, {"live": True}),
    ("/v2/health/ready", 200, {"ready": True}),
    ("/v2/models/churn/ready", 200, {"name": "churn", "ready": True}),
    ("/v2/models/churn/versions/7/ready", 200, {"name": "churn", "ready": True}),
    ("/v2/models/other", 404, {"error": "no model 'other' is served here, but 'churn'"}),
    ("/v2/models/other/ready", 404, {"error": "no model 'other' is served here, but 'churn'"}),
    (
        "/v2/models/churn/versions/8",
        404,
        {"error": "no version '8' of 'churn' is served here, but 7"},
    ),
    ("/v2/nothing", 404, {"error": "GET /v2/nothing: Not Found"}),
    (INFER, 405, {"error": "GET is not answered here: send a POST"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "status", "expected"), GETS)
def test_health_and_what_is_not_there(
    server: ModelServer, path: str, status: int, expected: dict[str, Any]
) -> None:
    """In the protocol's own form."""
    server.lifecycle.beat_at = float("inf")

    answer = ask(server.app, "GET", path)

    assert (answer.status_code, answer.json()) == (status, expected)


def test_metadata_of_server_and_model(server: ModelServer) -> None:
    """Of both paths of the model, and in Triton's index."""
    told = ask(server.app, "GET", "/v2").json()
    assert told["name"] == "leadsman"
    assert "binary_tensor_data" in told["extensions"]
    columns = [{"name": name, "datatype": "FP64", "shape": [-1, 1]} for name in "abc"]
    for path in ("/v2/models/churn", "/v2/models/churn/versions/7"):
        assert ask(server.app, "GET", path).json() == {
            "name": "churn",
            "versions": ["7"],
            "platform": "mlflow",
            "inputs": columns,
            "outputs": [{"name": "output-0", "datatype": "INT64", "shape": [-1, 1]}],
        }
    index = ask(server.app, "POST", "/v2/repository/index", b"{}").json()
    assert index == [{"name": "churn", "version": "7", "state": "READY", "reason": ""}]
    assert ask(server.app, "POST", "/v2/repository/index", b"{").status_code == 400


REFUSALS: list[tuple[str, Any, dict[str, str], int, str]] = [
    (INFER, b'{"inputs": [', {}, 400, "no JSON"),
    (INFER, b"[" * 1_900, {}, 400, "nested too deeply"),
    (INFER, {}, {}, 422, "missing required field `inputs`"),
    (INFER, {"inputs": []}, {}, 422, "inputs is empty"),
    (INFER, body(), {"content-type": "text/csv"}, 415, "not text/csv"),
    (INFER, body(), {"content-encoding": "gzip"}, 415, "encoding gzip"),
    (INFER, body(), {"content-type": "application/octet-stream"}, 415, "with the header"),
    (INFER, body(), {"inference-header-content-length": "x"}, 400, "inference-header"),
    (INFER, b" " * 3000, {}, 413, "2000 bytes that are allowed"),
    (INFER, body(outputs=[{"name": "y"}]), {}, 422, "no output 'y': ask for output-0"),
    ("/v2/models/other/infer", body(), {}, 404, "no model 'other' is served here"),
    ("/v2/models/churn/versions/8/infer", body(), {}, 404, "no version '8'"),
]


@pytest.mark.parametrize(("path", "content", "headers", "status", "words"), REFUSALS)
def test_refusals_have_the_protocols_form(
    models: Path, path: str, content: Any, headers: dict[str, str], status: int, words: str
) -> None:
    """`error` says what is wrong."""
    limits = {"LEADSMAN_LIMITS": '{"maxBodyBytes": 2000}'}
    server = ModelServer(models / "skops", variables=limits)

    answer = server.post(path, content, **headers)

    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert words in answer.json()["error"]


def test_a_failing_model_gives_an_id_and_no_secret(models: Path) -> None:
    """The log has the rest under it; nothing of the model's own words gets out."""
    server = ModelServer(models / "pyfunc", "Trusted")

    answer = server.post(INFER, body(), **{"x-request-id": "abc"})

    assert answer.status_code == 500
    assert "abc" in answer.json()["error"]
    assert "secret" not in answer.text


def test_parameters_reach_models_that_are_code(models: Path) -> None:
    """As MLflow's parameters; the protocol's own stay behind."""
    server = ModelServer(models / "pyfunc", "Trusted")
    inputs = [{"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [1, 1, 1]}]

    answer = server.post(INFER, {"inputs": inputs, "parameters": {"times": 5, "priority": 1}})

    assert answer.json()["outputs"][0]["data"] == [5]


def test_without_a_model_nothing_is_ready() -> None:
    """And predictions are refused with the time to come back."""
    settings = Settings(model_name="churn", model_version="7")
    app = create_app(settings, Lifecycle(beat_at=float("inf")))

    ready = ask(app, "GET", "/v2/models/churn/ready")
    answer = ask(app, "POST", INFER, b"{}")

    assert (ready.status_code, ready.json()) == (503, {"name": "churn", "ready": False})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "No model is loaded" in answer.json()["error"]
