"""The client that counts every answer: what it tells of connections can be trusted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from support.repository import ROOT

PROGRAM = ROOT / "examples" / "demo" / "steady_client.py"
ANSWER = b'{"prediction": 1}'
KEPT = 4
ANSWERS_OF_A_CONNECTION = 3


class Server(ThreadingHTTPServer):
    """Lets many connect at once: the usual five are too few for a busy machine."""

    request_queue_size = 256
    daemon_threads = True


@contextmanager
def server(*, says_so: bool) -> Iterator[str]:
    """The URL of a server that ends each connection after a few answers, with a word or without."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        answered = 0

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.answered += 1
            ends = self.answered == ANSWERS_OF_A_CONNECTION
            self.send_response(200)
            self.send_header("content-length", str(len(ANSWER)))
            if ends and says_so:
                self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(ANSWER)
            self.close_connection = ends or self.close_connection

        @override
        def log_message(self, *_words: object) -> None:
            """Nobody reads it."""

    with Server(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/predict"
        finally:
            http.shutdown()
            thread.join()


def counted(url: str, bodies: Path, fresh: float) -> dict[str, Any]:
    """What the client has counted when it was told to stop, after its first lines."""
    bodies.write_text('{"features": [1]}\n{"features": [2]}\n')
    environment = {
        **os.environ, "URL": url, "RATE": "100", "BODIES": str(bodies),
        "KEPT": str(KEPT), "FRESH": str(fresh),
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, str(PROGRAM)], env=environment, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        for line in client.stdout:
            if json.loads(line)["sent"] > 40:
                break
        client.send_signal(signal.SIGTERM)
        last = client.stdout.read().splitlines()[-1]
    found: dict[str, Any] = json.loads(last)
    return found


def test_connections_that_end_with_a_word_are_told_from_those_that_are_cut(tmp_path: Path) -> None:
    """More were opened than there are to keep and than answers have ended: so some were cut."""
    with server(says_so=True) as url:
        polite = counted(url, tmp_path / "bodies", fresh=0)
    with server(says_so=False) as url:
        rude = counted(url, tmp_path / "bodies", fresh=0)

    assert polite["answered"] == polite["sent"] > 40, polite
    undecided = KEPT * (ANSWERS_OF_A_CONNECTION - 1)  # of connections that had not ended
    assert polite["sent"] - undecided <= ANSWERS_OF_A_CONNECTION * polite["closed"]
    assert KEPT < polite["opened"] <= KEPT + polite["closed"]
    assert rude["closed"] == 0
    assert rude["opened"] > KEPT


@pytest.mark.parametrize("fresh", [0.25, 1])
def test_a_share_of_the_requests_opens_connections_of_their_own(
    tmp_path: Path, fresh: float
) -> None:
    """The others take turns on those that are kept; every one is decided at the end."""
    with server(says_so=True) as url:
        told = counted(url, tmp_path / "bodies", fresh)

    assert told["answered"] == told["sent"], told
    assert bool(told["opened"]) == bool(told["closed"]) == (fresh < 1)
    # Of three requests on kept connections one opens them: so a few are counted, and not all.
    assert told["opened"] < told["sent"] / 2
