"""Rollouts as Argo Rollouts and Flagger lead them, at the settings that their documentation shows.

They count by the operator's own code, which has their rules; when they look, and what they look
at, is here. Unlike the operator's, they take it for harm when nothing is to be seen. Where the
documentation leaves something open, what favours the rule is simulated: the candidate has a
Service of its own, an empty counter is a zero, pods are ready at once, and promoting takes no time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadsman_operator.forecast.asked import errors_of, slower_than
from leadsman_operator.forecast.rollouts import Outcome, started
from leadsman_operator.forecast.traffic import Counts, Floats, Forecast, Kind, Look, Traffic, Truths
from leadsman_operator.planner.judge.sequential import Number
from leadsman_operator.planner.judge.thresholds import (
    Limits,
    Metric,
    Phase,
    Phases,
    assessed,
    measured,
    ticked,
)

_P99 = 0.01
"""Share of the answers beyond a 99th percentile."""


@dataclass(frozen=True, slots=True)
class ArgoSettings:
    """An AnalysisTemplate and the steps of a Rollout, as in the documentation of the analysis."""

    weights: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    pause: float = 600.0
    """Seconds of a step."""
    initial_delay: float = 300.0
    """Seconds until the first measurement."""
    interval: float = 300.0
    """Seconds between two measurements."""
    success: float = 0.95
    """Least share of answers that succeed."""
    failure: float | None = None
    """Share below which a measurement has failed; between the two it is inconclusive."""
    failures: int = 3
    """More failed measurements than this end the rollout; they are never forgotten."""
    inconclusive: int = 0
    """More inconclusive measurements than this leave it to a person."""
    errors: int = 4
    """More queries without an answer one after the other than this end the rollout too."""
    error_retry: float = 10.0
    """Seconds until a query that got no answer is asked again."""
    count: int | None = None
    """Measurements after which the analysis has succeeded; None: it goes on to the last step."""

    def kinds(self, forecast: Forecast) -> tuple[Kind, ...]:
        """What it looks at."""
        return (errors_of(forecast),)


class ArgoCourse:
    """An analysis in the background with `irate`, so of the last scrape interval before it."""

    def __init__(self, settings: ArgoSettings, rows: Sequence[int], traffic: Traffic) -> None:
        """Begin with the first step; `rows` of the counts have what it looks at."""
        number = traffic.rollouts
        self._settings, self._errors = settings, rows[0]
        self._limits = Limits(
            settings.failures, settings.inconclusive, settings.errors, settings.count
        )
        self.rollouts = started(number, settings.weights[0])
        self.horizon = len(settings.weights) * settings.pause
        self._metric = Metric()
        self._phase: Phases = np.full(number, Phase.RUNNING, dtype=int)
        self._measure_at = settings.initial_delay

    def after(self, look: Look) -> None:
        """Measure when it is time, then set the weight of the time."""
        settings, rollouts = self._settings, self.rollouts
        while self._measure_at <= look.at:
            self._measure(look)
            self._measure_at += settings.interval if look.answering else settings.error_retry
        failed = (self._phase == Phase.FAILED) | (self._phase == Phase.ERROR)
        rollouts.end(failed, Outcome.ROLLED_BACK, look.at)
        goes_on = self._phase != Phase.INCONCLUSIVE
        step = int(look.at // settings.pause)
        if step >= len(settings.weights):
            rollouts.end(goes_on, Outcome.PROMOTED, look.at)
        else:
            rollouts.set_weight(goes_on, settings.weights[step])

    def _measure(self, look: Look) -> None:
        """A metric that has ended is not measured any more."""
        phase = self._measurement(look.candidate) if look.answering else np.asarray(Phase.ERROR)
        phase = np.where(self._phase == Phase.RUNNING, phase, Phase.RUNNING)
        self._metric = measured(self._metric, phase)
        self._phase = assessed(self._metric, self._limits)

    def _measurement(self, candidate: Counts) -> Phases:
        """No answer at all is not a number, and that is neither above a line nor below it."""
        settings, share = self._settings, 1.0 - _share(candidate, self._errors)
        succeeds = share >= settings.success
        fails = ~succeeds if settings.failure is None else share < settings.failure
        return np.where(
            fails, Phase.FAILED, np.where(succeeds, Phase.SUCCESSFUL, Phase.INCONCLUSIVE)
        )


@dataclass(frozen=True, slots=True)
class FlaggerSettings:
    """A Canary as in the tutorials."""

    interval: float = 60.0
    """Seconds between two checks, and the window of the queries."""
    failures: int = 10
    """So many failed checks end the rollout, at the check after; they are never forgotten."""
    step: float = 0.05
    most: float = 0.5
    """Weight after which the candidate gets everything."""
    success: float | None = 0.99
    """Least share of answers that succeed."""
    longest: float | None = 0.5
    """Longest 99th percentile of the times, in seconds, where they are forecast."""
    ratio: float | None = None
    """In place of a share: so many times the stable revision's errors are borne,"""
    margin: float = 0.0
    """and this share of the answers more."""

    def kinds(self, forecast: Forecast) -> tuple[Kind, ...]:
        """What it looks at."""
        errors = errors_of(forecast)
        if forecast.latencies is None or self.longest is None:
            return (errors,)
        return errors, slower_than(forecast.latencies, self.longest, self.longest)


class FlaggerCourse:
    """Weight goes up by a step at each check that passes, and holds at one that fails."""

    def __init__(self, settings: FlaggerSettings, rows: Sequence[int], traffic: Traffic) -> None:
        """Begin with the first step; `rows` of the counts have what it looks at."""
        number, forecast = traffic.rollouts, traffic.forecast
        self._settings, self._errors, self._slow = settings, rows[0], rows[1:]
        self.rollouts = started(number, settings.step)
        checks = round(settings.most / settings.step) + settings.failures + 2
        self.horizon = checks * settings.interval + sum(one.lasts for one in forecast.outages)
        looks = max(1, round(settings.interval / forecast.scrape_interval))
        self._window: deque[tuple[Counts, Counts]] = deque(maxlen=looks)
        self._failed: Number = np.zeros(number, dtype=int)
        self._check_at = settings.interval

    def after(self, look: Look) -> None:
        """Check when it is time."""
        settings, rollouts = self._settings, self.rollouts
        self._window.append((look.stable, look.candidate))
        if look.at < self._check_at:
            return
        self._check_at += settings.interval
        failing = self._failing() if look.answering else np.ones(rollouts.weight.shape, dtype=bool)
        self._failed, goes_back = ticked(self._failed, failing, settings.failures)
        rollouts.end(goes_back, Outcome.ROLLED_BACK, look.at)
        done = ~failing & (rollouts.weight >= settings.most - 1e-9)
        rollouts.end(done, Outcome.PROMOTED, look.at)
        rollouts.set_weight(~failing, np.minimum(rollouts.weight + settings.step, settings.most))

    def _failing(self) -> Truths:
        """Whether any check fails; no answer at all is a failed check there too."""
        settings = self._settings
        stable, candidate = (_together([pair[arm] for pair in self._window]) for arm in (0, 1))
        if settings.ratio is None:
            passes = 1.0 - _share(candidate, self._errors) >= (settings.success or 0.0)
        else:
            borne = settings.ratio * _share(stable, self._errors) + settings.margin
            passes = _share(candidate, self._errors) <= borne
        for row in self._slow:
            passes &= _share(candidate, row) <= _P99
        return np.asarray(~passes)


def _together(counts: list[Counts]) -> Counts:
    first, *others = counts
    for one in others:
        first = first + one
    return first


def _share(counts: Counts, row: int) -> Floats:
    """Share of answers that were bad; not a number where there was none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(counts.bad[row] / counts.total)
