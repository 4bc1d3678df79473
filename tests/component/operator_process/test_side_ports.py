"""Probes and metrics over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from leadsman_operator.health import Health
from leadsman_operator.side_ports import Page, PortUnavailable, serve

PAGES = {"/metrics": lambda: Page(b"a 1\n", content_type="text/x")}


async def ask(port: int, request: str) -> tuple[str, list[str], str]:
    """Send a request; return status line, headers and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    await writer.drain()
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    status, *headers = head.split("\r\n")
    return status, headers, body


def told(story: Callable[[int], Awaitable[None]]) -> None:
    """Run a story with a server of one page."""

    async def whole() -> None:
        async with serve(0, PAGES) as port:
            await story(port)

    asyncio.run(whole())


def test_a_page_is_answered_with_its_type_and_length() -> None:
    """As Prometheus reads it, a query behind the path or not."""

    async def story(port: int) -> None:
        for path in ("/metrics", "/metrics?x=1"):
            status, headers, body = await ask(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (status, body) == ("HTTP/1.1 200 OK", "a 1\n")
            assert {"Content-Type: text/x", "Content-Length: 4", "Connection: close"} <= set(
                headers
            )

    told(story)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [("GET /other HTTP/1.1", 404), ("POST /metrics HTTP/1.1", 405), ("nonsense", 405)],
)
def test_nothing_else_is_answered(request_line: str, status: int) -> None:
    """Other paths and other methods are refused."""

    async def story(port: int) -> None:
        line, _, _ = await ask(port, f"{request_line}\r\n\r\n")
        assert line.startswith(f"HTTP/1.1 {status} ")

    told(story)


def test_a_client_that_says_nothing_is_in_nobodys_way() -> None:
    """Others are answered meanwhile, and the end of the server does not wait for it."""

    async def story(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        line, _, _ = await ask(port, "GET /metrics HTTP/1.1\r\n\r\n")
        assert line == "HTTP/1.1 200 OK"
        writer.close()
        await writer.wait_closed()

    told(story)


def test_a_port_in_use_is_named() -> None:
    """So that whoever starts two on one machine knows which to change."""

    async def whole(port: int) -> None:
        async with serve(port, PAGES):
            pass

    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortUnavailable, match=f"port {port} can't be opened"):
            asyncio.run(whole(port))


@pytest.mark.parametrize(
    ("stuck", "leaving", "live", "ready"),
    [
        pytest.param(0.0, False, 200, 200, id="all is well"),
        pytest.param(59.0, False, 200, 200, id="a slow reconcile"),
        pytest.param(61.0, False, 503, 200, id="reconciles hang"),
        pytest.param(0.0, True, 200, 503, id="told to end"),
    ],
)
def test_probes_are_told_what_is_true(
    stuck: float, live: int, ready: int, *, leaving: bool
) -> None:
    """Hanging reconciles end the life of a replica, leaving only its readiness."""
    pages = Health(lambda: stuck, 60.0, lambda: leaving).pages()

    assert pages["/health/live"]().status == live
    assert pages["/health/ready"]().status == ready
