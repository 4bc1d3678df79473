"""The rules that lead simulated rollouts: where each goes, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadsman_api.v1alpha1.health import ErrorRate, Latency, PromQL
from leadsman_api.v1alpha1.rollout import OnBlind, OnUndecided, Rollout, Strategy
from leadsman_operator.forecast.asked import are_counted, questions
from leadsman_operator.forecast.latency import Latencies
from leadsman_operator.forecast.rollouts import Outcome
from leadsman_operator.forecast.rule import OperatorRule
from leadsman_operator.forecast.simulation import Outcomes, Rule, simulate
from leadsman_operator.forecast.thresholds import ArgoSettings, FlaggerSettings
from leadsman_operator.forecast.traffic import Forecast, Kind, Outage

WORSE = Forecast(200, 0.002, 0.2)
ARGO, FLAGGER = ArgoSettings(), FlaggerSettings()
RELATIVE = FlaggerSettings(failures=5, ratio=1.5, margin=0.005)
OURS = OperatorRule()
PROMOTED, ROLLED_BACK, RUNNING = Outcome.PROMOTED, Outcome.ROLLED_BACK, Outcome.RUNNING


def led(rule: Rule, forecast: Forecast, rollouts: int = 200) -> Outcomes:
    """What a rule does on a forecast."""
    return simulate(forecast, rule, rollouts, seed=3)


def plan(**changes: Any) -> OperatorRule:
    """A plan of our own rule."""
    return OperatorRule(Rollout(**changes))


@pytest.mark.parametrize(
    ("rule", "forecast", "outcome", "seconds"),
    [
        (OURS, Forecast(200, 0.01, 0.01), PROMOTED, 180 + 900),
        (OURS, Forecast(200, 0.002, 0.2), ROLLED_BACK, 15),
        (plan(strategy=Strategy.BLUE_GREEN), Forecast(200, 0.01, 0.01), PROMOTED, 900),
        (plan(bake=timedelta(0)), Forecast(200, 0.01, 0.01), PROMOTED, 195),
        (ARGO, Forecast(20, 0.002, 0.2), ROLLED_BACK, 1200),
        (ARGO, Forecast(20, 0.002, 0.01), PROMOTED, 2400),
        (FLAGGER, Forecast(200, 0.001, 0.001), PROMOTED, 600),
        (FLAGGER, Forecast(200, 0.002, 0.2), ROLLED_BACK, 660),
        (RELATIVE, Forecast(200, 0.002, 0.2), ROLLED_BACK, 360),
        (RELATIVE, Forecast(200, 0.015, 0.015), PROMOTED, 600),
    ],
    ids=[
        "health takes the shortest steps", "a hundred times worse", "all at once", "without a bake",
        "argo needs four measurements", "argo is blind below its line", "flagger takes ten checks",
        "flagger needs ten failures and a check", "fewer failures are quicker",
        "the stable revision's errors are borne",
    ],
)  # fmt: skip
def test_where_a_clear_case_ends(
    rule: Rule, forecast: Forecast, outcome: Outcome, seconds: float
) -> None:
    """Almost always in the same way, at the time that the rule's settings give."""
    outcomes = led(rule, forecast)
    assert outcomes.share(outcome) > 0.97
    assert outcomes.seconds(outcome) == seconds


@pytest.mark.parametrize(
    ("settings", "forecast", "outcome", "seconds"),
    [
        ({"failures": 0, "initial_delay": 0, "interval": 60}, WORSE, ROLLED_BACK, 15),
        ({"failures": 2, "interval": 60}, WORSE, ROLLED_BACK, 300 + 2 * 60),
        ({"count": 2, "failures": 2}, WORSE, PROMOTED, 2400),
        ({"success": 0.9, "failure": 0.7}, WORSE, RUNNING, None),
        ({"success": 0.9, "failure": 0.7, "inconclusive": 9}, WORSE, PROMOTED, 2400),
        ({}, Forecast(1e-6, 0.01, 0.01), ROLLED_BACK, 1200),
        ({"failure": 0.9}, Forecast(1e-6, 0.01, 0.01), RUNNING, None),
        ({}, Forecast(20, 0.01, 0.01, outages=(Outage(300, 30),)), PROMOTED, 2400),
        ({}, Forecast(20, 0.01, 0.01, outages=(Outage(300, 60),)), ROLLED_BACK, 345),
        ({"errors": 9}, Forecast(20, 0.01, 0.01, outages=(Outage(300, 60),)), PROMOTED, 2400),
    ],
    ids=[
        "at once", "the third failure", "measured twice", "neither good nor bad",
        "that is borne nine times", "no request is a failure", "or says nothing, by two lines",
        "three queries in vain", "five queries in vain", "that is borne",
    ],
)  # fmt: skip
def test_an_analysis_of_argo_rollouts(
    settings: dict[str, Any], forecast: Forecast, outcome: Outcome, seconds: float | None
) -> None:
    """Its limits, one by one."""
    outcomes = led(replace(ARGO, **settings), forecast)
    assert outcomes.share(outcome) > 0.97
    if seconds is not None:
        assert outcomes.seconds(outcome) == seconds


@pytest.mark.parametrize(
    ("longest", "slowdown", "outcome"),
    [(0.5, 1.0, PROMOTED), (0.5, 5.0, ROLLED_BACK), (None, 5.0, PROMOTED)],
    ids=["quick", "slow", "not looked at"],
)
def test_flagger_looks_at_times_too(
    longest: float | None, slowdown: float, outcome: Outcome
) -> None:
    """At the 99th percentile, where times are forecast."""
    timed = Forecast(200, 0.001, 0.001, Latencies(0.02, 0.2, slowdown))
    assert led(replace(FLAGGER, longest=longest), timed).share(outcome) > 0.97


def test_flagger_takes_no_request_for_a_failure() -> None:
    """A check of nothing fails."""
    assert led(FLAGGER, Forecast(1e-6, 0.01, 0.01)).seconds(ROLLED_BACK) == 660


def test_a_fixed_line_calls_many_healthy_candidates_bad() -> None:
    """1.5 percent of errors at both arms is below the 99 percent that Flagger's tutorials ask."""
    assert led(FLAGGER, Forecast(200, 0.015, 0.015)).share(ROLLED_BACK) > 0.95
    assert led(OURS, Forecast(200, 0.015, 0.015)).share(ROLLED_BACK) == 0.0


@pytest.mark.parametrize(
    ("rule", "rolled_back"),
    [(OURS, 0.0), (ARGO, 1.0), (FLAGGER, 1.0)],
    ids=["ours", "argo", "flagger"],
)
def test_prometheus_down_for_twenty_minutes(rule: Rule, rolled_back: float) -> None:
    """No data is no evidence for us; the others roll a healthy candidate back."""
    blind = Forecast(200, 0.001, 0.001, outages=(Outage(30, 1200),))
    outcomes = led(rule, blind)
    assert outcomes.share(ROLLED_BACK) == rolled_back
    if rule is OURS:
        assert outcomes.seconds(PROMOTED) == pytest.approx(1230 + 180 + 900, abs=60)


def test_a_candidate_that_nobody_calls_waits() -> None:
    """Blind is neither good nor bad; the plan says what a deadline makes of it."""
    nobody = Forecast(1e-5, 0.01, 0.01)
    assert led(OURS, nobody).share(RUNNING) == 1.0
    back = led(plan(on_blind=OnBlind.ROLL_BACK, deadline=timedelta(minutes=9)), nobody)
    assert back.seconds(ROLLED_BACK) == 540


@pytest.mark.parametrize(
    ("then", "outcome"),
    [
        (OnUndecided.PROMOTE, PROMOTED),
        (OnUndecided.ROLL_BACK, ROLLED_BACK),
        (OnUndecided.PAUSE, RUNNING),
    ],
)
def test_what_becomes_of_the_undecided(then: OnUndecided, outcome: Outcome) -> None:
    """A step's time is over and three requests a minute have shown nothing."""
    outcomes = led(plan(on_undecided=then), Forecast(0.05, 0.05, 0.05))
    assert outcomes.share(outcome) > 0.9


def test_harm_that_begins_in_the_bake_is_found() -> None:
    """All of the traffic comes back."""
    outcomes = led(OURS, Forecast(50, 0.002, 0.1, worsens_after=600))
    assert outcomes.share(ROLLED_BACK) > 0.97
    assert 600 < (outcomes.seconds(ROLLED_BACK) or 0) <= 660


def test_lost_samples_only_cost_time() -> None:
    """What one look misses the next one has."""
    whole = led(OURS, Forecast(20, 0.01, 0.1))
    holed = led(OURS, Forecast(20, 0.01, 0.1, missing=0.5))
    assert holed.share(ROLLED_BACK) > 0.97
    slower = (holed.seconds(ROLLED_BACK) or 0) - (whole.seconds(ROLLED_BACK) or 0)
    assert 0 <= slower <= 60


def test_answers_that_take_too_long_are_found() -> None:
    """The same arithmetic, over the bounds of buckets."""
    slow = Forecast(50, 0.001, 0.001, Latencies(0.02, 0.2, slowdown=4.0))
    like = Forecast(50, 0.001, 0.001, Latencies(0.02, 0.2))
    assert led(OURS, slow).share(ROLLED_BACK) > 0.97
    assert led(OURS, like).share(PROMOTED) > 0.97


def test_a_promoted_regression_goes_on_harming() -> None:
    """Until the end of the hour in which all rules are compared."""
    outcomes = led(ARGO, Forecast(20, 0.002, 0.01))
    assert (outcomes.bad_in_an_hour - outcomes.bad).mean() == pytest.approx(1200 * 20 * 0.01)
    back = led(OURS, Forecast(20, 0.002, 0.2))
    assert (back.bad_in_an_hour - back.bad).max() == 0


def test_one_seed_gives_one_story() -> None:
    """However many rollouts there are besides."""
    few, many = (
        led(OURS, Forecast(5, 0.01, 0.2, history=600), rollouts=number) for number in (1000, 1200)
    )
    assert (few.ended == many.ended[:1000]).all()
    assert many.ended.size == 1200


def test_what_the_judge_asks() -> None:
    """The limits of each condition, at the bounds of buckets; nothing of what is not forecast."""
    conditions = (
        ErrorRate(name="errors", type="ErrorRate", ratio=1.5, max=0.05),
        Latency(
            name="latency",
            type="Latency",
            ratio=1.5,
            max_latency=timedelta(seconds=1),
            quantile=0.9,
        ),
        PromQL(name="own", type="PromQL", query="up", min=1),
    )
    latencies = Latencies(0.02, 0.2, slowdown=2.0)
    asked = questions(conditions, Forecast(1, 0.01, 0.02, latencies))
    assert [one.condition for one in asked] == ["errors", "errors", "latency", "latency"]
    assert [one.limit.ratio for one in asked] == [1.5, None, None, 1.0]
    assert [one.limit.share for one in asked] == [None, 0.05, pytest.approx(0.1), None]
    assert asked[0].kind == Kind(0.01, 0.02)
    # 90 percent are done in 71 ms, so in 100 ms; and 150 ms is read at 160 ms.
    assert asked[3].kind.stable == pytest.approx(latencies.slower(0.1))
    assert asked[3].kind.candidate == pytest.approx(latencies.slower(0.08))
    assert len(questions(conditions, Forecast(1, 0.01, 0.02))) == 2
    assert are_counted(conditions) == 2
