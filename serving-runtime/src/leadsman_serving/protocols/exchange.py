"""One request of a hot route and its answer, without a framework in between."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from leadsman_serving.errors import BadRequest, ClientGone
from leadsman_serving.protocols.traceparent import TraceParent, parent_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

JSON = "application/json"
TIMEOUT_HEADER = b"x-request-timeout"
"""Seconds that the client waits, as proxies and gateways tell it."""
_STRAY = 8
"""Messages after the body that are no word of the client's leaving."""
_SHOWN = 50


@dataclass(slots=True)
class Bodies:
    """What all bodies that are being read take together, lest a crowd of slow ones fill memory."""

    most: int
    """Bytes."""
    held: int = 0


class Call:
    """A request as ASGI brings it."""

    __slots__ = ("_receive", "_scope", "deadline", "sent")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope, self._receive = scope, receive
        self.deadline = math.inf
        """When the client stops to wait, on the monotonic clock; known once it was let in."""
        self.sent: bytes | None = None
        """The body once it was read."""

    @property
    def method(self) -> str:
        """The method in capitals."""
        return str(self._scope["method"])

    @property
    def path(self) -> str:
        """The path without the query."""
        return str(self._scope["path"])

    @property
    def scheme(self) -> str:
        """Http or https."""
        return str(self._scope.get("scheme", "http"))

    @property
    def parent(self) -> TraceParent | None:
        """Where the request stands in its caller's trace; None outside of any."""
        return parent_of(self._scope["headers"])

    @property
    def request_id(self) -> str:
        """The id under which client and log know the request."""
        return str(self._scope["state"]["request_id"])

    @property
    def headers(self) -> Iterable[tuple[bytes, bytes]]:
        """All headers, their names in lower case."""
        headers: Iterable[tuple[bytes, bytes]] = self._scope["headers"]
        return headers

    def header(self, name: bytes) -> str:
        """The first header of this name, in lower case; empty without one."""
        for found, value in self._scope["headers"]:
            if found == name:
                return bytes(value).decode("latin-1")
        return ""

    def asks_for(self, name: str) -> bool:
        """Whether the query says `name=true`."""
        query: bytes = self._scope.get("query_string", b"")
        if not query:
            return False
        values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(name, [])
        return any(value.lower() in ("", "1", "true") for value in values)

    def seconds(self, most: float) -> float:
        """How long the client waits: what it says, up to `most`; BadRequest for no number."""
        told = self.header(TIMEOUT_HEADER)
        if not told:
            return most
        try:
            seconds = float(told)
        except ValueError:
            seconds = math.nan
        if not seconds > 0:  # NaN is not, either
            raise BadRequest(
                HTTPStatus.BAD_REQUEST,
                "InvalidTimeout",
                f"{TIMEOUT_HEADER.decode()} is a number of seconds over 0, not {told[:_SHOWN]!r}",
            )
        return min(seconds, most)

    async def gone(self) -> None:
        """Return when the client closes its connection; to be asked once its body is read."""
        for _ in range(_STRAY):
            if (await self._receive())["type"] == "http.disconnect":
                return
        await asyncio.get_running_loop().create_future()  # whoever sends on does not tell

    async def body(
        self, most_bytes: int, most_seconds: float, bodies: Bodies | None = None
    ) -> bytes:
        """The whole body; refused before it is read where its length is told.

        `bodies` are all that are being read: what comes in pieces needs room among them.
        """
        told = self.header(b"content-length")
        if told.isdigit() and int(told) > most_bytes:
            raise _too_large(most_bytes)
        try:
            async with asyncio.timeout(most_seconds):
                self.sent = await self._read(most_bytes, bodies or Bodies(most_bytes))
        except TimeoutError as error:
            raise _too_slow(most_seconds) from error
        return self.sent

    async def _read(self, most_bytes: int, bodies: Bodies) -> bytes:
        chunks: list[bytes] = []
        size, more = 0, True
        try:
            while more:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone("the client closed its connection")
                chunk, more = message.get("body", b""), message.get("more_body", False)
                size += len(chunk)
                bodies.held += len(chunk)
                if size > most_bytes:
                    raise _too_large(most_bytes)
                if more and bodies.held > bodies.most:
                    raise _no_room()
                chunks.append(chunk)
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:
            bodies.held -= size


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whole."""

    body: bytes
    status: int = HTTPStatus.OK.value
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    """Rows that were predicted."""

    async def send(self, send: Send) -> None:
        """Hand it to the server."""
        headers = [
            (b"content-type", self.media_type.encode()),
            (b"content-length", str(len(self.body)).encode()),
            *((name.encode(), value.encode()) for name, value in self.headers.items()),
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def _too_large(most: int) -> BadRequest:
    return BadRequest(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "BodyTooLarge",
        f"the body has more than the {most} bytes that are allowed: send fewer rows at a time",
    )


def _too_slow(most_seconds: float) -> BadRequest:
    return BadRequest(
        HTTPStatus.REQUEST_TIMEOUT,
        "BodyTooSlow",
        f"the body did not come within {most_seconds:g} s",
        headers={"connection": "close"},  # the rest may come at any time, or never
    )


def _no_room() -> BadRequest:
    return BadRequest(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "TooManyBodies",
        "too many large bodies are on their way: try again",
        headers={"retry-after": "1"},
    )
