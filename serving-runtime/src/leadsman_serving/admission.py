"""Who is let in: API keys, and a rate for the pod."""

from __future__ import annotations

import time
from collections.abc import Iterable
from http import HTTPStatus

from leadsman_api.v1alpha1.serving import RateLimit
from leadsman_serving.api_keys import ApiKeys
from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.exchange import Call

_BEARER = b"bearer "
_KEY_HEADER = b"x-api-key"
_AUTHORIZATION = b"authorization"


class Admission:
    """Decides before any work whether a request is answered."""

    def __init__(self, keys: ApiKeys | None = None, rate: RateLimit | None = None) -> None:
        """Without keys everybody who reaches the port is let in."""
        self._keys, self._rate = keys, rate
        self._bucket = Bucket(rate, time.monotonic()) if rate else None
        self.asks = keys is not None or rate is not None
        """Whether requests have to show a key, or are counted."""

    def without_rate(self) -> Admission:
        """Asks for the same keys and counts nobody."""
        return Admission(self._keys)

    def lets_in(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether a client with these headers would be let in; `count` it if it is."""
        now = time.monotonic()
        if self._keys is not None and not self._keys.accept(_key_of(headers), now):
            return False
        return self._bucket is None or self._bucket.has_one(now)

    def count(self) -> None:
        """A client was let in."""
        if self._bucket is not None:
            self._bucket.take(time.monotonic())

    def admit(self, call: Call) -> None:
        """Let the request in, or raise BadRequest with what the client may do instead."""
        refused = self.refusal(call.headers)
        if refused is not None:
            raise refused

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> BadRequest | None:
        """What a client with these headers is told; None where it is let in.

        Names are in lower case, as ASGI and gRPC have them. Costs a request nothing where
        nothing is asked for.
        """
        if self._keys is not None and not self._keys.accept(_key_of(headers), time.monotonic()):
            return _no_key()
        if self._bucket is not None and not self._bucket.take(time.monotonic()):
            return _too_many(self._bucket.per_second)
        return None


def _key_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The key that a client shows; empty without one."""
    bearer = b""
    for name, value in headers:
        if name == _KEY_HEADER:
            return value
        if name == _AUTHORIZATION and value[: len(_BEARER)].lower() == _BEARER:
            bearer = value[len(_BEARER) :]
    return bearer


def _no_key() -> BadRequest:
    return BadRequest(
        HTTPStatus.UNAUTHORIZED,
        "Unauthorized",
        f"send an API key as {_KEY_HEADER.decode()}, or as a bearer token",
        headers={"www-authenticate": "Bearer"},
    )


def _too_many(per_second: float) -> BadRequest:
    return BadRequest(
        HTTPStatus.TOO_MANY_REQUESTS,
        "RateLimited",
        f"this pod takes {per_second:g} requests a second: try again later",
        headers={"retry-after": str(max(1, round(1 / per_second)))},
    )


class Bucket:
    """A token bucket: a rate for long, and a burst at once."""

    def __init__(self, rate: RateLimit, now: float) -> None:
        """Full at the start; `now` is of any clock that only goes on, in seconds."""
        self.per_second, self._most = rate.requests_per_second, float(rate.burst)
        self._tokens, self._at = self._most, now

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        if not self.has_one(now):
            return False
        self._tokens -= 1
        return True

    def has_one(self, now: float) -> bool:
        """Whether there is a token."""
        self._tokens = min(self._most, self._tokens + (now - self._at) * self.per_second)
        self._at = now
        return self._tokens >= 1
