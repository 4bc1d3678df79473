"""Open connections: how many there may be, and which are closed because they only cost.

uvicorn waits without end for a head that is not whole and for a client that does not read, and
it accepts whoever comes. One look a second at all connections costs a request nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice

import msgspec
from typing_extensions import override

from leadsman_serving.errors import BadRequest
from leadsman_serving.kept_connection import KeptConnection
from leadsman_serving.protocols.problem import PROBLEM, problem_of

LOOK_SECONDS = 1.0
MOST_HEAD_BYTES = 65536
"""As much as the head of a request may have, give or take one read."""
_YOUNG_SECONDS = 1.0
_FULL_SECONDS = 0.1
"""How long nobody looks again for idle connections after none was found."""
_SHARE = 20
"""Of all connections one in so many is closed at a time: looking for them costs."""
_TURNED_AWAY = 4
"""One in so many connections more may be open only to be told that there is no place."""


@dataclass(slots=True)
class _Seen:
    """What the last looks at a connection have seen."""

    began: float
    head: object = None
    """The request whose head was not whole; None while none is read."""
    head_at: float = 0.0
    unsent: int = 0
    unsent_at: float = 0.0


class Guard:
    """Knows all open connections of the model port; of one thread."""

    def __init__(
        self,
        most: int,
        head_seconds: float,
        stalled_seconds: float,
        refused: Callable[[str], None],
    ) -> None:
        """`refused` is told the cause when a connection is turned away or closed early."""
        self._most, self._head_seconds, self._refused = most, head_seconds, refused
        self._stalled_seconds = stalled_seconds
        self._open: dict[GuardedProtocol, _Seen] = {}
        self._full_until, self._looks = 0.0, False
        self.turned_away = 0
        """Connections that are open only to be told that there is no place."""

    def __len__(self) -> int:
        """How many connections are served."""
        return len(self._open)

    def look(self) -> None:
        """Look at all connections, and again after a while for as long as there are any."""
        now = time.monotonic()
        for connection, seen in list(self._open.items()):
            self._look(connection, seen, now)
        self._looks = bool(self._open)
        if self._looks:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self.look)

    def admits(self, connection: GuardedProtocol) -> bool:
        """Take a new connection, in the place of an idle one where there is no other."""
        now = time.monotonic()
        if len(self._open) >= self._most and not self._make_room(now):
            self._refused("TooManyConnections")
            return False
        self._open[connection] = _Seen(now)
        if not self._looks:
            self._looks = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self.look)
        return True

    @property
    def may_explain(self) -> bool:
        """Whether one more connection may stay until it was told that there is no place."""
        return self.turned_away < self._most // _TURNED_AWAY

    def lost(self, connection: GuardedProtocol) -> None:
        """The connection is closed."""
        self._open.pop(connection, None)

    def _look(self, connection: GuardedProtocol, seen: _Seen, now: float) -> None:
        unsent = connection.transport.get_write_buffer_size()
        if not unsent or unsent < seen.unsent or not seen.unsent:
            seen.unsent_at = now
        elif now - seen.unsent_at >= self._stalled_seconds:
            self._refused("AnswerNotRead")
            connection.transport.abort()
        seen.unsent = unsent
        head = connection.open_head
        if head is None and not connection.is_silent:
            seen.head = None
        elif head is not seen.head:
            seen.head, seen.head_at = head, now
        elif now - (seen.head_at or seen.began) >= self._head_seconds:
            self._refused("HeadTooSlow")
            connection.refuse(_too_slow(self._head_seconds))

    def _make_room(self, now: float) -> bool:
        """Close idle connections, first those that never asked for anything."""
        if now < self._full_until:
            return False
        wanted = max(1, self._most // _SHARE)
        idle = [*islice(self._idle(now, silent=True), wanted)]
        idle += islice(self._idle(now, silent=False), wanted - len(idle))
        for connection in idle:
            del self._open[connection]
            connection.transport.abort()
        if not idle:
            self._full_until = now + _FULL_SECONDS
        return bool(idle)

    def _idle(self, now: float, *, silent: bool) -> Iterator[GuardedProtocol]:
        """Connections on which nothing goes on, the oldest first."""
        for connection, seen in self._open.items():
            if (
                connection.is_idle
                and connection.is_silent is silent
                and (not silent or now - seen.began > _YOUNG_SECONDS)
            ):
                yield connection


class GuardedProtocol(KeptConnection):
    """One connection, under a guard."""

    guard: Guard
    """Set on a subclass for each process: uvicorn makes the connections."""
    open_head: object = None
    """The request whose head has begun and is not whole."""
    _head_bytes = 0

    @property
    def is_silent(self) -> bool:
        """Whether nothing was ever asked here."""
        return self.scope is None and not self._idle_since

    @property
    def is_idle(self) -> bool:
        """Whether neither a request nor an answer is on its way."""
        return self.open_head is None and not self.is_answering

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if self.guard.admits(self):
            super().connection_made(transport)
        elif self.guard.may_explain:
            transport.set_protocol(_TurnedAway(self.guard, transport))
        else:
            transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.lost(self)
        if self.transport is not None:
            super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        before = self.open_head
        super().data_received(data)
        if self.open_head is not None:
            self._head_bytes = len(data) + (self._head_bytes if before is self.open_head else 0)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.refuse(_TOO_LARGE)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.open_head = self.scope

    @override
    def on_headers_complete(self) -> None:
        self.open_head = None
        super().on_headers_complete()

    def refuse(self, error: BadRequest) -> None:
        """Say what is wrong, unless nothing was asked or another answer is on its way; close."""
        if self.open_head is not None and not self.is_answering and not self.transport.is_closing():
            self.transport.write(_written(error))
        self.open_head = None
        self.transport.close()


def guarded(base: type[KeptConnection], guard: Guard) -> type[KeptConnection]:
    """The protocol, with each of its connections under the guard."""
    return type("GuardedProtocol", (GuardedProtocol, base), {"guard": guard})


class _TurnedAway(asyncio.Protocol):
    """A connection for which there is no place: it is told so when it asks."""

    def __init__(self, guard: Guard, transport: asyncio.Transport) -> None:
        self._guard, self._transport = guard, transport
        guard.turned_away += 1
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, transport.abort)

    @override
    def data_received(self, data: bytes) -> None:
        # Only now: an answer to what was not read yet would be lost with the connection.
        if not self._transport.is_closing():
            self._transport.write(_written(_NO_PLACE))
            self._transport.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._guard.turned_away -= 1


_NO_PLACE = BadRequest(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "TooManyConnections",
    "too many connections are open: try again, or keep one open for several requests",
    headers={"retry-after": "1"},
)
_TOO_LARGE = BadRequest(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "HeadTooLarge",
    f"the headers have more than {MOST_HEAD_BYTES} bytes",
)


def _too_slow(seconds: float) -> BadRequest:
    message = f"the headers did not come within {seconds:g} s"
    return BadRequest(HTTPStatus.REQUEST_TIMEOUT, "HeadTooSlow", message)


def _written(error: BadRequest) -> bytes:
    """A whole answer, below ASGI and without a request that it could bear the id of."""
    body = msgspec.json.decode(problem_of(error, "").body)
    del body["request_id"]
    content = msgspec.json.encode(body)
    lines = [
        f"HTTP/1.1 {error.status.value} {error.status.phrase}",
        f"content-type: {PROBLEM}",
        f"content-length: {len(content)}",
        "connection: close",
        *(f"{name}: {value}" for name, value in error.headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
