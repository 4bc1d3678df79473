"""Rollouts as the rules of others lead them, at the settings that their documentation shows.

Read in the sources of Argo Rollouts 1.10 (analysis/analysis.go, utils/evaluate) and Flagger 1.44
(pkg/controller/scheduler.go). Where the documentation leaves something open, what favours the
rule is simulated: the candidate has a Service of its own, an empty counter is a zero, pods are
ready at once, and promoting takes no time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from leadsman_operator.forecast.rollouts import Outcome, started
from leadsman_operator.forecast.traffic import Counts, Floats, Forecast, Look, Truths

ERRORS = 0
"""Row of the counts with the failed answers."""


@dataclass(frozen=True, slots=True)
class ArgoSettings:
    """An AnalysisTemplate and the steps of a Rollout, as in the documentation of the analysis."""

    weights: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    pause: float = 600.0
    """Seconds of a step."""
    interval: float = 300.0
    """Seconds between two measurements."""
    least_success: float = 0.95
    failures: int = 3
    """More failed measurements than this end the rollout; they are never forgotten."""
    error_retry: float = 10.0
    """Seconds until a query that got no answer is asked again."""
    errors: int = 4
    """More queries without an answer one after the other than this end the rollout too."""


class ArgoCourse:
    """An analysis in the background with `irate`, so of the last scrape interval before it."""

    def __init__(self, forecast: Forecast, number: int, settings: ArgoSettings) -> None:
        """Begin with the first step."""
        self._settings, self._look = settings, forecast.scrape_interval
        self.rollouts = started(number, settings.weights[0])
        self.horizon = len(settings.weights) * settings.pause
        self._failed = np.zeros(number, dtype=int)
        self._unanswered: float | None = None
        self._measure_at = settings.interval

    def after(self, look: Look) -> None:
        """Measure when it is time, then set the weight of the time."""
        settings, rollouts = self._settings, self.rollouts
        if look.at >= self._measure_at:
            if look.answering:
                self._unanswered = None
                self._measure_at += settings.interval
                self._failed = self._failed + _below(look.candidate, settings.least_success)
                rollouts.end(self._failed > settings.failures, Outcome.ROLLED_BACK, look.at)
            else:
                self._wait_for_answer(look.at)
        step = int(look.at // settings.pause)
        if step >= len(settings.weights):
            rollouts.end(rollouts.running, Outcome.PROMOTED, look.at)
        else:
            rollouts.set_weight(rollouts.running, settings.weights[step])

    def _wait_for_answer(self, at: float) -> None:
        """Asked every ten seconds, it gives up after the fifth query in vain."""
        if self._unanswered is None:
            self._unanswered = at
        if at - self._unanswered >= self._settings.errors * self._settings.error_retry:
            self.rollouts.end(self.rollouts.running, Outcome.ROLLED_BACK, at)


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
    least_success: float | None = 0.99
    ratio: float | None = None
    """In place of a share: so many times the stable revision's errors are borne,"""
    margin: float = 0.0
    """and this share of the answers more."""


class FlaggerCourse:
    """Weight goes up by a step at each check that passes, and holds at one that fails."""

    def __init__(self, forecast: Forecast, number: int, settings: FlaggerSettings) -> None:
        """Begin with the first step."""
        self._settings = settings
        self.rollouts = started(number, settings.step)
        checks = round(settings.most / settings.step) + settings.failures + 2
        self.horizon = checks * settings.interval + sum(one.lasts for one in forecast.outages)
        looks = max(1, round(settings.interval / forecast.scrape_interval))
        self._window: deque[tuple[Counts, Counts]] = deque(maxlen=looks)
        self._failed = np.zeros(number, dtype=int)
        self._check_at = settings.interval

    def after(self, look: Look) -> None:
        """Check when it is time."""
        settings, rollouts = self._settings, self.rollouts
        self._window.append((look.stable, look.candidate))
        if look.at < self._check_at:
            return
        self._check_at += settings.interval
        rollouts.end(self._failed >= settings.failures, Outcome.ROLLED_BACK, look.at)
        failing = (
            self._failing() if look.answering else np.full(rollouts.weight.shape, fill_value=True)
        )
        self._failed = self._failed + failing
        done = ~failing & (rollouts.weight >= settings.most - 1e-9)
        rollouts.end(done, Outcome.PROMOTED, look.at)
        rollouts.set_weight(~failing, np.minimum(rollouts.weight + settings.step, settings.most))

    def _failing(self) -> Truths:
        settings = self._settings
        stable, candidate = (_together([pair[arm] for pair in self._window]) for arm in (0, 1))
        if settings.ratio is None:
            return _below(candidate, settings.least_success or 0.0)
        borne = settings.ratio * _errors(stable) + settings.margin
        # No answer at all is a failed check there too.
        return ~(_errors(candidate) <= borne)


def _together(counts: list[Counts]) -> Counts:
    first, *others = counts
    for one in others:
        first = first + one
    return first


def _errors(counts: Counts) -> Floats:
    """Share of answers that failed; not a number where there was none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(counts.bad[ERRORS] / counts.total)


def _below(counts: Counts, least: float) -> Truths:
    """Whether too few answers succeeded: without any answer the rules say so too."""
    return ~(1.0 - _errors(counts) >= least)
