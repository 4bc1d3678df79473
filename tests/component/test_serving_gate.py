"""The outermost layer of the model port, around an app of one line."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from leadsman_serving.gate import RequestGate, id_of_usual
from leadsman_serving.lifecycle import Lifecycle


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request alike; accept every other kind of connection."""
    if scope["type"] == "http":
        await PlainTextResponse("fine")(scope, receive, send)
    else:
        await send({"type": f"{scope['type']}.accept"})


def converse(lifecycle: Lifecycle, kind: str) -> list[Message]:
    """What the gate sends for one connection of a kind."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": f"{kind}.request"}

    scope: Scope = {"type": kind, "method": "GET", "path": "/", "headers": []}
    asyncio.run(RequestGate(answer, lifecycle)(scope, receive, send))
    return sent


@pytest.mark.parametrize("draining", [False, True])
def test_only_a_leaving_process_closes_its_connections(*, draining: bool) -> None:
    """While the process drains every answer tells the client to reconnect elsewhere."""
    start, *_ = converse(Lifecycle(beat_at=0, draining=draining), "http")

    assert ((b"connection", b"close") in start["headers"]) == draining


def test_other_connections_pass_untouched() -> None:
    """A connection that is no request gets no request id and is not counted."""
    lifecycle = Lifecycle(beat_at=0)

    assert converse(lifecycle, "websocket") == [{"type": "websocket.accept"}]
    assert lifecycle.in_flight == 0


@pytest.mark.parametrize(
    ("more", "usual"),
    [
        ([], b""),
        ([(b"x-request-id", b"abc")], b"abc"),
        ([(b"x-request-id", b"a b")], None),
        ([(b"x-request-timeout", b"1")], None),
        ([(b"content-type", b"text/csv")], None),
    ],
)
def test_headers_that_say_more_go_the_general_way(
    more: list[tuple[bytes, bytes]], usual: bytes | None
) -> None:
    """A time that the client gives, another type or an odd id is for the general way to read."""
    assert id_of_usual([(b"content-type", b"application/json"), *more]) == usual
