"""The client against a server that counts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bench.serving.client import Load, measure


@dataclass
class Counting:
    """Answers every request in two parts and counts them; some answers say that it failed."""

    listener: socket.socket
    answered: int = 0
    fails_at: int = 0

    def accept(self) -> None:
        """Serve connections, each on a thread of its own, until the listener is closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while connection.recv(4096):
                self.answered += 1
                status = b"500 No" if self.answered == self.fails_at else b"200 OK"
                connection.sendall(b"HTTP/1.1 " + status + b"\r\ncontent-length: 2\r\n\r\n")
                connection.sendall(b"ok")


@pytest.fixture
def server() -> Iterator[Counting]:
    """A server that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        counting = Counting(listener)
        threading.Thread(target=counting.accept, daemon=True).start()
        yield counting
        listener.shutdown(socket.SHUT_RDWR)


def load_of(server: Counting, connections: int) -> Load:
    """A short load."""
    port = server.listener.getsockname()[1]
    return Load(port, "/predict", ["{}", "[]"], connections, 0.1, 0.05)


def test_every_answer_is_waited_for_and_counted(server: Counting) -> None:
    """No request is left to the next load, and none of the server's work is forgotten."""
    measured = measure(load_of(server, 1))

    assert measured.errors == 0
    assert measured.answers == server.answered
    assert 0 < measured.counted < measured.answers


def test_answers_that_failed_are_told(server: Counting) -> None:
    """One bad answer among many is counted and shown."""
    server.fails_at = 3

    measured = measure(load_of(server, 1))

    assert measured.errors == 1
    assert measured.first_error.startswith("HTTP/1.1 500 No")
