"""Durations as the wire writes them: `90s`, `30m`, `1h30m`, `250ms`.

The units are those that CEL's `duration()` reads, so the API server can compare them too.
"""

from __future__ import annotations

import re
from datetime import timedelta

PATTERN = r"^([0-9]{1,6}h)?([0-9]{1,8}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$"
EXAMPLES = "90s, 30m, 1h30m or 250ms"

_FORM = re.compile(PATTERN)
_UNITS = ("hours", "minutes", "seconds", "milliseconds")
_MILLISECOND = timedelta(milliseconds=1)


def parse_duration(text: str) -> timedelta:
    """Read `1h30m`; raise ValueError for anything else."""
    match = _FORM.match(text)
    if not text or match is None:
        raise ValueError(f"write a duration such as {EXAMPLES}, not {text!r}")
    amounts = [int(re.sub("[a-z]", "", group or "0")) for group in match.groups()]
    return timedelta(**dict(zip(_UNITS, amounts, strict=True)))


def format_duration(duration: timedelta) -> str:
    """Write the shortest text that reads back as the same duration, to the millisecond."""
    seconds, milliseconds = divmod(round(duration / _MILLISECOND), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"), (milliseconds, "ms"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"
