"""How long answers take, as shares of answers that are slower than the bounds of buckets.

Times are lognormal, through the median and the 99th percentile that are forecast: the usual shape
of times to answer, with a long tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from statistics import NormalDist

from leadsman_api.metrics import LATENCY_BOUNDS

_NORMAL = NormalDist()
_P99 = _NORMAL.inv_cdf(0.99)


@dataclass(frozen=True, slots=True)
class Latencies:
    """Times of both arms' answers, in seconds."""

    p50: float
    """Of the stable revision."""
    p99: float
    slowdown: float = 1.0
    """So many times as long as the stable revision's take the candidate's answers."""

    def slower(self, bound: float, slowdown: float = 1.0) -> float:
        """Share of answers that take longer than a bound."""
        width = log(self.p99 / self.p50) / _P99
        return 1.0 - _NORMAL.cdf(log(bound / slowdown / self.p50) / width)


def bound_above(seconds: float) -> float:
    """The lowest bound that is not below a time; the highest where all are."""
    return next((bound for bound in LATENCY_BOUNDS if bound >= seconds), LATENCY_BOUNDS[-1])
