"""The judge keeps its promise where that is hardest, and takes bad candidates back in time.

Some of the cells of docs/benchmarks/judge.md, with fewer rollouts; `make bench-judge` has all.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.judge.cells import (
    AT_MOST,
    MANY,
    NOISES,
    ONE,
    SERVICES,
    TIMED,
    WITHOUT_PROMETHEUS,
    Cell,
    conditions,
    healthy,
)
from bench.judge.rates import clopper_pearson, false_alarms
from bench.judge.regressions import OURS, RELATIVE, SAME_STEPS, service_name, tuned
from leadsman_api.v1alpha1.health import Latency
from leadsman_operator.forecast.latency import Latencies
from leadsman_operator.forecast.rule import OperatorRule
from leadsman_operator.forecast.simulation import Rule, simulate
from leadsman_operator.forecast.summary import summary_of
from leadsman_operator.forecast.thresholds import ArgoSettings, FlaggerSettings
from leadsman_operator.forecast.traffic import Forecast
from leadsman_operator.planner.judge import spread

ROLLOUTS = 1500
LONG, WILD = NOISES[6], NOISES[4]
HARDEST = (
    Cell("1/s, errors 1 %, CV 1 for 10 min", healthy(1.0, 0.01, LONG)),
    Cell("200/s, errors 1 %, CV 1 for 10 min", healthy(200.0, 0.01, LONG)),
    Cell("20/s, errors 0.1 %, CV 1 for 2 min", healthy(20.0, 0.001, WILD)),
    Cell("2000/s, errors 10 %, no noise", healthy(2000.0, 0.1)),
    *(timed.cell(200.0, LONG) for timed in TIMED[:-1]),
    *(
        cell
        for cell in conditions()
        if cell.rule is MANY or "restarts" in cell.name or WITHOUT_PROMETHEUS in cell.name
    ),
)

JUST_KEPT = (
    Cell("errors just at their max", healthy(200.0, 0.01, LONG), AT_MOST),
    TIMED[-1].cell(2000.0, LONG),
)


@pytest.mark.parametrize("cell", HARDEST, ids=[cell.name for cell in HARDEST])
def test_the_promised_rate_holds(cell: Cell) -> None:
    """Not more false rollbacks than a rate of 1 percent would give by chance."""
    found = false_alarms(cell, ROLLOUTS, seed=2)
    assert not found.breaks_the_promise, f"{found.share:.2%} in {found.interval}"


@pytest.mark.parametrize("cell", JUST_KEPT, ids=[cell.name for cell in JUST_KEPT])
def test_a_limit_that_is_just_kept_keeps_the_promise(cell: Cell) -> None:
    """No margin helps here: so many rollouts tell twice the promised rate from it."""
    found = false_alarms(cell, 4000, seed=2)
    assert not found.breaks_the_promise, f"{found.share:.2%} in {found.interval}"


def test_a_broken_promise_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that takes lasting noise for harm is caught by the same count."""
    monkeypatch.setattr(spread, "UNWATCHED", 0.0)
    bare = replace(healthy(200.0, 0.01, WILD), history=0.0)
    assert false_alarms(Cell("no doubt at all", bare, ONE), 300, seed=2).breaks_the_promise


def bad_answers(forecast: Forecast, rule: Rule) -> float:
    """Mean of the candidate in an hour."""
    return summary_of(simulate(forecast, rule, 400, seed=2)).mean_bad_answers_in_an_hour


@pytest.mark.parametrize(
    ("rate", "stable", "candidate"),
    [(20.0, 0.002, 0.2), (200.0, 0.002, 0.01), (200.0, 0.015, 0.075)],
)
def test_large_regressions_cost_a_tenth_of_the_documented_rules(
    rate: float, stable: float, candidate: float
) -> None:
    """Of Argo's and of Flagger's bad answers."""
    forecast = Forecast(rate, stable, candidate)
    ours = bad_answers(forecast, OURS)
    assert bad_answers(forecast, ArgoSettings()) > 10 * ours
    assert bad_answers(forecast, FlaggerSettings()) > 10 * ours


@pytest.mark.parametrize(
    ("rate", "stable", "candidate"), [(20.0, 0.015, 0.045), (200.0, 0.002, 0.01)]
)
def test_a_rule_tuned_to_the_traffic_is_not_far_ahead(
    rate: float, stable: float, candidate: float
) -> None:
    """On the same steps, at an equal rate of false rollbacks."""
    relative = tuned(Forecast(rate, stable, stable), RELATIVE, 1000, seed=2)
    forecast = Forecast(rate, stable, candidate)
    assert bad_answers(forecast, SAME_STEPS) <= 1.5 * bad_answers(forecast, relative)


AT_A_FIVE = Latencies(p50=0.03, p99=0.0499)
"""Its 99th percentile is read at 50 ms, and 1.5 times that at 100 ms."""
READ_ANYWHERE = (*SERVICES, AT_A_FIVE)


@pytest.mark.parametrize("latencies", READ_ANYWHERE, ids=map(service_name, READ_ANYWHERE))
def test_a_candidate_that_is_twice_as_slow_is_found(latencies: Latencies) -> None:
    """By the default conditions, wherever its times are between the bounds of buckets."""
    slow = Forecast(20.0, 0.0, 0.0, latencies=replace(latencies, slowdown=2.0))
    found = summary_of(simulate(slow, OURS, 200, seed=2))
    assert found.rollback_probability > 0.95


def test_a_tail_that_is_twice_as_slow_is_found_at_a_five() -> None:
    """Where nothing but that quantile is looked at."""
    tail = Latency(name="latency", type="Latency", ratio=1.5, quantile=0.99)
    slow = Forecast(20.0, 0.0, 0.0, latencies=replace(AT_A_FIVE, slowdown=2.0))
    found = summary_of(simulate(slow, OperatorRule(conditions=(tail,)), 200, seed=2))
    assert found.rollback_probability > 0.95


def test_the_interval_of_a_count_is_exact() -> None:
    """Three in ten thousand may be a rate of one in a thousand, and none says little of a few."""
    low, high = clopper_pearson(3, 10_000)
    assert low < 0.0001
    assert high > 0.001
    assert clopper_pearson(0, 100)[0] == 0
    assert clopper_pearson(0, 100)[1] == pytest.approx(0.0516, abs=0.0005)
