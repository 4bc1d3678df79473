"""The protocol below ASGI answers every request as uvicorn and the app do, byte for byte."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.serving_process import ServingProcess

ROW = b'{"features": {"a": 0.5, "b": 1.0, "c": -1.0}}'
_COUNTS = r"^leadsman_(?:requests_total|rows_total)\S* \S+"
pytestmark = pytest.mark.filterwarnings("ignore")


def request(body: bytes = ROW, *lines: bytes, first: bytes = b"POST /predict HTTP/1.1") -> bytes:
    """A request as it goes over the wire."""
    head = [
        first, b"host: model", b"content-type: application/json",
        b"content-length: %d" % len(body), b"x-request-id: abc", *lines,
    ]  # fmt: skip
    return b"\r\n".join(head) + b"\r\n\r\n" + body


CHUNKED = (
    b"POST /predict HTTP/1.1\r\nhost: m\r\ncontent-type: application/json\r\nx-request-id: abc\r\n"
    b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(ROW), ROW)
)
LAST = request(ROW, b"connection: close")
REQUESTS: dict[str, tuple[bytes, ...]] = {
    "the usual": (request(), LAST),
    "by place": (request(b'{"features": [0.5, 1, -1]}'), LAST),
    "several in one piece": (request() + request() + LAST,),
    "an unusual one among them": (request() + request(b'{"rows": [[1, 2, 3]]}') + LAST,),
    "in two pieces": (request()[:-10], request()[-10:] + LAST),
    "byte by byte": (*(bytes([one]) for one in LAST),),
    "in chunks": (CHUNKED, LAST),
    "several rows": (request(b'{"rows": [[1, 2, 3], [0.5, 1, -1]]}'), LAST),
    "no JSON": (request(b'{"features": [1, 2'), LAST),
    "too few": (request(b'{"features": [1, 2]}'), LAST),
    "a hole": (request(b'{"features": [null, 1, 2]}'), LAST),
    "infinite": (request(b'{"features": [1e999, 1, 2]}'), LAST),
    "another column": (request(b'{"features": {"a": 1, "b": 2, "d": 3}}'), LAST),
    "a wrong method": (request(b"", first=b"GET /predict HTTP/1.1"), LAST),
    "MLflow's": (request(b'{"inputs": [[1, 2, 3]]}', first=b"POST /invocations HTTP/1.1"), LAST),
    "a query": (request(first=b"POST /predict?proba=true HTTP/1.1"), LAST),
    "an old client": (request(first=b"POST /predict HTTP/1.0"),),
    "one that waits": (request(ROW, b"expect: 100-continue"), LAST),
    "another type": (request(ROW).replace(b"application/json", b"text/csv"), LAST),
}


@pytest.fixture(scope="module")
def both(
    models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServingProcess, ServingProcess]]:
    """A server as it is by default, and one with the protocol below ASGI."""
    folder = tmp_path_factory.mktemp("quick")
    shutil.copytree(models / "skops", folder / "model")
    variables = {"LEADSMAN_MODEL_DIR": str(folder), "LEADSMAN_MODEL_NAME": "churn"}
    with (
        ServingProcess(**variables) as usual,
        ServingProcess(**variables, LEADSMAN_QUICK="true") as quick,
    ):
        yield usual, quick


def conversation(server: ServingProcess, pieces: tuple[bytes, ...]) -> list[bytes]:
    """All that the server says until it closes, without what differs each time, by lines."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        said = b""
        while part := connection.recv(65536):
            said += part
    said = re.sub(rb"date: [^\r]*\r\n", b"", said)
    return sorted(said.replace(b"HTTP/1.1 ", b"\r\nHTTP/1.1 ").split(b"\r\n"))


@pytest.mark.parametrize("name", REQUESTS)
def test_both_say_the_same(both: tuple[ServingProcess, ServingProcess], name: str) -> None:
    """Whatever comes, in whatever pieces: the same heads and bodies."""
    usual, quick = both

    assert conversation(quick, REQUESTS[name]) == conversation(usual, REQUESTS[name])


def test_both_count_the_same(both: tuple[ServingProcess, ServingProcess]) -> None:
    """What a rollout is judged by does not depend on the way."""
    counts = []
    for server in both:
        for pieces in REQUESTS.values():
            conversation(server, pieces)
        text = server.get("/metrics", port=server.side_port).text
        counts.append(re.findall(_COUNTS, text, re.MULTILINE))

    assert counts[0][0] == counts[1][0]
    assert counts[0] == counts[1]
