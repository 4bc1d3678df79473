"""Durations as the wire writes them: `90s`, `30m`, `1h30m`, `250ms`.

The units are those that CEL's `duration()` reads, so the API server can compare them too.
"""

from __future__ import annotations

import re
from datetime import timedelta

from leadsman_api.patterns import compiled

# So many digits and no more: together they stay within the 292 years that CEL can count.
PATTERN = r"^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$"
EXAMPLES = "90s, 30m, 1h30m or 250ms"

_FORM = compiled(PATTERN)
_UNITS = ("hours", "minutes", "seconds", "milliseconds")
_MILLISECOND = timedelta(milliseconds=1)
_LARGEST = (
    ("h", 3_600_000, 999_999),
    ("m", 60_000, 9_999_999),
    ("s", 1_000, 999_999_999),
    ("ms", 1, 999_999_999),
)


def parse_duration(text: str) -> timedelta:
    """Read `1h30m`; raise ValueError for anything else."""
    match = _FORM.match(text)
    if not text or match is None:
        raise ValueError(f"write a duration such as {EXAMPLES}, not {text!r}")
    amounts = [int(re.sub("[a-z]", "", group or "0")) for group in match.groups()]
    return timedelta(**dict(zip(_UNITS, amounts, strict=True)))


def format_duration(duration: timedelta) -> str:
    """Write the shortest text that reads back as the same duration, to the millisecond."""
    rest = round(duration / _MILLISECOND)
    text = ""
    for unit, milliseconds, most in _LARGEST:
        # What is too much for one unit goes into the next: a number has only so many digits.
        amount = min(rest // milliseconds, most)
        rest -= amount * milliseconds
        text += f"{amount}{unit}" if amount else ""
    return text or "0s"
