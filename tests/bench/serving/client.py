"""The load: connections that each send the next request as soon as the answer is there.

A program of its own, so that it has a core of its own: it reads a `Load` as JSON from its
standard input and writes what it measured. Plain sockets and prepared bytes: a client that is
slower than the server would measure itself.
"""

from __future__ import annotations

import gc
import json
import re
import select
import socket
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import cycle

LONGEST_ANSWER_SECONDS = 30.0
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")
_GOOD = b"HTTP/1.1 200"
_LAST_CHUNK = b"0\r\n\r\n"
_END_OF_HEAD = b"\r\n\r\n"
_BLOCK = 1 << 16
_SHOWN = 300


@dataclass(frozen=True)
class Load:
    """What to send, where to and for how long."""

    port: int
    path: str
    bodies: list[str]
    connections: int
    seconds: float
    warm_up_seconds: float


@dataclass(frozen=True)
class Measured:
    """What came of it; times in milliseconds."""

    answers: int
    """With those of the warm-up and after the end, which nothing else here counts."""
    counted: int
    rps: float
    p50: float
    p99: float
    p99_9: float
    errors: int
    first_error: str
    reconnects: int
    client_busy: float
    """Share of its core that the client used: near 1 it was the limit itself."""


@dataclass(slots=True)
class Connection:
    """One connection with the request that it waits for."""

    socket: socket.socket
    receive: Callable[[int], bytes]
    send: Callable[[bytes], None]
    sent: bytes
    sent_at: float
    received: bytes = b""


@dataclass
class Sender:
    """All connections of one load."""

    load: Load
    latencies: array[float] = field(default_factory=lambda: array("d"))
    errors: int = 0
    first_error: str = ""
    reconnects: int = 0

    def __post_init__(self) -> None:
        """Open the connections and send the first requests."""
        self.requests = cycle([request(self.load.path, body) for body in self.load.bodies])
        self.poller = select.epoll()
        self.connections: dict[int, Connection] = {}
        for _ in range(self.load.connections):
            self._open(next(self.requests))

    def run(self, seconds: float) -> float:
        """Answer by answer until the time is over; gives the seconds that it took."""
        began = now = time.perf_counter()
        deadline = began + seconds
        poll, connections = self.poller.poll, self.connections
        while now < deadline:
            ready = poll(LONGEST_ANSWER_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer within {LONGEST_ANSWER_SECONDS:g} s")
            for number, _event in ready:
                self._receive(connections[number])
            now = time.perf_counter()
        return now - began

    def finish(self) -> int:
        """Wait for the answers still to come: left to the next load, they would slow it down."""
        waiting, answered = dict(self.connections), 0
        while waiting:
            ready = self.poller.poll(LONGEST_ANSWER_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer within {LONGEST_ANSWER_SECONDS:g} s")
            for number, _event in ready:
                connection = waiting[number]
                data = _last_part(connection)
                connection.received += data
                if data and not is_whole(connection.received):
                    continue
                answered += bool(data)
                self.poller.unregister(number)
                waiting.pop(number).socket.close()
        self.poller.close()
        return answered

    def _receive(self, connection: Connection) -> None:
        try:
            data = connection.receive(_BLOCK)
        except ConnectionError:
            data = b""
        if not data:
            self._reopen(connection)
            return
        if connection.received:
            data = connection.received + data
        if not is_whole(data):
            connection.received = data
            return
        now = time.perf_counter()
        self.latencies.append(now - connection.sent_at)
        if not data.startswith(_GOOD):
            self.errors += 1
            self.first_error = self.first_error or data[:_SHOWN].decode(errors="replace")
        connection.received = b""
        connection.sent = to_send = next(self.requests)
        connection.sent_at = now
        try:
            connection.send(to_send)
        except ConnectionError:
            self._reopen(connection)

    def _open(self, to_send: bytes) -> None:
        opened = socket.create_connection(
            ("127.0.0.1", self.load.port), timeout=LONGEST_ANSWER_SECONDS
        )
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poller.register(opened.fileno(), select.EPOLLIN)
        now = time.perf_counter()
        connection = Connection(opened, opened.recv, opened.sendall, to_send, now)
        self.connections[opened.fileno()] = connection
        opened.sendall(to_send)

    def _reopen(self, connection: Connection) -> None:
        """Servers may close a connection between two answers: a client asks again."""
        self.reconnects += 1
        del self.connections[connection.socket.fileno()]
        self.poller.unregister(connection.socket.fileno())
        connection.socket.close()
        self._open(connection.sent)


def _last_part(connection: Connection) -> bytes:
    try:
        return connection.receive(_BLOCK)
    except ConnectionError:
        return b""


def request(path: str, body: str) -> bytes:
    """A whole request."""
    content = body.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def is_whole(answer: bytes) -> bool:
    """Whether the last byte of an answer is there."""
    head = answer.find(_END_OF_HEAD)
    if head < 0:
        return False
    length = _LENGTH.search(answer, 0, head)
    if length is None:
        return answer.endswith(_LAST_CHUNK)
    return len(answer) >= head + len(_END_OF_HEAD) + int(length[1])


def measure(load: Load) -> Measured:
    """Warm the server up, then send for the time that is counted."""
    sender = Sender(load)
    if load.warm_up_seconds:
        sender.run(load.warm_up_seconds)
    warm_up = len(sender.latencies)
    del sender.latencies[:]
    busy_before = time.process_time()
    seconds = sender.run(load.seconds)
    busy = time.process_time() - busy_before
    counted = len(sender.latencies)
    ordered = sorted(sender.latencies) or [float("nan")]
    return Measured(
        answers=warm_up + counted + sender.finish(),
        counted=counted,
        rps=counted / seconds,
        p50=1e3 * ordered[len(ordered) // 2],
        p99=1e3 * ordered[int(0.99 * (len(ordered) - 1))],
        p99_9=1e3 * ordered[int(0.999 * (len(ordered) - 1))],
        errors=sender.errors,
        first_error=sender.first_error,
        reconnects=sender.reconnects,
        client_busy=busy / seconds,
    )


if __name__ == "__main__":
    gc.disable()
    json.dump(asdict(measure(Load(**json.load(sys.stdin)))), sys.stdout)
