"""KServe's first protocol: its forms, its errors, and what is asked before a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leadsman_serving.app import create_app
from leadsman_serving.settings import Settings
from support.serving_models import ModelServer, ask

PREDICT = "/v1/models/churn:predict"
ROW = {"a": 0.5, "b": 1.0, "c": -1.0}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def server(models: Path) -> ModelServer:
    """A server with a pipeline of three doubles, whose model is called churn."""
    return ModelServer(models / "skops")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"instances": [[0.5, 1, -1], [-5, -5, 0]]}, id="by place"),
        pytest.param({"instances": [ROW, {"a": -5, "b": -5, "c": 0, "d": 1}]}, id="by name"),
        pytest.param({"instances": [ROW, [-5, -5, 0]]}, id="in both ways"),
        pytest.param({"inputs": [[0.5, 1, -1], [-5, -5, 0]]}, id="as inputs"),
        pytest.param({"inputs": {"a": [0.5, -5], "b": [1, -5], "c": [-1, 0]}}, id="as columns"),
        pytest.param(
            {"instances": [{"a": [0.5, -5], "b": [1, -5], "c": [-1, 0]}]}, id="as a frame"
        ),
        pytest.param(
            {"signature_name": "x", "instances": [ROW, [-5, -5, 0]], "parameters": {"x": 1}},
            id="with more members",
        ),
    ],
)
def test_instances_get_predictions(server: ModelServer, body: dict[str, Any]) -> None:
    """One for each, in their order."""
    answer = server.post(PREDICT, body)

    assert answer.json() == {"predictions": [1, 0]}
    assert answer.headers["x-model-version"] == "7"


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (PREDICT, b"{", 400, "no JSON"),
        (PREDICT, [1], 422, "write an object"),
        (PREDICT, {}, 422, "exactly one of instances and inputs"),
        (PREDICT, {"instances": [], "inputs": []}, 422, "exactly one of instances and inputs"),
        (PREDICT, {"instances": []}, 422, "no row was sent"),
        (PREDICT, {"instances": [1]}, 422, "row 0 is no list"),
        (PREDICT, {"instances": [{"a": 1}]}, 422, "row 0 lacks 'b', 'c'"),
        (PREDICT, {"instances": [{"a": [1, 2], "b": [1], "c": []}]}, 422, "the same length"),
        (PREDICT, {"instances": [ROW], "parameters": 1}, 422, "must be an object"),
        ("/v1/models/other:predict", {"instances": [ROW]}, 404, "other does not exist"),
        ("/v1/models/churn:explain", {"instances": [ROW]}, 501, "explains nothing"),
    ],
)
def test_errors_have_kserves_form(
    server: ModelServer, path: str, body: Any, status: int, words: str
) -> None:
    """One member with a sentence, for another model's name too."""
    answer = server.post(path, body)

    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert words in answer.json()["error"]


def test_other_types_are_not_understood(server: ModelServer) -> None:
    """415 says what to send."""
    answer = server.post(PREDICT, b"a,b", **{"content-type": "text/csv"})

    assert (answer.status_code, answer.json()["error"]) == (
        415,
        "send application/json, not text/csv",
    )


def test_the_model_is_listed_and_ready(server: ModelServer) -> None:
    """As KServe's clients ask for it."""
    assert ask(server.app, "GET", "/").json() == {"status": "alive"}
    assert ask(server.app, "GET", "/v1/models").json() == {"models": ["churn"]}
    ready = ask(server.app, "GET", "/v1/models/churn")
    assert (ready.status_code, ready.json()) == (200, {"name": "churn", "ready": True})
    missing = ask(server.app, "GET", "/v1/models/other")
    assert (missing.status_code, list(missing.json())) == (404, ["error"])


def test_a_server_without_its_model_says_so() -> None:
    """503 to whoever asks or predicts, as long as nothing is loaded."""
    app = create_app(Settings(model_name="churn"))

    assert ask(app, "GET", "/v1/models/churn").status_code == 503
    predicting = ask(app, "POST", PREDICT, b"{}")
    assert (predicting.status_code, list(predicting.json())) == (503, ["error"])
