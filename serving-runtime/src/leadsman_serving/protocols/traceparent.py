"""The header `traceparent`: https://www.w3.org/TR/trace-context/#traceparent-header."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

NAME = b"traceparent"
_SAMPLED = 1
_FORM = re.compile(
    rb"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})"
    rb"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_NO_TRACE, _NO_SPAN = b"0" * 32, b"0" * 16


@dataclass(frozen=True, slots=True)
class TraceParent:
    """Where a request stands in its caller's trace."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """The caller's span, 16 hexadecimal digits."""
    is_sampled: bool
    """Whether the caller records its part."""
    text: str
    """The header as it came."""


def parse(value: bytes) -> TraceParent | None:
    """What a header says; None for what the specification tells to ignore.

    Versions after 00 may have more parts, of which nothing is known; ff is none.
    """
    found = _FORM.fullmatch(value)
    if found is None or found["version"] == b"ff":
        return None
    if found["version"] == b"00" and found["more"] is not None:
        return None
    if found["trace"] == _NO_TRACE or found["span"] == _NO_SPAN:
        return None
    return TraceParent(
        trace_id=found["trace"].decode(),
        span_id=found["span"].decode(),
        is_sampled=bool(int(found["flags"], 16) & _SAMPLED),
        text=value.decode("latin-1"),
    )


def parent_of(headers: Iterable[tuple[bytes, bytes]]) -> TraceParent | None:
    """What a request's headers say, with names in lower case; None where two may differ."""
    found = [value for name, value in headers if name == NAME]
    return parse(found[0]) if len(found) == 1 else None
