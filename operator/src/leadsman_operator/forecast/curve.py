"""The same rollouts at other traffic: where a rule begins to see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from leadsman_operator.forecast.simulation import Rule, simulate
from leadsman_operator.forecast.summary import Summary, summary_of
from leadsman_operator.forecast.traffic import Forecast

RATES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
"""Requests per second."""
MOST_ROLLOUTS = 1000
"""Rollouts of one point: a curve shows a shape, and has many points."""


@dataclass(frozen=True, slots=True)
class Point:
    """One rate of a curve."""

    rate: float
    summary: Summary


def curve(forecast: Forecast, rule: Rule, rollouts: int, seed: int) -> Iterator[Point]:
    """The figures at each rate."""
    for rate in RATES:
        outcomes = simulate(replace(forecast, rate=rate), rule, min(rollouts, MOST_ROLLOUTS), seed)
        yield Point(rate, summary_of(outcomes))
