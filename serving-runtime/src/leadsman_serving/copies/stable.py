"""The stable revision, asked for what a copy of a request has asked this one."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

COMPARISON = "x-leadsman-comparison"
"""Header of such a request at the port for copies: it is answered, and nothing more."""
MOST_BYTES = 65536
"""Of a request, and of an answer: comparing larger ones would take the time of others."""
_SECONDS = 5.0
"""How long each step may take: to connect, to write, to be answered."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a request that was answered well."""

    target: str
    """Path and query."""
    headers: Mapping[str, str]
    """What it takes to be understood and let in."""
    asked: bytes
    answered: bytes

    @property
    def size(self) -> int:
        """Bytes of both bodies."""
        return len(self.asked) + len(self.answered)


class StableRevision:
    """Asks over one kept connection; used by one thread."""

    def __init__(self, address: str, seconds: float = _SECONDS) -> None:
        """Nothing is opened before the first question."""
        parts = urlsplit(address)
        self._host, self._port, self._seconds = parts.hostname or "", parts.port, seconds
        self._connection: http.client.HTTPConnection | None = None

    def answer(self, copy: Copy) -> bytes | None:
        """The body of a good answer; None where there is none."""
        for _ in range(2 if self._connection else 1):  # a kept connection may have ended
            try:
                return self._ask(copy)
            except (OSError, http.client.HTTPException):
                self.close()
        return None

    def close(self) -> None:
        """Leave no connection behind."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, copy: Copy) -> bytes | None:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                self._host, self._port, timeout=self._seconds
            )
        headers = {**copy.headers, COMPARISON: "1"}
        self._connection.request("POST", copy.target, copy.asked, headers)
        answer = self._connection.getresponse()
        body = answer.read(MOST_BYTES + 1)
        if answer.will_close or len(body) > MOST_BYTES:
            self.close()
        return body if answer.status == HTTPStatus.OK and len(body) <= MOST_BYTES else None
