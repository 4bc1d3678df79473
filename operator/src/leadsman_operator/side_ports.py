"""A very small HTTP server for probes and metrics: GET, one answer a connection.

It runs in the operator's own event loop, so that a loop that hangs answers no probe either.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

_PATIENCE_SECONDS = 5.0
_MOST_HEADERS = 100

TEXT = "text/plain; charset=utf-8"


class PortUnavailable(Exception):
    """A port can't be opened."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT


Pages = Mapping[str, Callable[[], Page]]
"""What makes the answer, by path."""


@asynccontextmanager
async def serve(port: int, pages: Pages) -> AsyncIterator[int]:
    """Answer on every interface until the block ends; gives the port that was opened."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError, OSError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                writer.write(_written(_page(await _path(reader), pages)))
                await writer.drain()
        writer.close()

    listener = _listening(port)
    server = await asyncio.start_server(answer, sock=listener)
    try:
        yield listener.getsockname()[1]
    finally:
        # Not awaited: a client that keeps its connection open must not hold up the end.
        server.close()


def _listening(port: int) -> socket.socket:
    """A listening socket for IPv6 and IPv4, or only IPv4 on hosts without IPv6."""
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        # Every interface, because Prometheus and the kubelet are elsewhere.
        return socket.create_server(("0.0.0.0", port))  # noqa: S104
    except OSError as error:
        raise PortUnavailable(f"port {port} can't be opened: {error.strerror}") from error


async def _path(reader: asyncio.StreamReader) -> str | None:
    """The path of a GET; None for any other request."""
    method, _, rest = (await reader.readline()).decode("latin-1").partition(" ")
    for _ in range(_MOST_HEADERS):
        if (await reader.readline()).strip() == b"":
            break
    return rest.partition(" ")[0].partition("?")[0] if method == "GET" else None


def _page(path: str | None, pages: Pages) -> Page:
    if path is None:
        return Page(b"only GET\n", HTTPStatus.METHOD_NOT_ALLOWED)
    make = pages.get(path)
    return make() if make else Page(b"no such page\n", HTTPStatus.NOT_FOUND)


def _written(page: Page) -> bytes:
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
        f"Content-Type: {page.content_type}\r\nContent-Length: {len(page.body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + page.body
