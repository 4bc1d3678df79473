"""The protocol below ASGI answers every request as uvicorn and the app do, byte for byte."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsman_serving.kept_connection import TESTED_WITH
from support.serving_process import ServingProcess
from support.waiting import eventually

ROW = b'{"features": {"a": 0.5, "b": 1.0, "c": -1.0}}'
_COUNTS = r"^(leadsman_(?:requests_total|rows_total)\S*) (\S+)"
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


def plain(body: bytes = ROW, *, length: int | None = None) -> bytes:
    """A request without an id: its head comes again and again, and is known from then on."""
    told = len(body) if length is None else length
    return (
        b"POST /predict HTTP/1.1\r\nhost: m\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (told, body)
    )


BLANK_LINES = b"\r\n\r\n"
BARE_FEEDS = plain().replace(b"\r\n", b"\n")
WITHOUT_IDS: dict[str, tuple[bytes, ...]] = {
    "again and again": (plain(), plain(), plain(), LAST),
    "in one piece with the next": (plain(), plain() + plain(), plain() + LAST),
    "known, its body later": (plain(), plain()[:-4], plain()[-4:], LAST),
    "known, its head in two": (plain(), plain()[:20], plain()[20:], LAST),
    "known, with no JSON": (plain(), plain(b"#" * len(ROW)), plain(), LAST),
    "known, with an unusual body": (
        plain(b'{"rows": [[1, 2, 3]]}'), plain(b'{"features": [1, 2,3]}'), LAST,
    ),
    "another length": (plain(), plain(b'{"features": [1, 2, 3]}'), plain(), LAST),
    "a body that is too short": (plain(), plain(ROW[:-1], length=len(ROW)), b"}", LAST),
    "blank lines before": (plain(), BLANK_LINES + plain(), BLANK_LINES, plain(), LAST),
    "bare line feeds": (BARE_FEEDS,),
    "two lengths": (plain().replace(b"host: m", b"content-length: 1"),),
    "a length and chunks": (plain().replace(b"host: m", b"transfer-encoding: chunked"),),
    "rubbish after it": (plain() + b"rubbish",),
    "known, after another": (plain(), request(b'{"rows": [[1, 2, 3]]}') + plain(), LAST),
}  # fmt: skip
REQUESTS: dict[str, tuple[bytes, ...]] = {
    **WITHOUT_IDS,
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
    """A server that answers through ASGI, and one as it is by default."""
    folder = tmp_path_factory.mktemp("quick")
    shutil.copytree(models / "skops", folder / "model")
    with pair(folder) as servers:
        yield servers


@contextlib.contextmanager
def pair(folder: Path) -> Iterator[tuple[ServingProcess, ServingProcess]]:
    """The two servers, of the model in a folder."""
    variables = {"LEADSMAN_MODEL_DIR": str(folder), "LEADSMAN_MODEL_NAME": "churn"}
    with (
        ServingProcess(**variables, LEADSMAN_QUICK="false") as usual,
        ServingProcess(**variables) as quick,
    ):
        yield usual, quick


def conversation(server: ServingProcess, pieces: tuple[bytes, ...]) -> list[bytes]:
    """All that the server says until it closes, without what differs each time, by lines."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        said = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                said += part
    said = re.sub(rb"date: [^\r]*\r\n", b"", said)
    said = re.sub(rb"[0-9a-f]{12}-[0-9a-f]+", b"an id of its own", said)
    return sorted(said.replace(b"HTTP/1.1 ", b"\r\nHTTP/1.1 ").split(b"\r\n"))


@pytest.mark.parametrize("name", REQUESTS)
def test_both_say_the_same(both: tuple[ServingProcess, ServingProcess], name: str) -> None:
    """Whatever comes, in whatever pieces: the same heads and bodies."""
    usual, quick = both

    assert conversation(quick, REQUESTS[name]) == conversation(usual, REQUESTS[name])


def test_the_locked_uvicorn_is_the_tested_one() -> None:
    """The private interfaces are those of the version that the images have."""
    assert uvicorn.__version__.startswith(TESTED_WITH)


@settings(max_examples=60)
@given(data=st.data())
def test_both_read_any_pieces_alike(
    both: tuple[ServingProcess, ServingProcess], data: st.DataObject
) -> None:
    """Any requests after each other, cut anywhere: known heads change nothing that is said."""
    usual, quick = both
    single = sorted(WITHOUT_IDS[name][0] for name in ("again and again", "another length"))
    parts = data.draw(st.lists(st.sampled_from([*single, request(), CHUNKED]), max_size=5))
    whole = b"".join(parts) + LAST
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    pieces = [whole[begin:end] for begin, end in pairwise([0, *cuts, len(whole)]) if begin < end]

    assert conversation(quick, tuple(pieces)) == conversation(usual, tuple(pieces))


def counted(server: ServingProcess) -> dict[str, float]:
    """The counts of requests and rows, by status where they have one."""
    text = server.get("/metrics", port=server.side_port).text
    return {name: float(count) for name, count in re.findall(_COUNTS, text, re.MULTILINE)}


def test_both_count_the_same(models: Path, tmp_path: Path) -> None:
    """What a rollout is judged by does not depend on the way."""
    shutil.copytree(models / "skops", tmp_path / "model")
    # Rubbish ends the connection: whether the answer before it came first, as it always does
    # below ASGI, depends on how busy the machine is.
    names = sorted(REQUESTS.keys() - {"rubbish after it"})
    with pair(tmp_path) as (usual, quick):
        for server in (usual, quick):
            for name in names:
                conversation(server, REQUESTS[name])

        # An answer is counted after it is given, and another thread tells the counts.
        eventually(
            lambda: counted(usual) == counted(quick) != {},
            within_seconds=10,
            what="equal counts",
        )
        assert sum(counted(quick).values()) > len(names)


def test_idle_connections_end_and_busy_ones_do_not(models: Path, tmp_path: Path) -> None:
    """A connection that goes on asking outlives the keep-alive time; an idle one does not."""
    shutil.copytree(models / "skops", tmp_path / "model")
    with (
        ServingProcess(
            LEADSMAN_MODEL_DIR=str(tmp_path),
            LEADSMAN_KEEP_ALIVE_SECONDS="1",
        ) as server,
        closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection,
    ):
        began = time.monotonic()
        while time.monotonic() < began + 2.5:
            connection.request("POST", "/predict", ROW, {"content-type": "application/json"})
            assert connection.getresponse().read().startswith(b'{"prediction"')

        assert connection.sock.recv(1) == b""
