"""Clients that only cost, against a real process: it closes them and answers the others."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.serving_models import variables_of
from support.serving_process import Answer, ServingProcess
from support.waiting import eventually

ROW = '{"features": [0.5, 1.0, -1.0]}'
JSON = {"content-type": "application/json"}
HALF_A_HEAD = b"POST /predict HTTP/1.1\r\nhost: model\r\ncontent-"
HALF_A_BODY = (
    b"POST /predict HTTP/1.1\r\nhost: model\r\ncontent-type: application/json\r\n"
    b'content-length: 100\r\n\r\n{"features": ['
)
pytestmark = pytest.mark.filterwarnings("ignore")


@contextlib.contextmanager
def serving(models: Path, limits: dict[str, Any] | None = None, **more: str) -> Iterator[Any]:
    """A process that serves a pipeline of three doubles."""
    variables = {"LEADSMAN_LIMITS": json.dumps(limits or {}), **more}
    with ServingProcess(**variables_of(models / "skops", **variables)) as process:
        yield process


def answer_on(connection: socket.socket) -> Answer:
    """The next answer that comes."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return Answer(response)


def is_fine(process: ServingProcess) -> bool:
    """Whether a good client is answered, and the probes are."""
    found = process.post("/predict", ROW, **JSON)
    return (found.status, process.get("/health/live").status) == (200, 200)


def refused(process: ServingProcess, code: str) -> bool:
    """Whether refusals by this cause were counted."""
    return f'leadsman_requests_refused_total{{reason="{code}"}}' in process.get("/metrics").text


def memory(process: ServingProcess) -> float:
    """MiB that the process holds."""
    lines = process.get("/metrics").text.splitlines()
    found = next(line for line in lines if line.startswith("process_resident_memory_bytes"))
    return float(found.split()[1]) / 2**20


def test_heads_that_do_not_end_are_closed(models: Path) -> None:
    """However often a byte comes; whoever said nothing is closed without a word."""
    with serving(models, LEADSMAN_HEAD_SECONDS="1") as process:
        slow, silent = process.connect(), process.connect()
        slow.sendall(HALF_A_HEAD)
        assert is_fine(process)

        def drip() -> bool:
            with contextlib.suppress(OSError):
                slow.sendall(b"x")
            return refused(process, "HeadTooSlow")

        eventually(drip, within_seconds=30, what="the slow head was refused")
        answer = answer_on(slow)

        assert (answer.status, answer.body["code"]) == (408, "HeadTooSlow")
        assert silent.recv(1) == b""
        assert is_fine(process)
        slow.close()
        silent.close()


def test_a_kept_connection_has_the_time_anew_for_each_head(models: Path) -> None:
    """It may be idle for longer than a head may take, and its next head may not."""
    with serving(models, LEADSMAN_HEAD_SECONDS="1") as process:
        kept, other = process.connect(), process.connect()
        whole = HALF_A_HEAD + b"type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ROW)
        kept.sendall(whole + ROW.encode())
        assert answer_on(kept).status == 200
        # The one that said nothing was closed: as much time has passed for the other as well.
        assert other.recv(1) == b""
        kept.sendall(whole + ROW.encode())
        assert answer_on(kept).status == 200
        kept.sendall(HALF_A_HEAD)

        assert answer_on(kept).body["code"] == "HeadTooSlow"
        kept.close()
        other.close()


def test_a_head_has_a_size(models: Path) -> None:
    """431, whether it is one header or many."""
    with serving(models) as process:
        for line in (b"x: " + b"y" * 400_000, b"x: y\r\n" * 60_000):
            with process.connect() as connection, contextlib.suppress(OSError):
                connection.sendall(HALF_A_HEAD + b"x: 1\r\n" + line)
            eventually(
                lambda: is_fine(process), within_seconds=30, what="a good client is answered"
            )
        with process.connect() as connection:
            for _ in range(3):
                connection.sendall(b"GET / HTTP/1.1\r\n" if _ == 0 else b"x: " + b"y" * 40_000)
            found = answer_on(connection)

        assert (found.status, found.body["code"]) == (431, "HeadTooLarge")


def test_a_slow_body_is_given_up(models: Path) -> None:
    """408, and the connection ends: the rest may come at any time, or never."""
    with serving(models, {"timeout": "1s"}) as process, process.connect() as connection:
        connection.sendall(HALF_A_BODY)
        assert is_fine(process)
        found = answer_on(connection)

        assert (found.status, found.body["code"]) == (408, "BodyTooSlow")
        assert found.headers["connection"] == "close"
        assert connection.recv(1) == b""


def test_answers_that_nobody_reads_are_thrown_away(models: Path) -> None:
    """A client that asks and asks and never reads costs a buffer, and in the end nothing."""
    body = json.dumps({"rows": [[0.5, 1.0, -1.0]] * 5000, "probabilities": True}).encode()
    request = (
        b"POST /predict HTTP/1.1\r\nhost: m\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    ) + body
    with serving(models, LEADSMAN_STALLED_SECONDS="2") as process, process.connect() as greedy:
        before = memory(process)
        greedy.settimeout(0.2)
        with contextlib.suppress(OSError):
            for _ in range(500):
                greedy.sendall(request)
        assert is_fine(process)
        assert memory(process) - before < 100
        eventually(
            lambda: refused(process, "AnswerNotRead"), within_seconds=60, what="it was closed"
        )
        assert is_fine(process)


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as the system allows this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_two_thousand_idle_connections_are_no_burden(models: Path) -> None:
    """A good client is answered, memory stays, and the probes answer."""
    with serving(models, LEADSMAN_HEAD_SECONDS="600") as process, contextlib.ExitStack() as stack:
        before = memory(process)
        for number in range(2000):
            connection = stack.enter_context(process.connect())
            if number % 2:
                connection.sendall(HALF_A_HEAD)

        assert is_fine(process)
        assert memory(process) - before < 60


def test_idle_connections_make_room_for_new_ones(models: Path) -> None:
    """Beyond the limit those that never asked are closed first, and nobody is refused."""
    with (
        serving(models, LEADSMAN_MOST_CONNECTIONS="40", LEADSMAN_HEAD_SECONDS="600") as process,
        contextlib.ExitStack() as stack,
    ):
        kept = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
        kept.request("POST", "/predict", ROW, JSON)
        kept.getresponse().read()
        idle = [stack.enter_context(process.connect()) for _ in range(39)]
        # The youngest are left alone: those that have just come are about to ask.
        grown_up = time.monotonic() + 1.5
        eventually(
            lambda: time.monotonic() > grown_up, within_seconds=30, what="they are old enough"
        )
        assert is_fine(process)
        kept.request("POST", "/predict", ROW, JSON)

        assert kept.getresponse().status == 200
        with contextlib.suppress(ConnectionResetError):
            assert idle[0].recv(1) == b""
        kept.close()


def test_beyond_the_limit_new_connections_are_told_so(models: Path) -> None:
    """503 with the seconds to wait, counted; the side port answers, and there is room later."""
    with (
        serving(models, LEADSMAN_MOST_CONNECTIONS="40") as process,
        contextlib.ExitStack() as stack,
    ):
        busy = [stack.enter_context(process.connect()) for _ in range(40)]
        for connection in busy:
            connection.sendall(HALF_A_BODY)
        in_flight = "leadsman_requests_in_flight 40.0"
        eventually(
            lambda: in_flight in process.get("/metrics").text,
            within_seconds=30,
            what="all are busy",
        )
        found = process.post("/predict", ROW, **JSON)

        assert (found.status, found.body["code"]) == (503, "TooManyConnections")
        assert (found.headers["retry-after"], found.headers["connection"]) == ("1", "close")
        assert refused(process, "TooManyConnections")
        assert process.get("/health/live").status == 200
        for connection in busy:
            connection.close()
        eventually(lambda: is_fine(process), within_seconds=30, what="there is room again")


def test_a_crowd_of_slow_bodies_can_not_fill_memory(models: Path) -> None:
    """Together they may take as much as a few whole ones; beyond that 503."""
    part = b" " * 900_000
    head = b"POST /predict HTTP/1.1\r\nhost: m\r\ncontent-length: 1000000\r\n\r\n"
    limits = {"maxBodyBytes": 1_000_000}
    with serving(models, limits) as process, contextlib.ExitStack() as stack:
        before = memory(process)
        for _ in range(60):
            connection = stack.enter_context(process.connect())
            with contextlib.suppress(OSError):
                connection.sendall(head + part)
        eventually(
            lambda: refused(process, "TooManyBodies"), within_seconds=30, what="some are refused"
        )

        assert memory(process) - before < 80
        assert is_fine(process)
