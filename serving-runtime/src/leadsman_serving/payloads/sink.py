"""The address that events are posted to, over one kept connection."""

from __future__ import annotations

import http.client
import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

from leadsman_serving.outbox.delivery import Outcome
from leadsman_serving.payloads.event import BATCH_TYPE, Exchange, Origin, batch

SECONDS = 5.0
"""How long each step of a post may take: to connect, to write, to be answered."""
_READ_BYTES = 65536
_WORTH_ANOTHER_TRY = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


class HttpSink:
    """A sink that speaks HTTP, used by one thread."""

    def __init__(self, address: str, origin: Origin, seconds: float = SECONDS) -> None:
        """Nothing is opened before the first post."""
        self._origin = origin
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._is_https = parts.scheme == "https"
        self._seconds = seconds
        self._connection: http.client.HTTPConnection | None = None

    def open(self) -> None:
        """A connection is opened with the first post."""

    def take(self, items: list[Exchange]) -> Outcome:
        """Post a batch; a connection that failed isn't used again."""
        body = batch(items, self._origin)
        try:
            self._connection = self._connection or self._connect()
            self._connection.request("POST", self._target, body, {"content-type": BATCH_TYPE})
            answer = self._connection.getresponse()
            rest = answer.read(_READ_BYTES)
        except (OSError, http.client.HTTPException):
            self.close()
            return Outcome.FAILED
        if len(rest) == _READ_BYTES or answer.will_close:
            self.close()
        return _outcome(answer.status)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._is_https:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._seconds, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)


def _outcome(status: int) -> Outcome:
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome.TAKEN
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _WORTH_ANOTHER_TRY:
        return Outcome.FAILED
    return Outcome.REFUSED
