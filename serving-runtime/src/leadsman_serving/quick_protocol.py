"""The usual request answered below ASGI: bytes in, bytes out, no task, no scope, no event.

uvicorn's protocol with three of its parser's callbacks held back until the whole request is
there. What is not usual goes on as if nothing had been: the callbacks are made up for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from leadsman_serving.gate import CLOSES_AT, USUAL_BYTES, id_of_usual
from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.single_row import SingleRow
from leadsman_serving.telemetry import RequestMetrics

_PATH, _METHOD = b"/predict", b"POST"


@dataclass
class QuickAnswers:
    """What all connections share."""

    single: SingleRow
    lifecycle: Lifecycle
    metrics: RequestMetrics
    headers: list[tuple[bytes, bytes]]
    """Which model gave the answer."""
    next_id: Callable[[], bytes]
    _defaults: Any = None
    _head: bytes = field(default=b"", repr=False)

    def head(self, defaults: list[tuple[bytes, bytes]]) -> bytes:
        """Status line and headers that stay; uvicorn makes its own anew each second."""
        if defaults is not self._defaults:
            lines = [*defaults, (b"content-type", b"application/json"), *self.headers]
            text = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
            self._head = b"HTTP/1.1 200 OK\r\n" + text
            self._defaults = defaults
        return self._head


class QuickProtocol(HttpToolsProtocol):
    """One connection."""

    answers: QuickAnswers
    """Set on a subclass for each process: uvicorn makes the connections."""
    _body: list[bytes] | None = None
    """Of a request that looks usual; None while another one is read."""
    _id = b""
    _began = 0.0

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._body is not None:
            # The rest comes later, if ever: whoever waits for it has to know limits and deadlines.
            self._go_the_general_way()

    @override
    def on_headers_complete(self) -> None:
        self._body = None
        request_id = self._id_of_usual()
        if request_id is None:
            super().on_headers_complete()
            return
        self._body, self._id, self._began = [], request_id, time.perf_counter()

    @override
    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
        else:
            self._body.append(body)

    @override
    def on_message_complete(self) -> None:
        if self._body is not None:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            answer = self.answers.single(body) if len(body) <= USUAL_BYTES else None
            if answer is not None:
                self._body = None
                self._answer(answer)
                return
            self._go_the_general_way()
        super().on_message_complete()

    def _id_of_usual(self) -> bytes | None:
        """The id that the client gave, empty without one; None for a request that is not usual."""
        parser = self.parser
        if self.url != _PATH or parser.get_method() != _METHOD:
            return None
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            return None  # answers have to come in their order
        if (
            self.expect_100_continue
            or self.flow.write_paused
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
        ):
            return None
        return id_of_usual(self.headers)

    def _go_the_general_way(self) -> None:
        """Tell uvicorn what was held back."""
        parts, self._body = self._body or [], None
        super().on_headers_complete()
        for part in parts:
            super().on_body(part)

    def _answer(self, answer: bytes) -> None:
        shared = self.answers
        is_last = shared.lifecycle.draining or time.monotonic() >= self.app_state.get(
            CLOSES_AT, float("inf")
        )
        self.transport.write(
            b"%scontent-length: %d\r\nx-request-id: %s\r\n%s\r\n%s"
            % (
                shared.head(self.server_state.default_headers),
                len(answer),
                self._id or shared.next_id(),
                b"connection: close\r\n" if is_last else b"",
                answer,
            )
        )
        shared.metrics.answered(200, time.perf_counter() - self._began)
        shared.metrics.rows(1)
        if is_last:
            self.transport.close()
        self.on_response_complete()
