"""The outermost layer of the model port: request ids, counts, hot routes, leaving clients.

Plain ASGI, because each request passes through it: the routes that predict are answered here,
and only the rest goes on to the framework behind.
"""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from leadsman_serving.admission import Admission
from leadsman_serving.endpoints.endpoint import Endpoint
from leadsman_serving.errors import BadRequest, ClientGone
from leadsman_serving.kept_connection import WHOLE, Head, SendWhole
from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.protocols.exchange import TIMEOUT_HEADER, Answer, Call
from leadsman_serving.protocols.problem import unexpected
from leadsman_serving.single_row import SingleRow
from leadsman_serving.telemetry import RequestMetrics
from leadsman_serving.watch import Watch

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "x-request-id"
CLOSES_AT = "closes_at"
"""In the scope's state: when the connection has had its time, on the monotonic clock."""
_CLIENT_CLOSED = 499
_JSON_TYPE = (b"content-type", b"application/json")
_CLOSE = (b"connection", b"close")
_NEVER = float("inf")
_NONE: Mapping[str, Any] = {}
_ID, _START = b"x-request-id", "http.response.start"
USUAL_BYTES = 65536
"""Larger bodies go the general way, which knows the limits."""
_ACCEPTABLE_ID = re.compile(rb"[!-~]{1,128}")
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quick:
    """What answers usual requests in one pass."""

    singles: Mapping[str, SingleRow] = field(default_factory=dict)
    """By path."""
    admission: Admission = field(default_factory=Admission)


class RequestGate:
    """Wraps an app; answers while the process drains tell the client to reconnect."""

    def __init__(
        self,
        app: ASGIApp,
        lifecycle: Lifecycle,
        endpoints: Mapping[str, Endpoint] | None = None,
        metrics: RequestMetrics | None = None,
        headers: Mapping[str, str] | None = None,
        quick: Quick | None = None,
    ) -> None:
        """`headers` say in each answer of an endpoint which model gave it.

        `quick` answers the usual requests.
        """
        self._app, self.lifecycle = app, lifecycle
        self._endpoints = dict(endpoints or {})
        self._metrics = metrics or RequestMetrics()
        # Quoted, because headers hold no other alphabet and no line breaks.
        self.headers = [
            (name.encode(), quote(value, safe=_PRINTABLE).encode())
            for name, value in (headers or {}).items()
            if value
        ]
        self._head = [_JSON_TYPE, *self.headers]
        self.head = Head(self.headers)
        self.quick = quick or Quick()
        self.watch: Watch | None = None
        """Looks at some requests more closely; None where nobody asked for it."""
        self._prefix = secrets.token_hex(6).encode()
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, at once if it is usual, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        single = self.quick.singles.get(scope["path"])
        if single is not None and scope["method"] == "POST" and not scope["query_string"]:
            request_id = self.id_of_usual(scope["headers"])
            if request_id is not None:
                began, message = time.monotonic(), await receive()
                answer = _at_once(single, message)
                if answer is not None:
                    given = request_id or self.next_id()
                    is_last = self._is_last(scope.get("state", _NONE))
                    whole: SendWhole | None = scope.get("extensions", _NONE).get(WHOLE)
                    if not (whole and whole(scope, self.head, given, answer, is_last)):
                        await self._send(send, given, answer, is_last=is_last)
                    self.quick.admission.count()
                    self._metrics.answered_row(time.monotonic() - began)
                    return
                receive = _again(message, receive)
        await self._in_general(scope, receive, send)

    def _is_last(self, state: Mapping[str, Any]) -> bool:
        """Whether the connection should close: it would pin its client to a process that ends."""
        return self.lifecycle.draining or time.monotonic() >= state.get(CLOSES_AT, _NEVER)

    async def _send(self, send: Send, request_id: bytes, body: bytes, *, is_last: bool) -> None:
        """Send a good answer by ASGI's two messages."""
        headers = [*self._head, (b"content-length", b"%d" % len(body)), (_ID, request_id)]
        if is_last:
            headers.append(_CLOSE)
        await send({"type": _START, "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _in_general(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = self.request_id(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id.decode()
        endpoint = self._endpoints.get(scope["path"])
        headers = [(REQUEST_ID.encode(), request_id)]
        if endpoint is not None:
            headers += self.headers

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                if self._is_last(state):
                    headers.append(_CLOSE)
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        if endpoint is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await self._answer(endpoint, Call(scope, receive), send_with_headers)

    async def _answer(self, endpoint: Endpoint, call: Call, send: Send) -> None:
        """Answer from an endpoint, and count the request until its answer is sent."""
        began, status = time.perf_counter(), HTTPStatus.INTERNAL_SERVER_ERROR.value
        answer: Answer | None = None
        watched = self.watch.begin(call) if self.watch else None
        self.lifecycle.in_flight += 1
        try:
            answer = await _answer_of(endpoint, call)
            status = answer.status
            await answer.send(send)
        except ClientGone:
            status = _CLIENT_CLOSED
        finally:
            self.lifecycle.in_flight -= 1
            self._metrics.answered(status, time.perf_counter() - began)
            if watched:
                watched.end(status, answer)

    def request_id(self, scope: Scope) -> bytes:
        """The client's id if it is fit for a log line, else one of ours."""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _ACCEPTABLE_ID.fullmatch(value):
                return bytes(value)
        return self.next_id()

    def id_of_usual(self, headers: list[tuple[bytes, bytes]]) -> bytes | None:
        """As the function below, and None as well for who is refused or looked at more closely.

        Such a request keeps the id by which it was chosen: its headers bear it from now on.
        """
        request_id, admission = id_of_usual(headers), self.quick.admission
        if request_id is not None and admission.asks and not admission.lets_in(headers):
            return None
        if self.watch is None or request_id is None:
            return request_id
        known = request_id or self.next_id()
        if not self.watch.wants(known, headers):
            return known
        if not request_id:
            headers.append((_ID, known))
        return None

    def next_id(self) -> bytes:
        """An id for a request whose client gave none."""
        return b"%s-%x" % (self._prefix, next(self._numbers))


def id_of_usual(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The id that the client gave, empty without one; None for what the general way has to see."""
    given, is_json = b"", False
    for name, value in headers:
        if name == b"content-type":
            is_json = value == b"application/json"
        elif name == b"x-request-id":
            if not _ACCEPTABLE_ID.fullmatch(value):
                return None
            given = value
        elif name == TIMEOUT_HEADER:
            return None
    return given if is_json else None


def _at_once(single: SingleRow, message: Message) -> bytes | None:
    """The answer to a body that came whole; None where the general way has to find out."""
    if message["type"] != "http.request" or message.get("more_body", False):
        return None
    body: bytes = message.get("body", b"")
    return single(body) if len(body) <= USUAL_BYTES else None


def _again(message: Message, receive: Receive) -> Receive:
    """Receive a message that was received already, then the others."""
    read = [message]

    async def receive_again() -> Message:
        return read.pop() if read else await receive()

    return receive_again


async def _answer_of(endpoint: Endpoint, call: Call) -> Answer:
    """What the endpoint answers, or the problem that it has with the request."""
    try:
        return await (endpoint.answer(call) if call.method == "POST" else _wrong_method(call))
    except BadRequest as error:
        return endpoint.refusal(_traced(error, call), call.request_id)
    except ClientGone:
        raise
    except Exception:
        about = {"request_id": call.request_id}
        if call.parent:
            about["trace_id"] = call.parent.trace_id
        _logger.exception("A request failed.", extra=about)
        return endpoint.refusal(_traced(unexpected(), call), call.request_id)


def _traced(error: BadRequest, call: Call) -> BadRequest:
    """Name the caller's trace in what is told, beside the request's id."""
    if call.parent:
        error.more["trace_id"] = call.parent.trace_id
    return error


async def _wrong_method(call: Call) -> Answer:
    raise BadRequest(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        f"{call.method} is not answered here: send a POST",
        headers={"allow": "POST"},
    )
