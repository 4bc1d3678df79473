"""Values that the options of `simulate` are given: each says what to write instead."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

Setting = tuple[str, str, Any]
"""Of a rule: its name, the field of the setting, and its value."""


def _number(text: str, wanted: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: write {wanted}") from error


def _between(text: str, wanted: str, low: float, high: float) -> float:
    number = _number(text, wanted)
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{text}: write {wanted}")
    return number


def share(text: str) -> float:
    """From none to all."""
    return _between(text, "a share from 0 to 1, such as 0.015", 0.0, 1.0)


def cv(text: str) -> float:
    """A coefficient of variation."""
    return _between(text, "a number from 0 to 3, such as 0.5", 0.0, 3.0)


def positive(text: str) -> float:
    """A number above 0."""
    return _between(text, "a number above 0, such as 20", 1e-6, 1e7)


def not_negative(text: str) -> float:
    """A number that may be 0."""
    return _between(text, "a number such as 2", 0.0, 1e6)


def count(text: str) -> int:
    """How many."""
    wanted = "a whole number from 1 to 1000000, such as 10000"
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: write {wanted}")
    return int(_between(text, wanted, 1, 1e6))


def steps(text: str) -> list[int]:
    """Percents."""
    parts = text.split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: write percents that rise, such as 10,30,60")
    return [int(part) for part in parts]


def duration(text: str) -> float:
    """Seconds."""
    # Only here: it brings pydantic, which `--help` need not wait for.
    from leadsman_api.durations import parse_duration  # noqa: PLC0415

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r}: write a time such as 20ms, 15s or 2h"
        ) from error


def interval(text: str) -> float:
    """Seconds between two looks."""
    seconds = duration(text)
    if not 1 <= seconds <= 300:  # noqa: PLR2004 - what Prometheus is used with
        raise argparse.ArgumentTypeError(f"{text}: write a time from 1s to 5m")
    return seconds


def written_duration(text: str) -> str:
    """As it is written in a resource."""
    duration(text)
    return text


def outage(text: str) -> tuple[float, float]:
    """When, and for how long, in seconds."""
    begins, plus, lasts = text.partition("+")
    if not plus:
        raise argparse.ArgumentTypeError(f"{text!r}: write when and for how long, such as 5m+10m")
    return duration(begins), duration(lasts)


def picture(text: str) -> str:
    """The name of a picture."""
    if not text.endswith((".svg", ".png")):
        raise argparse.ArgumentTypeError(f"{text!r}: write a file that ends with .svg or .png")
    return text


def _percents(text: str) -> tuple[float, ...]:
    return tuple(one / 100 for one in steps(text))


def _percent(text: str) -> float:
    return _between(text, "percent from 1 to 100, such as 5", 1, 100) / 100


def _period(text: str) -> float:
    seconds = duration(text)
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text}: write a time of at least 1s")
    return seconds


def _tick(text: str) -> float:
    """Flagger makes ten seconds of a shorter interval."""
    return max(10.0, _period(text))


def _limit(text: str) -> int:
    return int(_between(text, "a whole number such as 3", 0, 1e6))


_Known = Mapping[str, tuple[str, Callable[[str], object]]]
"""The field of each setting, and what reads its value."""

_FLAGGER: _Known = {
    "interval": ("interval", _tick),
    "threshold": ("failures", count),
    "stepWeight": ("step", _percent),
    "maxWeight": ("most", _percent),
    "success": ("success", share),
    "duration": ("longest", _period),
    "ratio": ("ratio", positive),
    "margin": ("margin", share),
}
SETTINGS: Mapping[str, _Known] = {
    "judge": {
        "rule": ("rule", str),
        "interval": ("interval", written_duration),
        "failures": ("failures", _limit),
        "initialDelay": ("initialDelay", written_duration),
        "count": ("count", count),
    },
    "argo": {
        "weights": ("weights", _percents),
        "pause": ("pause", _period),
        "initialDelay": ("initial_delay", duration),
        "interval": ("interval", _period),
        "success": ("success", share),
        "failure": ("failure", share),
        "failureLimit": ("failures", _limit),
        "inconclusiveLimit": ("inconclusive", _limit),
        "consecutiveErrorLimit": ("errors", _limit),
        "count": ("count", count),
    },
    "flagger": _FLAGGER,
    "relative": _FLAGGER,
}
"""What can be set of each rule, by the names that it has there; `judge` is health.judge."""


def setting(text: str) -> Setting:
    """A setting of a rule, such as argo.failureLimit=5."""
    path, equals, value = text.partition("=")
    rule, _, name = path.partition(".")
    known = SETTINGS.get(rule)
    if known is None or not equals:
        raise argparse.ArgumentTypeError(
            f"{text!r}: write a setting of {', '.join(SETTINGS)}, such as argo.failureLimit=5"
        )
    if name not in known:
        raise argparse.ArgumentTypeError(f"{path}: {rule} has {', '.join(known)}")
    field, read = known[name]
    return rule, field, read(value)
