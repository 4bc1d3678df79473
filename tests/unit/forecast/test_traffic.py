"""Traffic that is drawn: rates, shares, bursts, and what is seen of them."""

from __future__ import annotations

import numpy as np
import pytest

from leadsman_api.metrics import LATENCY_BOUNDS
from leadsman_operator.forecast.latency import Latencies, bound_above
from leadsman_operator.forecast.traffic import Forecast, Kind, Look, Outage, Traffic

ERRORS = Kind(0.02, 0.1)
ROLLOUTS = 4000


def traffic(forecast: Forecast, *kinds: Kind, rollouts: int = ROLLOUTS) -> Traffic:
    """With one seed for all tests."""
    return Traffic(forecast, kinds or (ERRORS,), rollouts, np.random.SeedSequence(7))


def looks(forecast: Forecast, number: int, weight: float = 0.25) -> list[Look]:
    """The first looks of a rollout."""
    drawn = traffic(forecast)
    return [drawn.look(one, np.full(ROLLOUTS, weight)) for one in range(1, number + 1)]


def test_rates_and_shares_are_those_of_the_forecast() -> None:
    """In the history and at both arms."""
    forecast = Forecast(40, 0.02, 0.1)
    past = next(traffic(forecast).history())
    (look,) = looks(forecast, 1)
    assert past.total.mean() == pytest.approx(600, rel=0.01)
    assert look.stable.total.mean() == pytest.approx(450, rel=0.01)
    assert look.candidate.total.mean() == pytest.approx(150, rel=0.01)
    assert look.stable.bad[0].mean() == pytest.approx(9, rel=0.05)
    assert look.candidate.bad[0].mean() == pytest.approx(15, rel=0.05)


def test_a_history_may_be_looked_at_seldom() -> None:
    """Then each look has what came up in several."""
    often, seldom = (Forecast(40, 0.02, 0.1, history_interval=one) for one in (None, 300.0))
    finer, coarser = list(traffic(often).history()), list(traffic(seldom).history())
    assert (len(finer), len(coarser)) == (480, 24)
    assert np.array_equal(sum(one.total for one in finer[:20]), coarser[0].total)
    assert np.array_equal(sum(one.bad for one in finer[-20:]), coarser[-1].bad)


def test_a_late_regression_begins_when_it_is_due() -> None:
    """Until then the candidate is like the stable revision."""
    before, after = looks(Forecast(400, 0.02, 0.1, worsens_after=15), 2)
    assert before.candidate.bad.sum() / before.candidate.total.sum() == pytest.approx(0.02, rel=0.1)
    assert after.candidate.bad.sum() / after.candidate.total.sum() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(("persistence", "correlation"), [(0.0, 0.0), (150.0, np.exp(-0.1))])
def test_bursts_spread_and_last_as_forecast(persistence: float, correlation: float) -> None:
    """The factor keeps its mean, its variance and its memory over time, and the arms differ."""
    forecast = Forecast(1e6, 0.02, 0.02, cv=0.5, persistence=persistence)
    seen = looks(forecast, 20, weight=0.5)
    stable = np.array([look.stable.bad[0] / look.stable.total / 0.02 for look in seen])
    candidate = np.array([look.candidate.bad[0] / look.candidate.total / 0.02 for look in seen])
    assert stable[-1].mean() == pytest.approx(1.0, abs=0.03)
    assert stable[-1].std() == pytest.approx(0.5, abs=0.03)
    assert np.corrcoef(stable[-2], stable[-1])[0, 1] == pytest.approx(correlation, abs=0.06)
    assert abs(np.corrcoef(stable[-1], candidate[-1])[0, 1]) < 0.06


def test_every_rule_meets_the_same_bursts() -> None:
    """Whatever weights it sets: what it draws for counts does not move the weather."""
    forecast = Forecast(1e6, 0.02, 0.02, cv=0.5)
    one, other = (looks(forecast, 5, weight)[-1].candidate for weight in (0.1, 0.8))
    assert np.corrcoef(one.bad[0] / one.total, other.bad[0] / other.total)[0, 1] > 0.999


def test_the_rate_goes_up_and_down_in_a_day() -> None:
    """Each rollout begins at a time of its own, and sees a part of the wave."""
    (look,) = looks(Forecast(400, 0.02, 0.02, daily=0.5), 1)
    total = look.stable.total + look.candidate.total
    assert total.mean() == pytest.approx(6000, rel=0.02)
    assert np.quantile(total, [0.02, 0.98]) == pytest.approx([3000, 9000], rel=0.05)


def test_what_is_not_seen_happens_all_the_same() -> None:
    """Outages and lost samples hide counts, a restart takes them away."""
    forecast = Forecast(
        400, 0.02, 0.02, missing=0.25, outages=(Outage(30, 30),), restarts=120, pods=1
    )
    seen = looks(forecast, 5)
    assert [look.answering for look in seen] == [True, False, False, True, True]
    assert seen[0].scraped.mean() == pytest.approx(0.75, abs=0.03)
    # Every second pod restarts in a look, at half of it.
    assert seen[0].candidate.total.mean() == pytest.approx(0.75 * 1500, rel=0.03)
    assert seen[0].served.total.mean() == pytest.approx(1500, rel=0.01)


def test_times_are_lognormal_through_what_is_known() -> None:
    """Median and 99th percentile; a slowdown moves them."""
    latencies = Latencies(p50=0.02, p99=0.2, slowdown=2.0)
    assert latencies.slower(0.02) == pytest.approx(0.5)
    assert latencies.slower(0.2) == pytest.approx(0.01)
    assert latencies.slower(0.4, latencies.slowdown) == pytest.approx(0.01)


def test_times_are_read_at_the_bounds_of_buckets() -> None:
    """The next one above a limit."""
    assert [bound_above(one) for one in (0.03, 0.05, 99.0)] == [0.04, 0.05, LATENCY_BOUNDS[-1]]
    # So 1.5 times a time is read as at most 1.6 times, but at the 5 that people like.
    within = [one for one in LATENCY_BOUNDS if one < 5 and f"{one:e}"[0] != "5"]
    assert max(bound_above(1.5 * one) / one for one in within) == pytest.approx(1.6)
