"""MLflow's `/invocations`: its forms, its types of body, its errors, as its own server has them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from support.serving_models import ModelServer

ROW = {"a": 0.5, "b": 1.0, "c": -1.0}
PARQUET = {"content-type": "application/vnd.apache.parquet"}
CSV = {"content-type": "text/csv; charset=utf-8"}
# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def server(models: Path) -> ModelServer:
    """A server with a pipeline of three doubles."""
    return ModelServer(models / "skops")


REFUSALS: list[tuple[Any, int, str]] = [
    (b"{", 400, "no JSON"),
    (b"[" * 100_000, 400, "nested too deeply"),
    ({"rows": []}, 422, "exactly one of dataframe_split"),
    ({"inputs": [], "instances": []}, 422, "exactly one of dataframe_split"),
    ([1], 422, "write an object with one of"),
    ({"instances": 1}, 422, "must be a list of rows"),
    ({"inputs": []}, 422, "no row was sent"),
    ({"inputs": {}}, 422, "the same length"),
    ({"inputs": {"a": [1], "b": [1, 2]}}, 422, "the same length"),
    ({"dataframe_split": []}, 422, "with data and columns"),
    ({"dataframe_split": {"data": 1}}, 422, "must be a list of rows"),
    ({"dataframe_split": {"columns": 1, "data": [[1]]}}, 422, "a list of names"),
    ({"dataframe_split": {"columns": [["a"]], "data": [[1]]}}, 422, "a list of names"),
    ({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, 422, "'a' twice"),
    ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, 422, "names 1"),
    ({"dataframe_records": [1]}, 422, "a list of objects"),
    ({"dataframe_records": [{"a": 1, "B": 2, "c": 3}]}, 422, "row 0 lacks 'b'"),
    ({"dataframe_records": [{**ROW, "b": "x"}]}, 422, "column 'b' is no double: 'x'"),
    ({"inputs": [[1, 2, 3]], "params": 3}, 422, "params must be an object"),
]


@pytest.mark.parametrize(("body", "status", "words"), REFUSALS)
def test_errors_have_mlflows_form(server: ModelServer, body: Any, status: int, words: str) -> None:
    """A word for programs and a sentence for people, never the rows or a trace."""
    answer = server.post("/invocations", body)
    error = answer.json()

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert error["error_code"] == {400: "BAD_REQUEST", 422: "INVALID_PARAMETER_VALUE"}[status]
    assert words in error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]


def test_every_refusal_has_a_word_that_mlflow_knows(models: Path) -> None:
    """The gate's and the limits' refusals too, before and after a body is read."""
    variables = {"LEADSMAN_LIMITS": json.dumps({"maxRows": 1, "maxBodyBytes": 1024})}
    limited = ModelServer(models / "skops", variables=variables)
    answers = [
        limited.post("/invocations", {"inputs": [[1, 2, 3]] * 2}),
        limited.post("/invocations", b"x" * 2000),
        limited.post("/invocations", b"x", **{"content-type": "text/xml"}),
    ]

    assert [answer.status_code for answer in answers] == [413, 413, 415]
    assert {answer.json()["error_code"] for answer in answers} == {"BAD_REQUEST"}


@pytest.mark.parametrize("kind", ["text/xml", "application/json; a=b; charset=latin-1"])
def test_other_types_are_not_understood(server: ModelServer, kind: str) -> None:
    """415 says what to send."""
    answer = server.post("/invocations", b"<row/>", **{"content-type": kind})

    assert answer.status_code == 415
    assert "send" in answer.json()["message"]


def test_columns_that_the_model_does_not_know_are_counted(models: Path) -> None:
    """They are left out, as MLflow does, in either protocol and without a line in the log."""
    server = ModelServer(models / "skops")
    more = {**ROW, "d": 1, "e": 2}
    server.post("/invocations", {"dataframe_records": [more, more]})
    server.post("/invocations", {"inputs": {name: [value] for name, value in more.items()}})
    server.post("/invocations", b"a,b,c,d\n1,2,3,4\n", **CSV)
    server.post("/predict", {"features": more})
    server.post("/predict", {"features": ROW})

    assert server.metric("leadsman_unknown_columns_total") == 2 + 2 + 1 + 2


def test_records_may_leave_out_what_others_have(models: Path) -> None:
    """As a frame of MLflow's fills them; a model that takes no gaps says so."""
    body = {"dataframe_records": [ROW, {"a": 1.0, "b": 1.0}]}

    assert ModelServer(models / "xgboost").post("/invocations", body).status_code == 200
    assert ModelServer(models / "skops").post("/invocations", body).json()["column"] == "c"


def test_csv_is_understood(models: Path, server: ModelServer) -> None:
    """Columns by their names, whatever their order; by place where the model has no names."""
    assert server.post("/invocations", b"b,a,c\n1,0.5,-1\n", **CSV).json() == {"predictions": [1]}
    mixed = ModelServer(models / "mixed")
    text = b"age,height,kind,new\n1,,red,True\n"
    assert len(mixed.post("/invocations", text, **CSV).json()["predictions"]) == 1
    nameless = ModelServer(models / "nameless")
    answer = nameless.post("/invocations", b"x,y,z\n1,2,3\n", **CSV)
    assert len(answer.json()["predictions"][0]) == 2


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        (b"", 400, "no CSV"),
        (b"a\n\xff\n", 400, "no CSV"),
        (b"a,b,c\n1,2,3,4\n", 400, "more values than the header"),
        (b"," * 30_000 + b"\n", 422, "more than 20000 columns"),
        (b"a,b,c\n1,x,3\n", 422, "column 'b' is no double: 'x'"),
        (b"a,b,c\n", 422, "no row was sent"),
    ],
)
def test_a_text_that_is_no_table_is_refused(
    server: ModelServer, text: bytes, status: int, words: str
) -> None:
    """Lines that are too long never shift values into other columns."""
    answer = server.post("/invocations", text, **CSV)

    assert (answer.status_code, words in answer.json()["message"]) == (status, True), answer.text


def parquet(frame: pd.DataFrame, **options: Any) -> bytes:
    """A file as pandas writes it."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, **options)
    return buffer.getvalue()


TABLE = pd.DataFrame([ROW, {**ROW, "a": -5.0, "b": -5.0}])


@pytest.mark.parametrize("kind", ["application/vnd.apache.parquet", "application/x-parquet"])
def test_parquet_is_understood(server: ModelServer, kind: str) -> None:
    """Under both of its names; an index that pandas wrote along is no column."""
    frame = TABLE.assign(extra="x").set_index(pd.Index(["one", "two"]))
    counted = server.metric("leadsman_unknown_columns_total")
    answer = server.post("/invocations", parquet(frame), **{"content-type": kind})

    assert answer.json() == {"predictions": [1, 0]}
    assert server.metric("leadsman_unknown_columns_total") - counted == 1


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"PAR1 is not enough", 400, "no Parquet file"),
        (parquet(TABLE)[:-300] + parquet(TABLE)[-299:], 400, "no Parquet file"),
        (parquet(TABLE, compression="gzip"), 415, "write it with Snappy"),
        (parquet(pd.concat([TABLE] * 10_000)), 413, "10000 are allowed"),
        (parquet(TABLE.assign(a=[[1.0], [2.0]])), 422, "column 'a' holds lists or objects"),
        (parquet(TABLE.assign(b="x")), 422, "column 'b' is no double: 'x'"),
        (parquet(TABLE.drop(columns="c")), 422, "row 0 lacks 'c'"),
    ],
)
def test_a_parquet_file_is_judged_before_it_is_unpacked(
    server: ModelServer, body: bytes, status: int, words: str
) -> None:
    """What could unpack without bound, or is no such file, is refused in a sentence."""
    answer = server.post("/invocations", body, **PARQUET)

    assert (answer.status_code, words in answer.json()["message"]) == (status, True), answer.text


def test_a_parquet_file_may_not_unpack_to_too_much(models: Path) -> None:
    """A few kilobytes that hold ten thousand rows, where a body may have no more than eight."""
    variables = {"LEADSMAN_LIMITS": json.dumps({"maxBodyBytes": 8192})}
    server = ModelServer(models / "skops", variables=variables)
    frame = pd.concat([TABLE] * 5000, ignore_index=True)
    body = parquet(frame)
    answer = server.post("/invocations", body, **PARQUET)

    assert (len(body) < 8192, answer.status_code) == (True, 413)
    assert "unpacks to more than the 131072 bytes" in answer.json()["message"]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"times": 5}, 200),
        ({"times": "5"}, 422),
        ({"times": 5.5}, 422),
        ({"times": [5]}, 422),
        ({"unheard": {"of": 1}}, 200),
    ],
)
def test_params_are_checked_by_the_signature(
    models: Path, params: dict[str, Any], status: int
) -> None:
    """A wrong one is named; one that the model does not declare is left out."""
    server = ModelServer(models / "pyfunc", "Trusted")
    answer = server.post("/invocations", {"dataframe_records": [ROW], "params": params})

    assert answer.status_code == status, answer.text
    assert status == 200 or "params.times is no long" in answer.json()["message"]
