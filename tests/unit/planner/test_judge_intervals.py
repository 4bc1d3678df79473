"""The intervals of the judge hold what is true, however often one looks: simulated rollouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from leadsman_operator.planner.judge.intervals import ratio_interval, share_interval
from leadsman_operator.planner.judge.sequential import Record, Span, Tally, record_with
from leadsman_operator.planner.judge.spread import nothing_seen, spread_with

ROLLOUTS, RATE, LOOK = 200, 0.01, 15.0
LOOKED_AT = (1, 2, 4, 8, 16, 32, 64)
MOST_MISSES = stats.binom.ppf(0.999, ROLLOUTS, RATE)
"""Seldom more by chance, where the rate is kept."""


@dataclass(frozen=True)
class World:
    """Shares of bad requests, and requests of each arm between two looks."""

    share: float
    ratio: float = 1.0
    past_looks: int = 480
    past_requests: float = 1000.0
    stable_requests: float = 800.0
    candidate_requests: float = 200.0
    cv: float = 0.0
    """Coefficient of variation of the factor by which each arm's share wanders."""
    lasts: int = 1
    """Looks for which that factor stays."""


def factors(world: World, looks: int, random: np.random.Generator) -> np.ndarray:
    """How the share of an arm wanders, a row for each rollout."""
    if not world.cv:
        return np.ones((ROLLOUTS, looks))
    shape = (ROLLOUTS, looks // world.lasts + 1)
    drawn = random.gamma(1 / world.cv**2, world.cv**2, shape)
    return np.repeat(drawn, world.lasts, axis=1)[:, :looks]


def begun(world: World, random: np.random.Generator) -> Record:
    """Rollouts at their first moment: the past of the stable revision is known."""
    share = world.share * factors(world, world.past_looks, random)
    bad = random.poisson(share * world.past_requests).astype(float)
    spread = nothing_seen((ROLLOUTS,))
    for look in range(world.past_looks):
        spread = spread_with(spread, bad[:, look], world.past_requests, LOOK, LOOK)
    nothing = np.zeros(ROLLOUTS)
    tally = Tally(nothing, nothing, nothing, nothing)
    total = nothing + world.past_looks * world.past_requests
    return Record(tally, tally, bad.sum(axis=1), total, spread)


def missed(world: World, seed: int) -> tuple[float, float, float]:
    """Rollouts whose ratio, and whose share, was once outside; and how wide ratios are at last."""
    random = np.random.default_rng(seed)
    record, looks = begun(world, random), LOOKED_AT[-1]
    shares = [world.share * factors(world, looks, random) * one for one in (1.0, world.ratio)]
    outside = np.zeros((2, ROLLOUTS), dtype=bool)
    for look in range(looks):
        arms = [
            number
            for share, requests in zip(
                shares, (world.stable_requests, world.candidate_requests), strict=True
            )
            for number in (
                random.poisson(share[:, look] * requests).astype(float),
                np.full(ROLLOUTS, requests),
            )
        ]
        record = record_with(record, Tally(*arms), LOOK, LOOK)
        if look + 1 in LOOKED_AT:
            span = Span((look + 1) * LOOK, LOOK, world.past_looks * LOOK, LOOK)
            low, high = ratio_interval(record, span, RATE)
            outside[0] |= (world.ratio < low) | (world.ratio > high)
            least, most = share_interval(record, span, RATE, of_copies=False)
            true = world.share * world.ratio
            outside[1] |= (true < least) | (true > most)
    return float(outside[0].sum()), float(outside[1].sum()), float(np.median(high / low))


WORLDS = {
    "steady": World(0.01),
    "three times": World(0.01, ratio=3.0),
    "often bad": World(0.2, ratio=1.5),
    "few bad ones are known": World(
        0.005, past_looks=300, past_requests=8.0, stable_requests=0.0, candidate_requests=4000.0
    ),
    "bursts": World(0.02, cv=0.5),
    "bursts that last": World(0.02, ratio=2.0, cv=0.5, lasts=8),
    "nobody has watched": World(0.01, past_looks=4),
}


@pytest.mark.parametrize("name", WORLDS)
def test_the_truth_is_seldom_outside(name: str) -> None:
    """Of at most as many rollouts as were promised, at whichever of the looks."""
    ratios, shares, _ = missed(WORLDS[name], seed=7)
    assert ratios <= MOST_MISSES
    assert shares <= MOST_MISSES


def test_intervals_say_something() -> None:
    """After a quarter of an hour of a thousand requests a look the ratio is known within half."""
    *_, width = missed(WORLDS["three times"], seed=7)
    assert width < 2.0


def single(bad: float, total: float, past_bad: float = 40.0) -> Record:
    """One rollout of a stable revision with 20,000 requests before it."""
    tally = Tally(0.0, 0.0, bad, total)
    return Record(tally, tally, past_bad, 20_000.0, nothing_seen())


WATCHED = Span(whole=60.0, recent=60.0, past=7200.0, shortest=LOOK)


def test_of_an_unknown_share_no_ratio_is_known() -> None:
    """Without a bad request of the stable revision, and without one of the candidate."""
    for record in (single(5, 1000, past_bad=0.0), single(0, 0)):
        low, high = ratio_interval(record, WATCHED, RATE)
        assert (float(low), float(high)) == (0.0, np.inf)
    least, most = share_interval(single(0, 0), WATCHED, RATE, of_copies=False)
    assert (float(least), float(most)) == (0.0, 1.0)


def test_copies_have_the_narrowest_interval() -> None:
    """Both arms were asked the same: nothing is taken off for noise."""
    record = single(50, 1000)
    wide, narrow = (
        share_interval(record, WATCHED, RATE, of_copies=copies) for copies in (False, True)
    )
    assert wide[0] < narrow[0] < 0.05 < narrow[1] < wide[1]


def test_very_many_requests_have_an_interval_too() -> None:
    """However narrow, the truth is between its ends."""
    least, most = share_interval(single(5e7, 1e9), WATCHED, RATE, of_copies=True)
    assert 0.03 < least <= 0.05 <= most < 0.08
