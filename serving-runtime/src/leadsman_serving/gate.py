"""The outermost layer of the model port: request ids, the in-flight count, leaving clients.

Plain ASGI, because each request passes through it.
"""

from __future__ import annotations

import itertools
import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadsman_serving.lifecycle import Lifecycle

REQUEST_ID = "x-request-id"
_ACCEPTABLE_ID = re.compile(r"[!-~]{1,128}", re.ASCII)


class RequestGate:
    """Wraps an app; answers while the process drains tell the client to reconnect."""

    def __init__(self, app: ASGIApp, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers[REQUEST_ID] = request_id
                if self._lifecycle.draining:
                    # A kept connection would pin its client to a process that ends.
                    headers["connection"] = "close"
            await send(message)

        self._lifecycle.in_flight += 1
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._lifecycle.in_flight -= 1

    def _request_id(self, scope: Scope) -> str:
        """The client's id if it is fit for a log line, else one of ours."""
        given = Headers(scope=scope).get(REQUEST_ID, "")
        if _ACCEPTABLE_ID.fullmatch(given):
            return given
        return f"{self._prefix}-{next(self._numbers):x}"
