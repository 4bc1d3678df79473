"""Who is let in: API keys, and a rate for the pod."""

from __future__ import annotations

import hmac
import time
from http import HTTPStatus
from pathlib import Path

from leadsman_api.v1alpha1.serving import RateLimit
from leadsman_serving.errors import BadRequest, InvalidSettings
from leadsman_serving.protocols.exchange import Call

_BEARER = "bearer "
_KEY_HEADER = "x-api-key"


class Admission:
    """Decides before any work whether a request is answered."""

    def __init__(self, keys: tuple[bytes, ...], rate: RateLimit | None) -> None:
        """Without keys everybody who reaches the port is let in."""
        self._keys, self._rate = keys, rate
        self._bucket = Bucket(rate, time.monotonic()) if rate else None

    @property
    def asks(self) -> bool:
        """Whether requests have to show a key, or are counted."""
        return bool(self._keys or self._rate)

    def admit(self, call: Call) -> None:
        """Let the request in, or raise BadRequest with what the client may do instead."""
        if self._keys:
            self._check_key(call)
        if self._rate and self._bucket and not self._bucket.take(time.monotonic()):
            raise BadRequest(
                HTTPStatus.TOO_MANY_REQUESTS,
                "RateLimited",
                f"this pod takes {self._rate.requests_per_second:g} requests a second:"
                " try again later",
                headers={"retry-after": str(max(1, round(1 / self._rate.requests_per_second)))},
            )

    def _check_key(self, call: Call) -> None:
        authorization = call.header(b"authorization")
        bearer = authorization[len(_BEARER) :] if authorization.lower().startswith(_BEARER) else ""
        given = (call.header(_KEY_HEADER.encode()) or bearer).encode()
        # All are compared, each in constant time: the time of a refusal tells nothing.
        matches = [hmac.compare_digest(given, key) for key in self._keys]
        if not any(matches):
            raise BadRequest(
                HTTPStatus.UNAUTHORIZED,
                "Unauthorized",
                f"send an API key as {_KEY_HEADER}, or as a bearer token",
                headers={"www-authenticate": "Bearer"},
            )


class Bucket:
    """A token bucket: a rate for long, and a burst at once."""

    def __init__(self, rate: RateLimit, now: float) -> None:
        """Full at the start; `now` is of any clock that only goes on, in seconds."""
        self._rate, self._most = rate.requests_per_second, float(rate.burst)
        self._tokens, self._at = self._most, now

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def read_keys(folder: str) -> tuple[bytes, ...]:
    """The accepted API keys: the content of each file of a mounted Secret.

    InvalidSettings when keys are asked for and there are none: nobody is let in by mistake.
    """
    if not folder:
        return ()
    try:
        files = [file for file in sorted(Path(folder).iterdir()) if file.is_file()]
        keys = tuple(content for file in files if (content := file.read_bytes().strip()))
    except OSError as error:
        raise InvalidSettings(f"LEADSMAN_API_KEYS_DIR: {error}") from error
    if not keys:
        raise InvalidSettings(f"LEADSMAN_API_KEYS_DIR: {folder} has no file with a key")
    return keys
