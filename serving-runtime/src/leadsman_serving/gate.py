"""The outermost layer of the model port: request ids, the in-flight count, leaving clients.

Plain ASGI, because each request passes through it.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.telemetry import RequestMetrics

REQUEST_ID = "x-request-id"
MODEL_ROUTES = frozenset({"/predict", "/invocations"})
_ACCEPTABLE_ID = re.compile(r"[!-~]{1,128}", re.ASCII)


class RequestGate:
    """Wraps an app; answers while the process drains tell the client to reconnect."""

    def __init__(
        self,
        app: ASGIApp,
        lifecycle: Lifecycle,
        metrics: RequestMetrics | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers` say in each answer of a model route which model gave it."""
        self._metrics, self._headers = metrics, dict(headers or {})
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

        of_model = scope["path"] in MODEL_ROUTES
        began, status = time.perf_counter(), HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                if of_model:
                    headers.update(self._headers)
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
            if of_model and self._metrics is not None:
                self._metrics.answered(status, time.perf_counter() - began)

    def _request_id(self, scope: Scope) -> str:
        """The client's id if it is fit for a log line, else one of ours."""
        given = Headers(scope=scope).get(REQUEST_ID, "")
        if _ACCEPTABLE_ID.fullmatch(given):
            return given
        return f"{self._prefix}-{next(self._numbers):x}"
