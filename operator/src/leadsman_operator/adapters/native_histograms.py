"""Native histograms of Prometheus in the form of classic ones: answers up to fixed bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_LADDER = tuple(2 ** (step / 2) for step in range(-24, 33))
"""From 0.24 ms to 65 s in seconds, and as far in milliseconds. The buckets of a native histogram
end at powers of the 2^n-th root of 2 for an n that changes by itself when it grows: at each of
these bounds a bucket ends whatever n is, but for n = 0 and every second bound.
https://prometheus.io/docs/specs/native_histograms/#schema
"""
_ROUNDING = 1 + 1e-9


def classic_form(histogram: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Bounds as a label `le` has them, and how many values were not above each.

    Buckets that are empty are not sent: with fixed bounds a counter is never missing. A value
    whose bucket ends above a bound counts from the next bound on.
    Format: https://prometheus.io/docs/prometheus/latest/querying/api/#native-histograms
    """
    buckets = [(float(right), float(count)) for _, _, right, count in histogram.get("buckets", ())]
    for bound in _LADDER:
        yield repr(bound), sum(count for right, count in buckets if right <= bound * _ROUNDING)
    yield "+Inf", float(histogram["count"])
