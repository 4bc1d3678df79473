"""Leads many rollouts through one forecast by one rule, and says what came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from leadsman_operator.forecast.asked import errors_of, slower_than
from leadsman_operator.forecast.course import OperatorCourse
from leadsman_operator.forecast.latency import bound_above
from leadsman_operator.forecast.rollouts import Course, Outcome
from leadsman_operator.forecast.rule import OperatorRule
from leadsman_operator.forecast.thresholds import (
    ArgoCourse,
    ArgoSettings,
    FlaggerCourse,
    FlaggerSettings,
)
from leadsman_operator.forecast.traffic import HOUR, Floats, Forecast, Kind, Traffic

BATCH = 1000
"""Rollouts that are simulated side by side: more would not fit into the processor's caches."""


Rule = OperatorRule | ArgoSettings | FlaggerSettings
Told = Callable[[int], None]
"""Is told how many rollouts are done."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How rollouts ended, one after the other."""

    outcome: NDArray[np.int8]
    ended: Floats
    """Seconds since the rollout began; infinite where it had not ended."""
    bad: Floats
    """Bad answers of the candidate until the rollout ended."""
    answers: Floats
    """All of its answers until then."""
    bad_in_an_hour: Floats
    """Bad answers of the candidate in the first hour: one that was promoted goes on serving."""
    unserved: Floats
    """Seconds in which nothing served."""

    def share(self, outcome: Outcome) -> float:
        """Part of the rollouts with an outcome."""
        return float(np.mean(self.outcome == outcome))

    def seconds(self, outcome: Outcome, quantile: float = 0.5) -> float | None:
        """Time to an outcome, as a quantile of those that had it."""
        times = self.ended[self.outcome == outcome]
        return float(np.quantile(times, quantile)) if times.size else None


def simulate(
    forecast: Forecast, rule: Rule, rollouts: int, seed: int, told: Told | None = None
) -> Outcomes:
    """Lead `rollouts` through a forecast; one seed always gives the same outcomes."""
    parts = []
    seeds = np.random.SeedSequence(seed).spawn(-(-rollouts // BATCH))
    for number, one in enumerate(seeds):
        parts.append(_batch(forecast, rule, min(BATCH, rollouts - number * BATCH), one))
        if told is not None:
            told(min(rollouts, (number + 1) * BATCH))
    return Outcomes(
        *(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Outcomes))
    )


def _batch(forecast: Forecast, rule: Rule, number: int, seed: np.random.SeedSequence) -> Outcomes:
    harms = harmful(forecast)
    looked_at = rule.kinds(forecast)
    kinds = list(dict.fromkeys([*harms, *looked_at]))
    traffic = Traffic(forecast, kinds, number, seed)
    course = _course(rule, [kinds.index(one) for one in looked_at], traffic)
    bad, answers = np.zeros(number), np.zeros(number)
    for look_number in range(1, round(course.horizon / forecast.scrape_interval) + 1):
        running = course.rollouts.running
        if not np.any(running):
            break
        look = traffic.look(look_number, course.rollouts.weight, course.rollouts.serving)
        bad += np.where(running, np.sum(look.served.bad[: len(harms)], axis=0), 0.0)
        answers += np.where(running, look.served.total, 0.0)
        course.after(look)
    ends = course.rollouts
    later = _later(forecast, harms, np.minimum(ends.ended, course.horizon), ends.weight)
    return Outcomes(ends.outcome, ends.ended, bad, answers, bad + later, ends.unserved)


def harmful(forecast: Forecast) -> list[Kind]:
    """The kinds of answers that count as bad in all reports, whatever a rule looks at.

    Those that failed; where times are forecast, also those that took longer than 1.5 times the
    stable revision's 99th percentile.
    """
    latencies = forecast.latencies
    if latencies is None:
        return [errors_of(forecast)]
    bound = bound_above(1.5 * latencies.p99)
    return [errors_of(forecast), slower_than(latencies, bound, bound)]


def _course(rule: Rule, rows: list[int], traffic: Traffic) -> Course:
    match rule:
        case ArgoSettings():
            return ArgoCourse(rule, rows, traffic)
        case FlaggerSettings():
            return FlaggerCourse(rule, rows, traffic)
        case OperatorRule():
            return OperatorCourse(rule, rows, traffic)


def _later(forecast: Forecast, harms: list[Kind], ended: Floats, weight: Floats) -> Floats:
    """Bad answers that are expected between the end of a rollout and the end of the first hour."""
    share = sum(kind.candidate for kind in harms)
    return np.asarray(np.maximum(HOUR - ended, 0.0) * forecast.rate * weight * share)
