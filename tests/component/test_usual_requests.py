"""Usual requests are answered in one pass as in general, byte for byte, in every protocol."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from leadsman_serving.cost import Cost
from support.serving_models import ModelServer

pytestmark = pytest.mark.filterwarnings("ignore")
ROWS: tuple[dict[str, Any], ...] = (
    {"a": 0.5, "b": 1.0, "c": -1.0},
    {"a": 1, "b": -2, "c": 3},
    {"a": -1e300, "b": 1e-300, "c": 0.0},
    {"a": 1e308, "b": 1e308, "c": 1e308},
    {"a": 1e999, "b": 0, "c": 0},
    {"a": 12345678901234567890, "b": 0, "c": 0},
    {"a": None, "b": 0, "c": 0},
    {"a": "1", "b": 0, "c": 0},
    {"a": True, "b": 0, "c": 0},
    {"a": 1, "b": 2},
    {"a": 1, "b": 2, "c": 3, "d": 4},
    {"c": 3, "b": 2, "a": 1},
)
PATHS = ("/predict", "/invocations", "/v1/models/churn:predict", "/v2/models/churn/infer")


def ours(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Bodies of our own protocol."""
    yield {"features": row}
    yield {"features": list(row.values())}
    yield {"features": list(row.values()), "probabilities": True}
    yield {"rows": [list(row.values())]}


def mlflows(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Bodies of MLflow's protocol."""
    names, values = list(row), list(row.values())
    for form in ("inputs", "instances"):
        yield {form: [values]}
        yield {form: [values, values]}
    yield {"instances": [row]}
    yield {"dataframe_records": [row]}
    yield {"dataframe_records": [row, {**row, "a": 2.5}]}
    yield {"dataframe_split": {"columns": names, "data": [values]}}
    yield {"dataframe_split": {"columns": names[::-1], "data": [values]}}
    yield {"dataframe_split": {"data": [values]}}
    yield {"dataframe_split": {"columns": names, "index": [0], "data": [values]}}
    yield {"inputs": [values], "params": {"x": 1}}
    yield {"inputs": [values], "instances": [values]}
    yield {}


def kserves(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Bodies of KServe's first protocol."""
    values = list(row.values())
    yield {"instances": [values]}
    yield {"instances": [row]}
    yield {"instances": [values, values]}
    yield {"inputs": [values]}
    yield {"instances": [values], "signature_name": "serving_default"}


def tensors(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Bodies of the Open Inference Protocol."""
    values = list(row.values())
    tensor = {"name": "rows", "shape": [1, len(values)], "datatype": "FP64", "data": values}
    yield {"inputs": [tensor]}
    yield {"inputs": [tensor], "id": 'an "id"'}
    yield {"inputs": [{**tensor, "data": [values]}]}
    yield {"inputs": [{**tensor, "shape": [len(values), 1]}]}
    yield {"inputs": [{**tensor, "datatype": "FP32"}]}
    yield {"inputs": [tensor], "outputs": [{"name": "probabilities"}]}
    yield {"inputs": [tensor, tensor]}
    yield {"inputs": []}


FORMS = dict(zip(PATHS, (ours, mlflows, kserves, tensors), strict=True))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["skops", "xgboost", "lgbm", "booster", "bare"])
def test_both_ways_write_the_same(models: Path, name: str, path: str) -> None:
    """Whatever the quick way answers, the general way answers to the last byte."""
    server = ModelServer(models / name)
    single = server.app.quick.singles.get(path)
    general = ModelServer(models / name, before=leave_out_the_quick_way)
    quick_ones = 0
    for row, form in itertools.product(ROWS, (FORMS[path],)):
        for body in form(row):
            content = json.dumps(body).encode()
            answer = single.answer(content) if single else None
            if answer is not None:
                quick_ones += 1
                assert answer == general.post(path, content).content, body

    assert (quick_ones > 0) is (single is not None)


def leave_out_the_quick_way(inference: Any) -> None:
    """Without the example nothing is compared, and nothing answers in one pass."""
    object.__setattr__(inference.model, "example", ())


def test_usual_requests_go_the_quick_way(models: Path) -> None:
    """A model of numbers has one for each protocol."""
    assert set(PATHS) <= set(ModelServer(models / "skops").app.quick.singles)


def test_a_server_of_asgi_need_not_give_a_state(models: Path) -> None:
    """The quick way does without; the model is taken for a fast one, however busy the machine."""
    server, sent = ModelServer(models / "skops"), list[Message]()
    server.inference.worker.expect(Cost(0.0, 1e-6))
    asked = server.inference.worker.counts.calls

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"features": [1, 2, 3]}'}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {
        "type": "http", "method": "POST", "path": "/predict", "headers": headers,
        "query_string": b"",
    }  # fmt: skip
    asyncio.run(server.app(scope, receive, send))

    assert sent[0]["status"] == 200
    assert server.inference.worker.counts.calls == asked, "it went the quick way"


def test_a_wrong_form_is_found_out(models: Path) -> None:
    """A model whose row by itself is told otherwise is answered in the general way only."""

    def lie(inference: Any) -> None:
        original = inference.model.predictor

        class Lying:
            """Says another class of a row by itself."""

            predict, probabilities = original.predict, original.probabilities

            @staticmethod
            def row(_values: object) -> object:
                return 77

        object.__setattr__(inference.model, "predictor", Lying())

    assert ModelServer(models / "skops", before=lie).app.quick.singles == {}


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"x-api-key": "wrong"}, 401), ({"x-api-key": "right"}, 200)],
)
def test_keys_are_asked_for(
    models: Path, tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    """The quick way lets nobody in whom the general way would refuse."""
    (tmp_path / "client").write_text("right")
    server = ModelServer(models / "skops", variables={"LEADSMAN_API_KEYS_DIR": str(tmp_path)})

    assert server.app.quick.singles
    assert server.post("/predict", {"features": [1, 2, 3]}, **headers).status_code == status


def test_each_request_counts_once(models: Path) -> None:
    """A burst of three is three requests, whichever way they are answered."""
    limits = json.dumps({"rateLimit": {"requestsPerSecond": 0.001, "burst": 3}})
    server = ModelServer(models / "skops", variables={"LEADSMAN_LIMITS": limits})
    bodies = [{"features": [1, 2, 3]}, {"rows": [[1, 2, 3]]}, {"features": [1, 2, 3]}] * 2

    statuses = [server.post("/predict", body).status_code for body in bodies]

    assert statuses == [200, 200, 200, 429, 429, 429]
