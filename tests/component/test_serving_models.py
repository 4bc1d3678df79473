"""Models of every flavor, loaded and asked as clients ask, against MLflow's own answers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving import start
from leadsman_serving.app import create_app
from leadsman_serving.errors import ModelRefused
from leadsman_serving.lifecycle import Lifecycle, readiness
from leadsman_serving.model import Model, load_model
from leadsman_serving.settings import Settings
from support.repository import ROOT

ROW = {"a": 0.5, "b": 1.0, "c": -1.0}
# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of each kind, saved by MLflow."""
    folder = tmp_path_factory.mktemp("models")
    program = ROOT / "tests" / "support" / "make_models.py"
    subprocess.run(
        [sys.executable, str(program), str(folder)], check=True, capture_output=True, cwd=folder
    )
    return folder


def ask(
    model: Model, path: str, body: Any, settings: Settings | None = None, **headers: str
) -> httpx.Response:
    """One request to a server with the model; bytes go as they are, all else as JSON."""
    settings = settings or Settings(model_name="churn", model_version="7", model_digest="sha256:0")
    app = create_app(settings, Lifecycle(beat_at=0.0), model)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
            kind = {"content-type": "application/json"}
            return await client.post(path, content=content, headers={**kind, **headers})

    return asyncio.run(send())


@pytest.mark.parametrize("name", ["skops", "forest", "pickle", "xgboost", "booster", "lightgbm"])
def test_answers_are_those_of_mlflow(models: Path, name: str) -> None:
    """Row by row, what MLflow's own loader predicts."""
    expected = json.loads((models / "expected.json").read_text())
    model = load_model(models / name, Loading.TRUSTED)
    answer = ask(model, "/predict", {"rows": expected["rows"]})
    assert answer.status_code == 200, answer.text
    assert np.allclose(answer.json()["predictions"], expected["predictions"][name])


@pytest.mark.parametrize(
    ("name", "words"),
    [("pickle", "cloudpickle"), ("pyfunc", "code of its own")],
)
def test_what_runs_code_is_refused_unless_it_is_trusted(
    models: Path, name: str, words: str
) -> None:
    """It is refused by its description: nothing of it is loaded."""
    with pytest.raises(ModelRefused, match=words) as refused:
        load_model(models / name, Loading.SAFE)
    assert refused.value.reason is Reason.UNSAFE_FORMAT
    assert load_model(models / name, Loading.TRUSTED).flavor


def test_a_model_that_fails_on_its_own_example_never_becomes_ready(models: Path) -> None:
    """And the pod's status says why."""
    with pytest.raises(ModelRefused, match="failed on its own example") as refused:
        load_model(models / "broken", Loading.TRUSTED)
    assert refused.value.reason is Reason.LOAD_FAILED


def test_the_last_words_reach_the_termination_message(models: Path, tmp_path: Path) -> None:
    """As the operator reads them."""
    (tmp_path / "model").symlink_to(models / "pickle")
    settings = Settings(model_dir=str(tmp_path), termination_path=str(tmp_path / "said"))
    with pytest.raises(ModelRefused) as refused:
        start.load(settings)
    start.say_refused(settings, refused.value)
    said = Termination.from_text((tmp_path / "said").read_text())
    assert said is not None
    assert said.reason is Reason.UNSAFE_FORMAT


@pytest.mark.parametrize("name", ["none", "empty", "other"])
def test_a_folder_without_a_model_that_we_know_is_refused(tmp_path: Path, name: str) -> None:
    """Each with a reason of its own."""
    folder = tmp_path / name
    if name != "none":
        folder.mkdir()
        text = "" if name == "empty" else "flavors: {keras: {}}"
        (folder / "MLmodel").write_text(text)
    with pytest.raises(ModelRefused) as refused:
        load_model(folder, Loading.TRUSTED)
    expected = Reason.UNSUPPORTED_FLAVOR if name == "other" else Reason.LOAD_FAILED
    assert refused.value.reason is expected


def test_a_loaded_model_makes_the_pod_ready(models: Path) -> None:
    """Not before."""
    lifecycle = Lifecycle(beat_at=0.0)
    assert readiness(lifecycle).code == 503
    create_app(Settings(), lifecycle, load_model(models / "skops", Loading.SAFE))
    assert readiness(lifecycle).code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"features": ROW},
        {"features": list(ROW.values())},
        {"features": {**ROW, "unknown": 1}},
    ],
    ids=["by name", "by place", "with more than is needed"],
)
def test_one_row_gets_one_prediction(models: Path, body: dict[str, Any]) -> None:
    """With the model's name and version, in the body and in headers."""
    answer = ask(load_model(models / "skops", Loading.SAFE), "/predict", body)
    assert answer.json() == {"prediction": 1, "model": "churn", "version": "7"}
    assert answer.headers["x-model-version"] == "7"


def test_probabilities_come_when_they_are_asked_for(models: Path) -> None:
    """A booster has none, and says so."""
    body = {"features": ROW, "probabilities": True}
    model = load_model(models / "skops", Loading.SAFE)
    assert sum(ask(model, "/predict", body).json()["probabilities"]) == pytest.approx(1)
    several = ask(model, "/predict", {"rows": [ROW, ROW], "probabilities": True}).json()
    assert len(several["probabilities"]) == 2
    booster = load_model(models / "booster", Loading.SAFE)
    assert ask(booster, "/predict", body).json()["probabilities"] is None


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/predict", b'{"features": [1, 2', 400, "no JSON"),
        ("/predict", [1, 2, 3], 422, "write an object"),
        ("/predict", {}, 422, "write features for one row, or rows"),
        ("/predict", {"rows": []}, 422, "no row was sent"),
        ("/predict", {"rows": 1}, 422, "rows must be a list"),
        ("/predict", {"row": [1]}, 422, "unknown field 'row'"),
        ("/predict", {"features": [1, 2, 3], "probabilities": 1}, 422, "true or false"),
        ("/predict", {"features": [1, 2]}, 422, "has 2 features, the model takes 3"),
        ("/predict", {"features": 5}, 422, "no list of values"),
        ("/predict", {"features": {"a": 1, "b": 2}}, 422, "lacks 'c'"),
        ("/predict", {"features": {**ROW, "b": "x"}}, 422, "column 'b' is no double"),
        ("/predict", {"features": {**ROW, "b": True}}, 422, "column 'b' is no double"),
        ("/predict", {"features": {**ROW, "b": None}}, 422, "column 'b' is missing its value"),
        ("/invocations", {"rows": []}, 422, "exactly one of dataframe_split"),
        ("/invocations", [1], 422, "write an object with one of"),
        ("/invocations", {"instances": 1}, 422, "must be a list of rows"),
        ("/invocations", {"inputs": {"a": [1], "b": [1, 2]}}, 422, "the same length"),
        ("/invocations", {"dataframe_split": []}, 422, "with data and columns"),
        ("/invocations", {"dataframe_split": {"data": 1}}, 422, "must be a list of rows"),
        (
            "/invocations",
            {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}},
            422,
            "columns names 1",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_told_what_is_wrong(
    models: Path, path: str, body: Any, status: int, words: str
) -> None:
    """With the name of the column, and never with a trace of the server."""
    answer = ask(load_model(models / "skops", Loading.SAFE), path, body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["c", "a", "b"], "data": [[-1.0, 0.5, 1.0]]}},
        {"dataframe_split": {"data": [[0.5, 1.0, -1.0]]}},
        {"dataframe_records": [ROW]},
        {"instances": [list(ROW.values())]},
        {"inputs": {name: [value] for name, value in ROW.items()}},
        {"inputs": ROW},
    ],
)  # fmt: skip
def test_each_form_of_mlflow_is_understood(models: Path, body: dict[str, Any]) -> None:
    """Columns are found by name, whatever their order."""
    answer = ask(load_model(models / "skops", Loading.SAFE), "/invocations", body)
    assert answer.json() == {"predictions": [1]}


def test_csv_is_understood_and_other_types_are_not(models: Path) -> None:
    """415 says what to send."""
    model = load_model(models / "skops", Loading.SAFE)
    csv = {"content-type": "text/csv; charset=utf-8"}
    assert ask(model, "/invocations", b"b,a,c\n1,0.5,-1\n", None, **csv).json() == {
        "predictions": [1]
    }
    assert ask(model, "/invocations", b"", None, **csv).status_code == 400
    xml = ask(model, "/invocations", b"<row/>", None, **{"content-type": "text/xml"})
    assert xml.status_code == 415
    assert "text/csv" in xml.json()["message"]


def test_a_failing_model_tells_the_client_an_id_and_nothing_more(models: Path) -> None:
    """What it raised is for the log."""
    model = load_model(models / "pyfunc", Loading.TRUSTED)
    answer = ask(model, "/predict", {"features": {**ROW, "a": -1.0}})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"]


def test_a_model_without_a_signature_takes_numbers(models: Path) -> None:
    """As many as it was trained on; nothing is known of them."""
    model = load_model(models / "bare", Loading.SAFE)
    assert ask(model, "/predict", {"features": [0.5, 1.0, -1.0]}).json()["prediction"] == 1
    assert ask(model, "/predict", {"features": ["x", 1, 2]}).status_code == 422
    assert ask(model, "/predict", {"features": [1, 2]}).status_code == 500


@pytest.mark.parametrize(
    ("limits", "body", "status", "code"),
    [
        ({"maxRows": 1}, {"rows": [ROW, ROW]}, 413, "TooManyRows"),
        ({"maxBodyBytes": 1024}, {"rows": [ROW] * 50}, 413, "BodyTooLarge"),
        ({"timeout": "1ms"}, {"rows": [ROW] * 2000}, 504, "Timeout"),
        (
            {"rateLimit": {"requestsPerSecond": 0.001, "burst": 1}},
            {"features": ROW},
            200,
            None,
        ),
    ],
)
def test_limits_hold(
    models: Path, limits: dict[str, Any], body: Any, status: int, code: str | None
) -> None:
    """Each says what to do instead."""
    settings = Settings.from_environment({"LEADSMAN_LIMITS": json.dumps(limits)})
    model = load_model(models / "forest", Loading.SAFE)
    answer = ask(model, "/predict", body, settings)
    assert answer.status_code == status, answer.text
    assert answer.json().get("code") == code


def test_keys_are_asked_for_where_there_are_any(models: Path, tmp_path: Path) -> None:
    """As a header of its own or as a bearer token."""
    (tmp_path / "shop").write_text("s3cret\n")
    settings = Settings(api_keys_dir=str(tmp_path))
    model = load_model(models / "skops", Loading.SAFE)
    body = {"features": ROW}
    assert ask(model, "/predict", body, settings).status_code == 401
    wrong = ask(model, "/predict", body, settings, **{"x-api-key": "guess"})
    assert wrong.status_code == 401
    for headers in ({"x-api-key": "s3cret"}, {"authorization": "Bearer s3cret"}):
        assert ask(model, "/predict", body, settings, **headers).status_code == 200
