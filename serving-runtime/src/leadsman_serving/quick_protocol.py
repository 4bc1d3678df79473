"""The usual request answered below ASGI: bytes in, bytes out, no task, no scope, no event.

uvicorn's protocol with three of its parser's callbacks held back until the whole request is
there. What is not usual goes on as if nothing had been: the callbacks are made up for.

Clients that keep their connection send the same head over and over. One that the parser has
found usual is remembered, byte for byte, and not parsed again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from typing_extensions import override

from leadsman_serving.admission import Admission
from leadsman_serving.gate import CLOSES_AT, USUAL_BYTES, id_of_usual
from leadsman_serving.kept_connection import Head, Headers, KeptConnection
from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.telemetry import RequestMetrics

Single: TypeAlias = Callable[[bytes], bytes | None]
"""Answers a usual body; None where the general way has to find out."""
_METHOD, _BEGIN = b"POST", b"POST "
_END_OF_HEAD, _LINE = b"\r\n\r\n", b"\r\n"
_MOST_HEADS = 512


@dataclass
class QuickAnswers:
    """What all connections share."""

    singles: Mapping[bytes, Single]
    """By the path as clients write it."""
    admission: Admission
    lifecycle: Lifecycle
    metrics: RequestMetrics
    head: Head
    """Says which model gave the answer."""
    next_id: Callable[[], bytes]
    known: dict[bytes, tuple[Single, int, Headers]] = field(default_factory=dict)
    """Heads that were found usual: what answers, the length of the body, the headers."""

    def remember(self, head: bytes, headers: Headers, single: Single) -> None:
        """Know a usual head again, if its bytes can't be read in another way."""
        lengths = [value for name, value in headers if name == b"content-length"]
        lines = head.count(_LINE)
        if (
            len(lengths) == 1
            and all(name != b"transfer-encoding" for name, _ in headers)
            and head.startswith(_BEGIN)
            and lines == head.count(b"\n") == len(headers) + 2
        ):
            if len(self.known) >= _MOST_HEADS:
                self.known.clear()
            self.known[head] = (single, int(lengths[0]), headers)


class QuickProtocol(KeptConnection):
    """One connection."""

    answers: QuickAnswers
    """Set on a subclass for each process: uvicorn makes the connections."""
    _body: list[bytes] | None = None
    """Of a request that looks usual; None while another one is read."""
    _single: Single
    """What answers that request."""
    _id = b""
    _began = 0.0
    _is_between = True
    """Whether the parser waits for the first byte of a request."""
    _received: bytes | None = None
    """What came last, if it begins a request."""
    _closes_at = float("inf")

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._closes_at = self.app_state.get(CLOSES_AT, self._closes_at)

    @override
    def data_received(self, data: bytes) -> None:
        self._received = None
        if self._is_between:
            if self._answer_known(data):
                return
            self._received = data
        super().data_received(data)
        if self._body is not None:
            # The rest comes later, if ever: whoever waits for it has to know limits and deadlines.
            self._go_the_general_way()

    def _answer_known(self, data: bytes) -> bool:
        """Answer a whole request whose head is known; tells whether that was possible."""
        end = data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
        known = self.answers.known.get(data[:end])
        if known is None or len(data) != end + known[1] or not self._may_answer():
            return False
        admission = self.answers.admission
        if admission.asks and not admission.lets_in(known[2]):
            return False
        self._began = time.monotonic()
        answer = known[0](data[end:])
        if answer is None:
            return False
        self._id = b""
        self._answer(answer)
        self.server_state.total_requests += 1
        self.keep()
        return True

    def _may_answer(self) -> bool:
        """Whether an answer may be written now: answers have to come in their order."""
        return not (self.is_answering or self.flow.write_paused or self.transport.is_closing())

    @override
    def on_message_begin(self) -> None:
        self._is_between = False
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._body = None
        single = self.answers.singles.get(self.url)
        request_id = None if single is None else self._id_of_usual()
        if single is None or request_id is None:
            super().on_headers_complete()
            return
        self._single, self._body, self._id = single, [], request_id
        self._began = time.monotonic()
        received, self._received = self._received, None
        if received and not request_id:
            end = received.find(_END_OF_HEAD) + len(_END_OF_HEAD)
            self.answers.remember(received[:end], self.headers, single)

    @override
    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
        else:
            self._body.append(body)

    @override
    def on_message_complete(self) -> None:
        self._is_between = not self.parser.should_upgrade()
        self._received = None
        if self._body is not None:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            answer = self._single(body) if len(body) <= USUAL_BYTES else None
            if answer is not None:
                self._body = None
                self._answer(answer)
                self.on_response_complete()
                return
            self._go_the_general_way()
        super().on_message_complete()

    def _id_of_usual(self) -> bytes | None:
        """The id that the client gave, empty without one; None for a request that is not usual."""
        parser = self.parser
        if (
            parser.get_method() != _METHOD
            or self.expect_100_continue
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
            or not self._may_answer()
        ):
            return None
        request_id, admission = id_of_usual(self.headers), self.answers.admission
        if request_id is None or (admission.asks and not admission.lets_in(self.headers)):
            return None
        return request_id

    def _go_the_general_way(self) -> None:
        """Tell uvicorn what was held back."""
        parts, self._body = self._body or [], None
        super().on_headers_complete()
        for part in parts:
            super().on_body(part)

    def _answer(self, answer: bytes) -> None:
        shared, now = self.answers, time.monotonic()
        is_last = shared.lifecycle.draining or now >= self._closes_at
        self.transport.write(
            shared.head.answer(
                self.server_state.default_headers,
                self._id or shared.next_id(),
                answer,
                is_last=is_last,
            )
        )
        shared.admission.count()
        shared.metrics.answered_row(now - self._began)
        if is_last:
            self.transport.close()
