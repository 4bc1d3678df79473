"""The cost of a call is learned from what calls took."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsman_serving.cost import Cost, Estimate, fitted, half_and_half

seconds = st.floats(1e-6, 10)
rows = st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("measured", "cost"),
    [
        ([(1, 3.0), (2, 5.0), (8, 17.0), (32, 65.0)], Cost(2.0, 1.0)),
        ([(1, 5.0), (32, 5.0)], Cost(0.0, 5.0)),
        ([(1, 2.0), (10, 20.0)], Cost(2.0, 0.0)),
        ([(4, 8.0)], Cost(1.0, 4.0)),
    ],
    ids=["both parts", "a call costs all", "rows cost all", "one size tells of neither"],
)
def test_a_line_is_fitted(measured: list[tuple[int, float]], cost: Cost) -> None:
    """Through points of a known line the known line comes out."""
    found = fitted(measured)
    assert (found.row, found.call) == pytest.approx((cost.row, cost.call), abs=1e-9)


@pytest.mark.parametrize("measured", [[(1, 9.0), (2, 1.0)], [(1, 1.0), (2, 9.0)]])
def test_no_part_is_negative(measured: list[tuple[int, float]]) -> None:
    """Noise may slope downwards, or begin below nothing; a cost can't."""
    found = fitted(measured)
    assert found.row >= 0
    assert found.call >= 0
    assert found.of(1) > 0


@pytest.mark.parametrize("truth", [Cost(0.001, 0.02), Cost(0.01, 0.0001), Cost(0.0, 0.05)])
def test_a_wrong_line_is_learned_anew(truth: Cost) -> None:
    """From whatever was believed, calls of several sizes lead to what is so."""
    chance = random.Random(1)  # noqa: S311 - no secret
    estimate = Estimate(half_and_half(1, 0.3))
    for _ in range(200):
        size = chance.choice([1, 2, 5, 20, 100])
        estimate = estimate.after(size, truth.of(size) * chance.uniform(0.95, 1.05))
    for size in (1, 10, 100):
        assert estimate.cost.of(size) == pytest.approx(truth.of(size), rel=0.25)


def test_calls_of_one_size_leave_the_proportion() -> None:
    """A model that slowed down by half did so for every size, as far as anybody knows."""
    before = Cost(0.001, 0.01)
    estimate = Estimate(before)
    for _ in range(100):
        estimate = estimate.after(1, 1.5 * before.of(1))
    assert estimate.cost.of(1) == pytest.approx(1.5 * before.of(1), rel=0.02)
    assert estimate.cost.of(100) == pytest.approx(1.5 * before.of(100), rel=0.1)


def test_one_pause_changes_little_and_is_forgotten() -> None:
    """A collector's pause of a thousand times the usual is no reason to expect another."""
    usual = Cost(0.001, 0.01)
    estimate = Estimate(usual)
    for _ in range(20):
        estimate = estimate.after(4, usual.of(4))
    paused = estimate.after(4, 1000 * usual.of(4))
    assert paused.cost.of(4) < 1.5 * usual.of(4)
    for _ in range(40):
        paused = paused.after(4, usual.of(4))
    assert paused.cost.of(4) == pytest.approx(usual.of(4), rel=0.05)


def test_what_stays_is_learned_within_a_few_calls() -> None:
    """A pod that is throttled to a twentieth knows it soon."""
    usual = Cost(0.001, 0.01)
    estimate = Estimate(usual)
    calls = 0
    while estimate.cost.of(4) < 15 * usual.of(4):
        estimate = estimate.after(4, 20 * usual.of(4))
        calls += 1
    assert calls < 25


@given(st.lists(st.tuples(rows, seconds), min_size=1, max_size=40))
def test_whatever_is_measured_gives_a_cost(measured: list[tuple[int, float]]) -> None:
    """Both parts are numbers that are not negative, and any call takes some time."""
    estimate = Estimate(Cost(0.0, 0.0))
    for size, took in measured:
        estimate = estimate.after(size, took)
        assert estimate.cost.row >= 0
        assert estimate.cost.call >= 0
        assert 0 < estimate.cost.of(size) < 1e9
