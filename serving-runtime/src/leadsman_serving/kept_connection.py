"""Connections that are kept open between requests, with one timer each.

uvicorn sets a timer after each answer and takes it back with the next request, which costs more
than most predictions. Here the timer stays and looks at the clock when it rings.
"""

from __future__ import annotations

import time

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


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
