"""Who is let in: API keys, a rate for the pod, and a wait that ends in time."""

from __future__ import annotations

import hmac
import time
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request

from leadsman_api.v1alpha1.serving import Limits, RateLimit
from leadsman_serving.errors import BadRequest

_BEARER = "bearer "
_KEY_HEADER = "x-api-key"


class Admission:
    """Decides before any work whether a request is answered."""

    def __init__(self, limits: Limits, keys: tuple[bytes, ...], seconds: float) -> None:
        """`seconds` is the time of one prediction; by it the wait of a queue is foreseen."""
        self._limits, self._keys, self._seconds = limits, keys, seconds
        self._bucket = _Bucket(limits.rate_limit) if limits.rate_limit else None
        self.waiting = 0

    def admit(self, request: Request) -> None:
        """Let the request in, or raise BadRequest with what the client may do instead."""
        self._check_key(request)
        if self._bucket is not None and not self._bucket.take():
            rate = self._limits.rate_limit
            raise BadRequest(
                HTTPStatus.TOO_MANY_REQUESTS,
                "RateLimited",
                f"this pod takes {rate.requests_per_second if rate else 0:g} requests a second:"
                " try again later",
            )
        if self.waiting * self._seconds > self._limits.timeout.total_seconds():
            raise BadRequest(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Overloaded",
                f"{self.waiting} requests wait already, longer than the timeout allows:"
                " try again later",
            )

    def _check_key(self, request: Request) -> None:
        if not self._keys:
            return
        authorization = request.headers.get("authorization", "")
        bearer = authorization[len(_BEARER) :] if authorization.lower().startswith(_BEARER) else ""
        given = (request.headers.get(_KEY_HEADER) or bearer).encode()
        # All are compared, each in constant time: the time of a refusal tells nothing.
        matches = [hmac.compare_digest(given, key) for key in self._keys]
        if not any(matches):
            raise BadRequest(
                HTTPStatus.UNAUTHORIZED, "Unauthorized", f"send an API key as {_KEY_HEADER}"
            )


class _Bucket:
    """A token bucket: a rate for long, and a burst at once."""

    def __init__(self, rate: RateLimit) -> None:
        self._rate, self._most = rate.requests_per_second, float(rate.burst)
        self._tokens, self._at = self._most, time.monotonic()

    def take(self) -> bool:
        """Take one token if there is one."""
        now = time.monotonic()
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def read_keys(folder: str) -> tuple[bytes, ...]:
    """The accepted API keys: the content of each file of a mounted Secret."""
    if not folder:
        return ()
    files = [file for file in sorted(Path(folder).iterdir()) if file.is_file()]
    return tuple(content for file in files if (content := file.read_bytes().strip()))
