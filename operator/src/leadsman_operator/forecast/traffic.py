"""Traffic that is to come, drawn for thousands of rollouts at once, one look at a time.

Requests come as a Poisson process whose rate goes up and down over a day. A share of the answers
is bad in one way or another; that share wanders by a gamma factor of mean 1, which is drawn for
each arm alone and may last for minutes: the beta-gamma autoregression of Lewis, McKenzie and
Hugus (1989), whose values are gamma distributed at all times.

Rates and factors are drawn from one stream of numbers and counts from another, so that every
rule meets the same bursts at the same times, whatever weights it sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import exp, tau
from operator import add

import numpy as np
from numpy.typing import NDArray

from leadsman_operator.forecast.latency import Latencies

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

DAY, HOUR = 86400.0, 3600.0


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which Prometheus does not answer, in seconds since the rollout began."""

    begins: float
    lasts: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of the traffic and of both arms."""

    rate: float
    """Requests per second, both arms together, as a mean over the day."""
    stable_errors: float
    """Share of answers of the stable revision that fail."""
    candidate_errors: float
    latencies: Latencies | None = None
    """How long answers take; None: that is not simulated."""
    worsens_after: float = 0.0
    """Seconds into the rollout at which the candidate leaves the stable revision's ways."""
    daily: float = 0.0
    """How far the rate goes above and below its mean in a day, as a part of it."""
    cv: float = 0.0
    """Coefficient of variation of the factor by which the shares of bad answers wander."""
    persistence: float = 0.0
    """Seconds over which the correlation of that factor falls to 1/e; 0: each look has its own."""
    scrape_interval: float = 15.0
    """Seconds between two looks."""
    missing: float = 0.0
    """Chance that a look shows nothing."""
    outages: tuple[Outage, ...] = ()
    restarts: float = 0.0
    """Restarts of pods per hour and arm: what a pod counted since the look before is lost."""
    pods: int = 4
    """Pods of an arm."""
    history: float = 7200.0
    """Seconds for which the stable revision was watched before the rollout."""
    history_interval: float | None = None
    """Seconds between two looks of that time, rounded to looks of the rollout; None: as many as
    between two of those."""
    downtime: float = 0.0
    """Seconds in a Swap in which nothing serves: until the first pod is ready."""

    @property
    def looks_at_once(self) -> int:
        """Looks of the rollout that one look of the time before is as long as."""
        seldom = self.history_interval if self.history else None
        return max(1, round((seldom or self.scrape_interval) / self.scrape_interval))


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which answers are bad: the shares of both arms."""

    stable: float
    candidate: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Answers of one arm: `bad` has a row for each kind."""

    bad: Floats
    total: Floats

    def __add__(self, other: Counts) -> Counts:
        """Both times together."""
        return Counts(self.bad + other.bad, self.total + other.total)

    def where(self, chosen: Truths) -> Counts:
        """Those of the chosen rollouts; nothing for the others."""
        return Counts(np.where(chosen, self.bad, 0.0), np.where(chosen, self.total, 0.0))


@dataclass(frozen=True, slots=True)
class Look:
    """One scrape interval, and what is seen at its end."""

    at: float
    """Its end, in seconds since the rollout began."""
    stable: Counts
    candidate: Counts
    served: Counts
    """All answers of the candidate: a pod that restarts takes some out of the counts."""
    answering: bool
    """Whether Prometheus answers."""
    scraped: Truths
    """Whether it has a new sample of the pods."""


class Traffic:
    """Draws what both arms answer, look after look; each look goes on from the one before."""

    def __init__(
        self,
        forecast: Forecast,
        kinds: Sequence[Kind],
        rollouts: int,
        seed: np.random.SeedSequence,
    ) -> None:
        """Begin at the start of the history."""
        self.forecast, self.rollouts = forecast, rollouts
        weather, counts = seed.spawn(2)
        self._weather, self._counts = np.random.default_rng(weather), np.random.default_rng(counts)
        self._kinds = np.array([(kind.stable, kind.candidate) for kind in kinds]).T[..., None]
        self._phase = self._weather.uniform(0, DAY, rollouts)
        self._factors = self._first_factors()

    def history(self) -> Iterator[Counts]:
        """What the stable revision answered before, one look at a time."""
        step, begins = self.forecast.scrape_interval, -self.forecast.history
        answers: list[Counts] = []
        for number in range(round(self.forecast.history / step)):
            self._wander()
            mean = self._requests(begins + (number + 0.5) * step)
            answers.append(self._answers(mean, self._kinds[0], self._factors[0]))
            if len(answers) == self.forecast.looks_at_once:
                yield reduce(add, answers)
                answers = []

    def look(self, number: int, weight: Floats, serving: Floats | float = 1.0) -> Look:
        """The look of a number, from 1, while the candidate has a share `weight` of requests.

        `serving` is the part of them that is answered at all.
        """
        forecast, step = self.forecast, self.forecast.scrape_interval
        at = number * step
        self._wander()
        kept = self._kept()
        scraped = self._weather.random(self.rollouts) >= forecast.missing
        mean = serving * self._requests(at - 0.5 * step)
        shares = self._kinds[1 if at > forecast.worsens_after else 0]
        stable = self._answers(mean * (1 - weight), self._kinds[0], self._factors[0])
        candidate = self._answers(mean * weight, shares, self._factors[1])
        return Look(
            at=at,
            stable=self._thinned(stable, kept[0]),
            candidate=self._thinned(candidate, kept[1]),
            served=candidate,
            answering=not any(
                one.begins <= at < one.begins + one.lasts for one in forecast.outages
            ),
            scraped=scraped,
        )

    def _requests(self, at: float) -> Floats:
        """Requests that are expected in the look around a moment."""
        wave = np.sin(tau * (self._phase + at) / DAY)
        per_second = self.forecast.rate * (1 + self.forecast.daily * wave)
        return np.asarray(per_second * self.forecast.scrape_interval)

    def _answers(self, mean: Floats, shares: Floats, factor: Floats) -> Counts:
        total = self._counts.poisson(mean)
        bad = self._counts.binomial(total, np.minimum(shares * factor, 1.0))
        return Counts(bad.astype(float), total.astype(float))

    def _thinned(self, counts: Counts, kept: Floats | None) -> Counts:
        if kept is None:
            return counts
        bad = self._counts.binomial(counts.bad.astype(int), kept)
        good = self._counts.binomial((counts.total - counts.bad[0]).astype(int), kept)
        return Counts(bad.astype(float), (good + bad[0]).astype(float))

    def _kept(self) -> Floats | tuple[None, None]:
        """Part of a look's counts that restarts have left to each arm."""
        forecast = self.forecast
        if not forecast.restarts:
            return None, None
        chance = forecast.restarts * forecast.scrape_interval / HOUR
        restarted = self._weather.random((2, self.rollouts)) < chance
        lost = self._weather.random((2, self.rollouts)) / forecast.pods
        return np.where(restarted, 1.0 - lost, 1.0)

    def _first_factors(self) -> Floats:
        forecast = self.forecast
        if not forecast.cv:
            return np.ones((2, self.rollouts))
        shape = forecast.cv**-2
        return self._weather.standard_gamma(shape, (2, self.rollouts)) / shape

    def _wander(self) -> None:
        """Draw the next factors of both arms, which remember the ones before."""
        forecast = self.forecast
        if not forecast.cv:
            return
        shape, size = forecast.cv**-2, (2, self.rollouts)
        memory = (
            exp(-forecast.scrape_interval / forecast.persistence) if forecast.persistence else 0
        )
        fresh = self._weather.standard_gamma(shape * (1 - memory), size) / shape
        kept = self._weather.beta(shape * memory, shape * (1 - memory), size) if memory else 0.0
        self._factors = kept * self._factors + fresh
