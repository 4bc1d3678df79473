"""Whatever bytes come, every route that predicts refuses them in a sentence and goes on."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from support.serving_models import ModelServer

ROW = {"a": 0.5, "b": 1.0, "c": -1.0}
ROWS = [[0.5, 1.0, -1.0], [-5.0, -5.0, 0.0]]
JSON, CSV = "application/json", "text/csv"
PARQUET, BINARY = "application/vnd.apache.parquet", "application/octet-stream"
KSERVE, OPEN = "/v1/models/churn:predict", "/v2/models/churn/infer"
TENSOR = {"name": "rows", "datatype": "FP64", "shape": [2, 3], "data": ROWS}
ROUTES = {
    "/predict": {"features": ROW},
    "/invocations": {"dataframe_records": [ROW, ROW]},
    KSERVE: {"instances": ROWS},
    OPEN: {"inputs": [TENSOR]},
}
SEED, CASES = 20261125, 1500
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def server(models: Path) -> ModelServer:
    """A server with a pipeline of three doubles."""
    return ModelServer(models / "skops")


@pytest.fixture(scope="module")
def mixed(models: Path) -> ModelServer:
    """A server with columns of several types, some of which may be missing."""
    return ModelServer(models / "mixed")


def status_of(
    server: ModelServer, path: str, body: bytes, kind: str = JSON, *more: tuple[bytes, bytes]
) -> tuple[int, bytes]:
    """What the app answers, asked as uvicorn does; fails when that takes more than ten seconds."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", kind.encode()), *more]
    scope = {
        "type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b"",
    }  # fmt: skip

    async def ask() -> None:
        async with asyncio.timeout(10):
            await server.app(scope, receive, send)

    asyncio.run(ask())
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


def check(server: ModelServer, path: str, body: bytes, kind: str = JSON) -> None:
    """No fault of the server, and an answer that is JSON."""
    status, answer = status_of(server, path, body, kind)
    assert status == 200 or 400 <= status < 500, (path, kind, body[:200], answer)
    json.loads(answer)


NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, -(2**64), 10**400, 1e308, 0.1])
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
NAMES = st.sampled_from(
    [
        *"abcd", "age", "height", "kind", "new", "features", "rows", "probabilities", "instances",
        "inputs", "dataframe_split", "dataframe_records", "columns", "data", "index", "params",
        "parameters", "name", "shape", "datatype", "outputs", "id", "binary_data_size",
    ]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS | st.sampled_from(["FP64", "INT64", "BYTES", "BOOL", "rows"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
KEYS = {
    "/predict": ("features", "rows", "probabilities"),
    "/invocations": ("dataframe_split", "dataframe_records", "instances", "inputs", "params"),
    KSERVE: ("instances", "inputs", "parameters"),
    OPEN: ("inputs", "outputs", "parameters", "id"),
}
BOUNDED = settings(
    max_examples=250,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("path", ROUTES)
@BOUNDED
@given(data=st.data())
def test_any_json_is_answered_or_refused(
    server: ModelServer, mixed: ModelServer, path: str, data: st.DataObject
) -> None:
    """Values of every type in every place that a protocol knows."""
    members = st.dictionaries(st.sampled_from(KEYS[path]), VALUES, min_size=1, max_size=2)
    body = json.dumps(data.draw(members)).encode()

    check(server, path, body)
    check(mixed, path, body)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("kind", [JSON, CSV, PARQUET, BINARY, "", "text/plain", "\xff;;charset"])
@settings(BOUNDED, max_examples=40)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_refused(server: ModelServer, path: str, kind: str, body: bytes) -> None:
    """Of every type, also of one that no route takes."""
    check(server, path, body, kind)


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Good bodies, for bytes of them to be changed."""
    for path, body in ROUTES.items():
        yield path, JSON, json.dumps(body).encode()
    frame = pd.DataFrame([ROW, ROW])
    yield "/invocations", CSV, frame.to_csv(index=False).encode()
    file = io.BytesIO()
    frame.assign(word="x").to_parquet(file)
    yield "/invocations", PARQUET, file.getvalue()


def changed(body: bytes, chance: random.Random) -> bytes:
    """A few bytes replaced, left out, doubled or cut off."""
    found = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found) or 1)
        match chance.randrange(5):
            case 0:
                found[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del found[at : at + chance.randint(1, 8)]
            case 2:
                found[at:at] = found[at : at + chance.randint(1, 40)]
            case 3:
                found[at:at] = chance.choice([b"NaN", b"1e999", b"-0", b'"', b"[[", b"\x00", b","])
            case _:
                del found[at + chance.randrange(len(found) or 1) :]
    return bytes(found)


@pytest.mark.parametrize(("path", "kind", "body"), list(seeds()))
def test_changed_bytes_are_answered_or_refused(
    server: ModelServer, path: str, kind: str, body: bytes
) -> None:
    """Nearly good bodies reach deeper than random ones; after each the good one is answered."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    for number in range(CASES // 5):
        check(server, path, changed(body, chance), kind)
        if number % 50 == 0:
            assert status_of(server, path, body, kind)[0] == 200


def nested(depth: int) -> bytes:
    """Brackets in brackets."""
    return b"[" * depth + b"]" * depth


PREDICT = b'{"features": [%s, 1, 1]}'
ODD: list[tuple[bytes, int, str]] = [
    (b"", 400, "InvalidJSON"),
    (b" ", 400, "InvalidJSON"),
    (b"\xff\xfe", 400, "InvalidJSON"),
    (b'{"featu\x85es": [1, 2, 3]}', 400, "InvalidJSON"),
    (nested(100_000), 400, "InvalidJSON"),
    (PREDICT % nested(100_000), 400, "InvalidJSON"),
    (b'{"features": ' * 50_000, 400, "InvalidJSON"),
    (PREDICT % nested(500), 422, "InvalidInput"),
    (PREDICT % b"NaN", 422, "InvalidInput"),
    (PREDICT % b"Infinity", 422, "InvalidInput"),
    (PREDICT % b"-1e999", 422, "InvalidInput"),
    (PREDICT % (b"9" * 400), 422, "InvalidInput"),
    (PREDICT % (b"9" * 100_000), 400, "InvalidJSON"),
    (PREDICT % b'"\\ud800"', 422, "InvalidInput"),
    (PREDICT % (b'"' + b"x" * 1_000_000 + b'"'), 422, "InvalidInput"),
    (PREDICT % b"true", 422, "InvalidInput"),
    (PREDICT % b"{}", 422, "InvalidInput"),
    (b"\xef\xbb\xbf" + PREDICT % b"1", 200, ""),
    (b'{"features": []}', 422, "InvalidInput"),
    (b'{"rows": [[]]}', 422, "InvalidInput"),
    (b'{"rows": [[1, 2, 3], []]}', 422, "InvalidInput"),
    (b'{"rows": [' + b"[]," * 20_000 + b"[]]}", 413, "TooManyRows"),
    (b'{"features": [1, 2, 3], "features": [1]}', 422, "InvalidInput"),
    (b'{"features": [1], "features": [1, 2, 3]}', 200, ""),
    (b" " * (5 * 2**20), 413, "BodyTooLarge"),
]


@pytest.mark.parametrize(("body", "status", "code"), ODD)
def test_odd_bodies_get_a_clear_answer(
    server: ModelServer, body: bytes, status: int, code: str
) -> None:
    """Each with the status and the word that it should have, in our own protocol."""
    found, answer = status_of(server, "/predict", body)

    assert (found, json.loads(answer).get("code", "")) == (status, code), answer
    assert len(answer) < 2000
    assert status_of(server, "/predict", PREDICT % b"1")[0] == 200


@pytest.mark.parametrize("path", list(ROUTES))
@pytest.mark.parametrize(("body", "status"), [(body, status) for body, status, _ in ODD[:8]])
def test_what_is_no_json_is_400_everywhere(
    server: ModelServer, path: str, body: bytes, status: int
) -> None:
    """In every protocol."""
    assert status_of(server, path, body)[0] == status


@pytest.mark.parametrize("path", list(ROUTES))
def test_a_body_is_measured_while_it_comes(server: ModelServer, path: str) -> None:
    """413 whether its length was told before or not."""
    told = (b"content-length", b"9999999")
    assert status_of(server, path, b"{}", JSON, told)[0] == 413
    assert status_of(server, path, b" " * (5 * 2**20))[0] == 413
