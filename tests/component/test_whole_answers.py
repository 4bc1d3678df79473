"""Answers in one piece: uvicorn's parser, flow control and pipeline see what they see of two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest
import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from leadsman_serving.kept_connection import WHOLE, Head, KeptConnection

MODEL = [(b"leadsman-model", b"churn")]
DATE = [(b"date", b"today")]
ID = b"an-id"


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    @override
    def get_extra_info(self, name: str, default: object = None) -> object:
        del name
        return default

    @override
    def write(self, data: Any) -> None:
        self.written += bytes(data)

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def close(self) -> None:
        self.closed = True

    @override
    def pause_reading(self) -> None:
        pass

    @override
    def resume_reading(self) -> None:
        pass


class App:
    """Answers with the body it was sent; in one piece where that is offered and allowed."""

    def __init__(self, *, may: bool) -> None:
        self.may, self.whole, self.is_last = may, 0, False
        self.has_read = asyncio.Event()

    async def __call__(
        self, scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]
    ) -> None:
        """Answer one request."""
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        self.has_read.set()
        if self.may and scope["extensions"][WHOLE](scope, Head(MODEL), ID, body, self.is_last):
            self.whole += 1
            return
        headers = [(b"content-type", b"application/json"), *MODEL]
        headers += [(b"content-length", b"%d" % len(body)), (b"x-request-id", ID)]
        headers += [(b"connection", b"close")] if self.is_last else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def request(body: bytes, line: bytes = b"POST / HTTP/1.1", more: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    return b"%s\r\ncontent-length: %d\r\n%s\r\n%s" % (line, len(body), more, body)


CASES: Mapping[str, tuple[list[bytes], int]] = {
    "one": ([request(b"first")], 1),
    "one after another": ([request(b"first"), request(b"second")], 2),
    # The first of them would be answered under the second's name.
    "two at once": ([request(b"first") + request(b"second")], 1),
    "in pieces": ([request(b"first")[:-2], b"st", request(b"second")], 2),
    "an old client": ([request(b"first", b"POST / HTTP/1.0")], 0),
    "the client's last": ([request(b"first", more=b"connection: close\r\n")], 0),
}


async def settled(connection: KeptConnection) -> None:
    """Wait until all requests that were read are answered."""
    while waiting := [task for task in connection.tasks if not task.done()]:
        await asyncio.gather(*waiting)


def conversation(
    app: App,
    pieces: list[bytes],
    before: Callable[[KeptConnection, Transport], Coroutine[Any, Any, None]] | None = None,
) -> tuple[bytes, bool]:
    """What is written, and whether the connection is closed at the end."""

    async def held() -> tuple[bytes, bool]:
        configuration = uvicorn.Config(app, log_config=None, access_log=False)
        configuration.load()
        state, transport = ServerState(), Transport()
        state.default_headers = DATE
        connection = KeptConnection(configuration, state, {}, asyncio.get_running_loop())
        connection.connection_made(transport)
        if before is not None:
            await before(connection, transport)
        for piece in pieces:
            if transport.closed:
                break
            connection.data_received(piece)
            cycle: RequestResponseCycle | None = connection.cycle
            if cycle is not None and not cycle.more_body:
                await settled(connection)
        await settled(connection)
        closed = transport.closed
        connection.connection_lost(None)
        return transport.written, closed

    return asyncio.run(held())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("is_last", [False, True])
def test_one_piece_is_what_two_are(name: str, *, is_last: bool) -> None:
    """The same bytes, the same end of the connection, and only where answers keep their order."""
    pieces, expected = CASES[name]
    whole, plain = App(may=True), App(may=False)
    whole.is_last = plain.is_last = is_last

    assert conversation(whole, pieces) == conversation(plain, pieces)
    assert whole.whole == expected - (is_last and expected > 0 and name != "one")


def test_a_client_that_does_not_read_is_waited_for() -> None:
    """As long as the connection takes no more, nothing is written into its buffer."""
    app, written = App(may=True), []

    async def full(connection: KeptConnection, transport: Transport) -> None:
        connection.flow.pause_writing()

        async def read() -> None:
            await app.has_read.wait()
            written.append(transport.written)
            connection.flow.resume_writing()

        connection.tasks.add(asyncio.ensure_future(read()))

    said, _ = conversation(app, [request(b"first")], full)

    assert said.endswith(b"first")
    assert app.whole == 0
    assert written == [b""]
