"""Connections that are kept open between requests, with one timer each.

uvicorn sets a timer after each answer and takes it back with the next request, which costs more
than most predictions. Here the timer stays and looks at the clock when it rings. Apps may give
an answer in one piece, by an extension of ASGI: its two messages cost as much again.
https://asgi.readthedocs.io/en/latest/specs/main.html#extensions
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from starlette.types import Scope

TESTED_WITH = "0.54."
"""The version of uvicorn whose private interfaces these are."""
IS_TESTED = uvicorn.__version__.startswith(TESTED_WITH)
WHOLE = "leadsman.whole_answer"
"""The extension's name in a scope: see `KeptConnection.send_whole`."""
Headers: TypeAlias = list[tuple[bytes, bytes]]
SendWhole: TypeAlias = Callable[["Scope", "Head", bytes, bytes, bool], bool]


class Head:
    """Status line and headers of good answers in JSON, as far as they are always the same."""

    def __init__(self, headers: Headers) -> None:
        """`headers` say which model gave the answer."""
        self._headers, self._text = headers, b""
        self._defaults: Any = None

    def answer(self, defaults: Headers, request_id: bytes, body: bytes, *, is_last: bool) -> bytes:
        """A whole answer; `defaults` are uvicorn's own headers, which it makes anew each second."""
        if defaults is not self._defaults:
            lines = [*defaults, (b"content-type", b"application/json"), *self._headers]
            text = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
            self._text, self._defaults = b"HTTP/1.1 200 OK\r\n" + text, defaults
        return b"%scontent-length: %d\r\nx-request-id: %s\r\n%s\r\n%s" % (
            self._text,
            len(body),
            request_id,
            b"connection: close\r\n" if is_last else b"",
            body,
        )


class KeptConnection(HttpToolsProtocol):
    """One connection."""

    _idle_since = 0.0
    """When the last answer was given, on the monotonic clock."""

    @property
    def is_answering(self) -> bool:
        """Whether a request waits for its answer."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def keep(self) -> None:
        """Wait for the next request, for as long as a connection is kept without one."""
        self._idle_since = time.monotonic()
        if self.timeout_keep_alive_task is None:
            self._ring_in(self.timeout_keep_alive)

    def send_whole(
        self,
        scope: Scope,
        head: Head,
        request_id: bytes,
        body: bytes,
        is_last: bool,  # noqa: FBT001 - by place, since each name costs
    ) -> bool:
        """Answer a request of an app in one piece; False, and nothing done, where it can't be.

        For requests whose body was received whole. Answers have to come in their order, and
        clients that do not read have to be waited for: that is left to ASGI's `send`.
        """
        cycle: RequestResponseCycle = self.cycle
        if (
            cycle.scope is not scope
            or cycle.response_started
            or cycle.disconnected
            or not cycle.keep_alive
            or self.flow.write_paused
        ):
            return False
        self.transport.write(
            head.answer(self.server_state.default_headers, request_id, body, is_last=is_last)
        )
        cycle.response_started = cycle.response_complete = True
        if is_last:
            cycle.keep_alive = False
            self.transport.close()
        cycle.on_response()
        return True

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        if IS_TESTED:
            # A function, where the types know only dictionaries: others look for their own names.
            self.scope["extensions"] = {WHOLE: self.send_whole}  # type: ignore[dict-item]

    @override
    def on_response_complete(self) -> None:
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self.keep()

    @override
    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        since = time.monotonic() if self.is_answering else self._idle_since
        left = since + self.timeout_keep_alive - time.monotonic()
        if left > 0 and not self.transport.is_closing():
            self._ring_in(left)
        else:
            super().timeout_keep_alive_handler()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    @override
    def _unset_keepalive_if_required(self) -> None:
        """Leave the timer be."""

    def _ring_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )
