"""The cells of the judge's benchmark: what is forecast in each.

Calibration: candidates that are as good as the stable revision, in traffic that makes it hard to
see so. Regressions: candidates that are worse, against the rules of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from leadsman_api.v1alpha1.health import ErrorRate, Latency
from leadsman_operator.forecast.latency import Latencies
from leadsman_operator.forecast.rule import OperatorRule
from leadsman_operator.forecast.traffic import Forecast, Outage
from leadsman_operator.planner.judge.resting import WINDOW

MINUTE, HOUR = 60.0, 3600.0
LATENCIES = Latencies(p50=0.02, p99=0.2)
ONE = OperatorRule(conditions=(ErrorRate(name="errors", type="ErrorRate", ratio=1.5),))
"""One condition alone, which has all of the promised rate for itself."""
MANY = OperatorRule(
    conditions=(
        ErrorRate(name="errors", type="ErrorRate", ratio=1.5, max=0.02),
        Latency(name="latency", type="Latency", ratio=1.5, max_latency=timedelta(milliseconds=250)),
    )
)
"""All limits that a condition can have, of both types."""
AT_MOST = OperatorRule(conditions=(ErrorRate(name="errors", type="ErrorRate", max=0.01),))
"""A share that the cells of 1 % errors just keep, without any margin."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One forecast, and the plan that meets it."""

    name: str
    forecast: Forecast
    rule: OperatorRule = field(default=ONE)
    promised: bool = True
    """Whether the promised rate is claimed to hold here."""


@dataclass(frozen=True, slots=True)
class Row:
    """Cells that differ by noise alone."""

    rate: float
    about: str
    """What else there is to know of them."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Noise:
    """Bursts of each arm's share of bad answers."""

    name: str
    cv: float = 0.0
    persistence: float = 0.0


NOISES = (
    Noise("none"),
    Noise("CV 0.5", 0.5),
    Noise("CV 1", 1.0),
    Noise("CV 0.5 for 2 min", 0.5, 2 * MINUTE),
    Noise("CV 1 for 2 min", 1.0, 2 * MINUTE),
    Noise("CV 0.5 for 10 min", 0.5, 10 * MINUTE),
    Noise("CV 1 for 10 min", 1.0, 10 * MINUTE),
)
HARD_NOISES = (NOISES[0], NOISES[2], NOISES[4], NOISES[6])
WITHOUT_PROMETHEUS = "no Prometheus, pods read every 5 min at rest"
CALIBRATED_RATES = (1.0, 20.0, 200.0, 2000.0)
CALIBRATED_ERRORS = (0.001, 0.01, 0.1)
COMPARED_RATES = (2.0, 20.0, 200.0, 2000.0)
REGRESSIONS = (
    (0.002, 0.006), (0.002, 0.01), (0.002, 0.05), (0.002, 0.2),
    (0.015, 0.045), (0.015, 0.075), (0.015, 0.3),
)  # fmt: skip
"""Shares of bad answers of both arms."""
HEALTHY_ERRORS = (0.002, 0.015)
SERVICES = (Latencies(p50=0.002, p99=0.02), Latencies(p50=0.1, p99=0.3))
"""Times of a service that is far from the limit of Flagger's tutorials, and of one that is near."""
SLOWDOWNS = (2.0, 4.0)


def healthy(rate: float, errors: float, noise: Noise = NOISES[0]) -> Forecast:
    """A candidate as good as the stable revision."""
    return Forecast(rate, errors, errors, cv=noise.cv, persistence=noise.persistence)


def grid() -> Iterator[Row]:
    """Errors alone: rates and shares of them."""
    for rate in CALIBRATED_RATES:
        for errors in CALIBRATED_ERRORS:
            cells = (
                Cell(f"{rate:g}/s, {errors:.1%}, {noise.name}", healthy(rate, errors, noise))
                for noise in NOISES
            )
            yield Row(rate, f"{errors:.1%}", tuple(cells))


@dataclass(frozen=True, slots=True)
class Timed:
    """A condition on times alone, with times that keep it."""

    name: str
    latencies: Latencies
    condition: Latency

    def cell(self, rate: float, noise: Noise) -> Cell:
        """Its cell; nothing fails, and the noise is of the share of slow answers."""
        forecast = replace(healthy(rate, 0.0, noise), latencies=self.latencies)
        name = f"{rate:g}/s, {self.name}, {noise.name}"
        return Cell(name, forecast, OperatorRule(conditions=(self.condition,)))


_AT_LIMIT = Latencies(p50=0.02, p99=0.25)
TIMED = (
    Timed(
        "1.5 times the stable revision's",
        LATENCIES,
        Latency(name="latency", type="Latency", ratio=1.5),
    ),
    # Without any margin: the 99th percentile is a bound of a bucket.
    Timed(
        "no slower at all, at p99",
        _AT_LIMIT,
        Latency(name="latency", type="Latency", ratio=1.0, quantile=0.99),
    ),
    Timed(
        "p99 at most 250 ms, and it is just that",
        _AT_LIMIT,
        Latency(name="latency", type="Latency", max_latency=timedelta(milliseconds=250)),
    ),
)


def times_grid() -> Iterator[Row]:
    """Times alone: rates and limits."""
    for rate in CALIBRATED_RATES:
        for timed in TIMED:
            yield Row(rate, timed.name, tuple(timed.cell(rate, noise) for noise in HARD_NOISES))


def conditions() -> Iterator[Cell]:
    """What else happens to a service, at two rates of requests."""
    lasting = NOISES[3]
    for rate in (20.0, 200.0):
        plain, noisy = healthy(rate, 0.01), healthy(rate, 0.01, lasting)
        at = f"{rate:g}/s"
        yield Cell(f"{at}, load up and down by 80 % a day", replace(noisy, daily=0.8))
        yield Cell(
            f"{at}, 6 restarts of pods an hour, every tenth look without a sample",
            replace(noisy, restarts=6.0, missing=0.1),
        )
        yield Cell(
            f"{at}, counters of a pod begin anew every minute", replace(noisy, restarts=60.0)
        )
        yield Cell(
            f"{at}, Prometheus down for ten minutes",
            replace(noisy, outages=(Outage(2 * MINUTE, 10 * MINUTE),)),
        )
        yield Cell(f"{at}, scraped every 30 s", replace(noisy, scrape_interval=30.0))
        for noise in (NOISES[4], NOISES[6]):
            yield Cell(
                f"{at}, errors just at their `max`, {noise.name}",
                healthy(rate, 0.01, noise),
                AT_MOST,
            )
        timed = replace(plain, latencies=LATENCIES)
        yield Cell(f"{at}, errors and times, no noise", timed, OperatorRule())
        wild = replace(timed, cv=0.5, persistence=2 * MINUTE)
        yield Cell(f"{at}, errors and times, {lasting.name} of both at once", wild, OperatorRule())
        yield Cell(f"{at}, four limits at once, {lasting.name} of all", wild, MANY)
        yield Cell(
            f"{at}, four limits at once, {NOISES[6].name} of all, and every tenth look missing",
            replace(timed, cv=1.0, persistence=10 * MINUTE, missing=0.1),
            MANY,
        )
        for noise in (NOISES[4], NOISES[6]):
            seldom = replace(healthy(rate, 0.01, noise), history_interval=WINDOW.total_seconds())
            yield Cell(f"{at}, {WITHOUT_PROMETHEUS}, {noise.name}", seldom)
        for noise in (NOISES[0], NOISES[1]):
            bare = replace(healthy(rate, 0.01, noise), history=0.0)
            yield Cell(f"{at}, without any history, noise {noise.name}", bare)


def beyond() -> Iterator[Cell]:
    """Where the promise is not claimed: what happens there all the same."""
    hour = Noise("CV 1 for an hour", 1.0, HOUR)
    for rate in (20.0, 200.0):
        yield Cell(f"{rate:g}/s, {hour.name}", healthy(rate, 0.01, hour), promised=False)
        bare = replace(healthy(rate, 0.01, NOISES[4]), history=0.0)
        name = f"{rate:g}/s, without any history, {NOISES[4].name}"
        yield Cell(name, bare, promised=False)
