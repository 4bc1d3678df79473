"""Requests of clients to a server with a model: answers, refusals, limits, counts."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message

from leadsman_serving.cost import Cost
from leadsman_serving.errors import BadRequest, InvalidSettings
from leadsman_serving.inference import Question
from leadsman_serving.table import Table
from support.serving_models import ModelServer, ask

ROW = {"a": 0.5, "b": 1.0, "c": -1.0}
# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def server(models: Path) -> ModelServer:
    """A server with a pipeline of three doubles."""
    return ModelServer(models / "skops")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"features": ROW}, id="by name"),
        pytest.param({"features": list(ROW.values())}, id="by place"),
        pytest.param({"features": {**ROW, "unknown": 1}}, id="with more than is needed"),
    ],
)
def test_one_row_gets_one_prediction(server: ModelServer, body: dict[str, Any]) -> None:
    """With the model's name and version, in the body and in headers."""
    answer = server.post("/predict", body, **{"x-request-id": "abc"})

    assert answer.json() == {"prediction": 1, "model": "churn", "version": "7"}
    found = {name: answer.headers[f"x-{name}"] for name in ("model-name", "model-version")}
    assert found == {"model-name": "churn", "model-version": "7"}
    assert answer.headers["x-model-digest"] == "sha256:0123456789ab"
    assert answer.headers["x-request-id"] == "abc"


def test_several_rows_get_a_list(server: ModelServer) -> None:
    """In their order, each by place or by name."""
    rows = [ROW, [-5, -5, 0], ROW]

    assert server.post("/predict", {"rows": rows}).json()["predictions"] == [1, 0, 1]


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/x-www-form-urlencoded", "", "a/b+json"]
)
def test_json_is_read_whatever_a_simple_client_calls_it(server: ModelServer, kind: str) -> None:
    """`curl -d` sends a form's type."""
    answer = server.post("/predict", {"features": ROW}, **{"content-type": kind})

    assert answer.json()["prediction"] == 1


REFUSALS = [
    ("/predict", b'{"features": [1, 2', 400, "no JSON"),
    ("/predict", b"[" * 100_000, 400, "nested too deeply"),
    ("/predict", [1, 2, 3], 422, "write an object"),
    ("/predict", {}, 422, "write features for one row, or rows"),
    ("/predict", {"rows": []}, 422, "no row was sent"),
    ("/predict", {"rows": 1}, 422, "rows must be a list"),
    ("/predict", {"row": [1]}, 422, "unknown field 'row'"),
    ("/predict", {"features": [1, 2, 3], "probabilities": 1}, 422, "true or false"),
    ("/predict", {"features": [1, 2]}, 422, "has 2 features, the model takes 3"),
    ("/predict", {"features": 5}, 422, "no list of values"),
    ("/predict", {"features": {"a": 1, "b": 2}}, 422, "lacks 'c'"),
    ("/predict", {"features": {**ROW, "b": "x"}}, 422, "column 'b' is no double: 'x'"),
    ("/predict", {"features": {**ROW, "b": True}}, 422, "column 'b' is no double"),
    ("/predict", {"rows": [ROW, {**ROW, "b": None}]}, 422, "row 1: column 'b' is missing"),
    ("/predict", b'{"features": [1, Infinity, 1]}', 422, "column 'b' is no double: inf"),
    ("/predict", b'{"features": [1, 1' + b"0" * 400 + b", 1]}", 422, "column 'b' is no double"),
]


@pytest.mark.parametrize(("path", "body", "status", "words"), REFUSALS)
def test_bad_input_is_told_what_is_wrong(
    server: ModelServer, path: str, body: Any, status: int, words: str
) -> None:
    """As a problem of RFC 9457, with the name of the column and never a trace of the server."""
    answer = server.post(path, body)
    problem = answer.json()

    assert answer.status_code == problem["status"] == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "code"} <= problem.keys()


def test_a_problem_names_column_and_row_for_programs(server: ModelServer) -> None:
    """Apart from the sentence for people."""
    problem = server.post("/predict", {"rows": [ROW, {**ROW, "b": "x"}]}).json()

    assert (problem["column"], problem["row"]) == ("b", 1)


@pytest.mark.parametrize("kind", ["text/xml", "text/csv", "application/json; charset=latin-1"])
def test_other_types_are_not_understood(server: ModelServer, kind: str) -> None:
    """415 says what to send."""
    answer = server.post("/predict", b"<row/>", **{"content-type": kind})

    assert answer.status_code == 415
    assert "send" in answer.json()["detail"]


def test_a_failing_model_tells_the_client_an_id_and_nothing_more(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What it raised is for the log, under the same id."""
    server = ModelServer(models / "pyfunc", "Trusted")
    with caplog.at_level(logging.ERROR):
        answer = server.post("/predict", {"features": {**ROW, "a": -1.0}})

    assert answer.status_code == 500
    assert "secret" not in answer.text
    record = caplog.records[-1]
    assert record.__dict__["request_id"] == answer.json()["request_id"]
    assert record.exc_info is not None
    assert "a secret of the model" in str(record.exc_info[1])
    assert server.metric('leadsman_requests_total{status="5xx"}') == 1


def test_code_gives_values_where_rows_were_sent(models: Path) -> None:
    """A series is a list in our protocol, and records in MLflow's."""
    server = ModelServer(models / "pyfunc", "Trusted")

    assert server.post("/predict", {"rows": [ROW, ROW]}).json()["predictions"] == [1.0, 1.0]
    assert server.post("/predict", {"features": ROW}).json()["prediction"] == 1.0


def test_a_model_without_a_signature_takes_numbers(models: Path) -> None:
    """As many as it was trained on; nothing is known of them."""
    server = ModelServer(models / "bare")

    assert server.post("/predict", {"features": [0.5, 1.0, -1.0]}).json()["prediction"] == 1
    assert server.post("/predict", {"features": ["x", 1, 2]}).status_code == 422
    assert server.post("/predict", {"features": [1, 2]}).status_code == 500


@pytest.mark.parametrize(
    ("limits", "body", "code"),
    [
        ({"maxRows": 1}, {"rows": [ROW, ROW]}, "TooManyRows"),
        ({"maxBodyBytes": 1024}, {"rows": [ROW] * 50}, "BodyTooLarge"),
    ],
)
def test_sizes_are_limited(models: Path, limits: dict[str, Any], body: Any, code: str) -> None:
    """413, and counted by its cause."""
    variables = {"LEADSMAN_LIMITS": json.dumps(limits)}
    server = ModelServer(models / "skops", variables=variables)
    answer = server.post("/predict", body)

    assert (answer.status_code, answer.json()["code"]) == (413, code)
    assert server.metric(f'leadsman_requests_refused_total{{reason="{code}"}}') == 1


def test_a_rate_is_kept(models: Path) -> None:
    """After the burst 429 with the seconds to wait."""
    rate = {"rateLimit": {"requestsPerSecond": 0.01, "burst": 2}}
    server = ModelServer(models / "skops", variables={"LEADSMAN_LIMITS": json.dumps(rate)})
    answers = [server.post("/predict", {"features": ROW}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "100"


def test_keys_are_asked_for_where_there_are_any(models: Path, tmp_path: Path) -> None:
    """As a header of its own or as a bearer token; health and documentation need none."""
    (tmp_path / "shop").write_text("s3cret\n")
    (tmp_path / "..data").mkdir()
    variables = {"LEADSMAN_API_KEYS_DIR": str(tmp_path)}
    server = ModelServer(models / "skops", variables=variables)
    body = {"features": ROW}

    refused = server.post("/predict", body)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert server.post("/predict", body, **{"x-api-key": "guess"}).status_code == 401
    assert server.post("/invocations", body, authorization="Basic x").status_code == 401
    for headers in ({"x-api-key": "s3cret"}, {"authorization": "Bearer s3cret"}):
        assert server.post("/predict", body, **headers).status_code == 200
    assert ask(server.app, "GET", "/health/ready").status_code == 200


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_no_key_lets_nobody_in(models: Path, tmp_path: Path, folder: str) -> None:
    """A Secret without keys must not open the model to everybody."""
    (tmp_path / "empty").mkdir()
    variables = {"LEADSMAN_API_KEYS_DIR": str(tmp_path / folder)}

    with pytest.raises(InvalidSettings, match="LEADSMAN_API_KEYS_DIR"):
        ModelServer(models / "skops", variables=variables)


def test_requests_are_counted_by_status_and_time(models: Path) -> None:
    """Only those of the model's routes; every class begins at zero."""
    server = ModelServer(models / "skops")
    assert server.metric('leadsman_requests_total{status="5xx"}') == 0
    bodies: list[dict[str, Any]] = [{"features": ROW}, {"rows": [ROW, ROW]}, {"features": []}]
    for body in bodies:
        server.post("/predict", body)
    ask(server.app, "GET", "/ping")
    ask(server.app, "GET", "/nowhere")

    assert server.metric('leadsman_requests_total{status="2xx"}') == 2
    assert server.metric('leadsman_requests_total{status="4xx"}') == 1
    assert server.metric("leadsman_request_seconds_count") == 3
    assert server.metric("leadsman_rows_total") == 3


def test_the_exposition_is_valid_and_has_fine_buckets(server: ModelServer) -> None:
    """The judge reads bounds at 1 to 500 ms; the model and its digest are labels."""
    text = generate_latest(server.registry).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}

    bounds = {
        float(sample.labels["le"])
        for sample in families["leadsman_request_seconds"].samples
        if sample.name.endswith("_bucket")
    }
    wanted = {0.0001, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 10.0}
    assert wanted <= bounds
    labels = families["leadsman_backend_info"].samples[0].labels
    assert (labels["backend"], labels["model"], labels["version"]) == ("sklearn", "churn", "7")


def test_a_client_that_leaves_is_no_error_of_the_model(models: Path) -> None:
    """Nobody waits for the answer, and nothing counts against the version."""
    server = ModelServer(models / "skops")
    sent: list[Message] = []

    async def leave() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/predict", "headers": [], "query_string": b"",
    }  # fmt: skip

    async def answer() -> None:
        await server.app(scope, leave, send)

    asyncio.run(answer())

    assert sent == []
    assert server.metric('leadsman_requests_total{status="4xx"}') == 1
    assert server.metric('leadsman_requests_total{status="5xx"}') == 0


def test_a_wrong_method_names_the_right_one(server: ModelServer) -> None:
    """405 with Allow."""
    answer = ask(server.app, "GET", "/predict")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_probes_of_mlflow_and_the_version_are_answered(server: ModelServer) -> None:
    """`/ping` is empty; `/version` has the whole digest."""
    assert ask(server.app, "GET", "/ping").text == "\n"
    told = ask(server.app, "GET", "/version").json()
    assert (told["model"], told["version"], len(told["digest"])) == ("churn", "7", 71)


def test_the_documentation_shows_the_models_own_example(server: ModelServer) -> None:
    """A person can send it as it stands; every column is named with its type."""
    described = ask(server.app, "GET", "/openapi.json").json()["paths"]
    content = described["/predict"]["post"]["requestBody"]["content"]["application/json"]

    assert server.post("/predict", content["example"]).status_code == 200
    row = content["schema"]["properties"]["features"]["anyOf"][0]
    assert row["properties"] == {name: {"type": "number"} for name in "abc"}
    theirs = described["/invocations"]["post"]["requestBody"]["content"]["application/json"]
    assert server.post("/invocations", theirs["example"]).status_code == 200
    assert ask(server.app, "GET", "/docs").status_code == 200


def test_an_answer_that_takes_too_long_is_given_up(models: Path) -> None:
    """504; while the model is still busy, others are refused at once with the time to wait."""
    server = ModelServer(models / "skops", variables={"LEADSMAN_LIMITS": '{"timeout": "50ms"}'})
    inference, go_on = server.inference, threading.Event()

    def stuck() -> Table:
        go_on.wait()
        raise AssertionError("nobody waits for the rows any more")

    async def all_of_it() -> httpx.Response:
        inference.worker.expect(Cost(0.0, 0.01))
        with pytest.raises(BadRequest, match="later than it was waited for"):
            await inference.answer(Question(1, stuck, lambda _predicted: b""))
        transport = httpx.ASGITransport(server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
            return await client.post("/predict", json={"features": ROW})

    refused = asyncio.run(all_of_it())
    go_on.set()
    assert (refused.status_code, refused.json()["code"]) == (503, "Overloaded")
    assert int(refused.headers["retry-after"]) > 0
