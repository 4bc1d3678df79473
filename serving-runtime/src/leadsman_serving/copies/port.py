"""What answers at the port for copies: a copy as any request, and who only wants to compare.

By the port, and not by a header, a copy is known as one: no client reaches it by way of the
Services of live traffic, and no gateway has to mark what it copies.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from leadsman_serving.copies.comparison import Comparison
from leadsman_serving.copies.stable import COMPARISON, Copy, StableRevision
from leadsman_serving.gate import RequestGate
from leadsman_serving.kept_connection import Headers
from leadsman_serving.sampling import Sample
from leadsman_serving.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_COMPARISON = COMPARISON.encode()
_PASSED_ON = frozenset(
    {
        b"accept", b"authorization", b"content-encoding", b"content-type",
        b"inference-header-content-length", b"x-api-key",
    }
)  # fmt: skip
"""Headers without which a request would be read otherwise, or not be let in."""
_OK = 200


class CopiesPort:
    """Answers at the port for copies."""

    def __init__(
        self,
        live: RequestGate,
        asked: ASGIApp,
        paths: Collection[str],
        share: Sample,
        comparison: Comparison,
    ) -> None:
        """`live` answers copies and counts them, `asked` who compares, and counts nothing.

        Of requests to `paths` the answers are compared; a `share` of the copies is answered.
        """
        self._live, self._asked = live, asked
        self._paths, self._share, self._comparison = paths, share, comparison

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or _compares(scope["headers"]):
            await self._asked(scope, receive, send)
        elif self._share.has(self._live.request_id(scope)):
            await self._answer(scope, receive, send)
        else:
            await _drop(receive, send)

    def takes(self, request_id: bytes, headers: Headers) -> bool:
        """Whether this is a copy, and one that is answered."""
        return self._share.has(request_id) and not _compares(headers)

    def compare(self, target: bytes, headers: Headers, asked: bytes, answered: bytes) -> None:
        """Compare a good answer when there is time; `target` is path and query."""
        passed_on = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in headers
            if name in _PASSED_ON
        }
        self._comparison.offer(Copy(target.decode("latin-1"), passed_on, asked, answered))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(receive, send)
        # Without extensions: an answer in one piece would pass the exchange by.
        await self._live({**scope, "extensions": {}}, exchange.receive, exchange.send)
        if exchange.status == _OK and scope["method"] == "POST" and scope["path"] in self._paths:
            query: bytes = scope["query_string"]
            target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
            self.compare(target, scope["headers"], exchange.asked, exchange.answered)


def _compares(headers: Headers) -> bool:
    """Whether another revision asks, which only wants to compare."""
    return any(name == _COMPARISON for name, _ in headers)


class _Exchange:
    """A request and its answer as they pass by."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._asked: list[bytes] = []
        self._answered: list[bytes] = []
        self.status = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._asked.append(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._answered.append(message.get("body", b""))
        await self._send(message)

    @property
    def asked(self) -> bytes:
        return b"".join(self._asked)

    @property
    def answered(self) -> bytes:
        return b"".join(self._answered)


async def _drop(receive: Receive, send: Send) -> None:
    """Take a copy that is in no sample, and answer nothing."""
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def copies_port(
    settings: Settings,
    registry: CollectorRegistry,
    live: RequestGate,
    asked: ASGIApp,
    paths: Collection[str],
) -> CopiesPort:
    """The app of the port for copies; what comes of comparing is told to the registry."""
    stable = StableRevision(settings.stable_address)
    comparison = Comparison(stable, settings.shadow.tolerance)
    registry.register(comparison)
    return CopiesPort(live, asked, paths, Sample(settings.shadow.percent / 100), comparison)
