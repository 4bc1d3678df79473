"""The arithmetic of the judge: e-values, the wandering of a rate, and two arms side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from leadsman_operator.planner.judge.excess import log_excess, log_shortfall
from leadsman_operator.planner.judge.sequential import (
    Limit,
    Record,
    Span,
    Tally,
    log_against,
    log_cleared,
    record_with,
)
from leadsman_operator.planner.judge.spread import (
    UNWATCHED,
    Spread,
    nothing_seen,
    of_numbers,
    spread_with,
    variance_over,
)

COUNTS = np.arange(40_000)
LOOK = 15.0
BAR = np.log(100)
HOURS = 480
"""Looks in two hours."""


def chances(mean: float, variance: float) -> np.ndarray:
    """Logarithms of the chances of all counts; a gamma factor of this variance moves the rate."""
    if not variance:
        return np.asarray(stats.poisson.logpmf(COUNTS, mean))
    size = 1 / variance
    return np.asarray(stats.nbinom.logpmf(COUNTS, size, size / (size + mean)))


@pytest.mark.parametrize("mean", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("variance", [0.0, 0.05, 0.5, 1.0])
def test_the_mean_of_the_evidence_is_one_where_nothing_is_wrong(
    mean: float, variance: float
) -> None:
    """By summing over all counts: an e-value, and not less than one either."""
    accused = np.logaddexp.reduce(chances(mean, variance) + log_excess(COUNTS, mean, variance))
    cleared = np.logaddexp.reduce(chances(mean, variance) + log_shortfall(COUNTS, mean, variance))
    assert accused == pytest.approx(0, abs=0.01)
    assert cleared == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("variance", [0.1, 1.0])
@pytest.mark.parametrize(
    "noise",
    [chances(20, 0.0), stats.binom.logpmf(COUNTS, 40, 0.5), chances(20, 0.05)],
    ids=["chance", "shares", "less noise"],
)
def test_less_noise_than_supposed_is_on_the_safe_side(noise: np.ndarray, variance: float) -> None:
    """Nobody has to know the noise exactly, only not too little of it."""
    assert np.logaddexp.reduce(noise + log_excess(COUNTS, 20, variance)) < 0
    assert np.logaddexp.reduce(noise + log_shortfall(COUNTS, 20, variance)) < 0


def test_more_bad_requests_are_more_evidence() -> None:
    """For an accusation, and less for an acquittal."""
    assert np.all(np.diff(log_excess(COUNTS[:200], 5.0, 0.1)) > 0)
    assert np.all(np.diff(log_shortfall(COUNTS[:200], 5.0, 0.1)) < 0)


def seen(bad: np.ndarray, total: np.ndarray) -> Spread:
    """The spread of looks, one along each row."""
    spread = nothing_seen(bad.shape[:-1])
    for look in range(bad.shape[-1]):
        spread = spread_with(spread, bad[..., look], total[..., look], LOOK, LOOK)
    return spread


@pytest.mark.parametrize("cv", [0.0, 0.5, 1.0])
def test_bursts_of_single_looks_even_out(cv: float) -> None:
    """Independent noise counts in full over one look, and a sixteenth over sixteen."""
    random = np.random.default_rng(1)
    factor = random.gamma(1 / cv**2, cv**2, (200, HOURS)) if cv else np.ones((200, HOURS))
    spread = seen(random.poisson(40 * factor), np.full((200, HOURS), 2000.0))
    one = np.median(variance_over(spread, LOOK, 7200.0, LOOK))
    sixteen = np.median(variance_over(spread, 16 * LOOK, 7200.0, LOOK))
    assert cv**2 * 0.9 <= one <= cv**2 * 1.25 + 0.01
    assert cv**2 / 16 * 0.8 <= sixteen <= cv**2 / 16 * 1.8 + 0.01


def test_noise_that_lasts_does_not_even_out() -> None:
    """Over four minutes it counts as much as over one look."""
    random = np.random.default_rng(2)
    factor = np.repeat(random.gamma(4, 0.25, (100, HOURS // 40)), 40, axis=1)
    spread = seen(random.poisson(40 * factor), np.full((100, HOURS), 2000.0))
    one = np.median(variance_over(spread, LOOK, 7200.0, LOOK))
    sixteen = np.median(variance_over(spread, 16 * LOOK, 7200.0, LOOK))
    assert sixteen > 0.7 * one > 0.12


def test_a_revision_that_nobody_watched_may_wander() -> None:
    """Until it has been watched, and again over times longer than that."""
    assert variance_over(nothing_seen(), LOOK, 0.0, LOOK) == pytest.approx(2 * UNWATCHED)
    assert variance_over(nothing_seen(), LOOK, 3600.0, LOOK) == pytest.approx(UNWATCHED)


def test_what_is_only_supposed_holds_for_a_span_of_any_length() -> None:
    """What was measured counts for more over less than the shortest batch, a guess does not."""
    assert variance_over(nothing_seen(), LOOK / 20, 3600.0, LOOK) == pytest.approx(UNWATCHED)
    random = np.random.default_rng(5)
    quiet = seen(random.poisson(np.full(HOURS, 400.0)), np.full(HOURS, 2000.0))
    noisy = seen(random.poisson(400 * random.gamma(4, 0.25, HOURS)), np.full(HOURS, 2000.0))
    assert variance_over(quiet, LOOK / 20, 7200.0, LOOK) < 0.01
    assert 4 < variance_over(noisy, LOOK / 20, 7200.0, LOOK) < 6


def test_a_spread_goes_on_exactly_from_its_numbers() -> None:
    """As after a restart of the operator."""
    random = np.random.default_rng(3)
    bad, total = random.poisson(3, 50).astype(float), np.full(50, 100.0)
    whole = seen(bad, total)
    half = of_numbers(seen(bad[:23], total[:23]).as_numbers())
    for look in range(23, 50):
        half = spread_with(half, bad[look], total[look], LOOK, LOOK)
    assert half.as_numbers() == whole.as_numbers()
    with pytest.raises(ValueError, match="reshape"):
        of_numbers((1.0, 2.0))


def record_of(
    looks: int, *, stable: float, candidate: float, now: float | None = None
) -> tuple[Record, Span]:
    """A stable revision with a past of two hours; shares of bad requests of 1,000 a look."""
    past = seen(
        np.random.default_rng(4).poisson(1000 * stable, HOURS).astype(float),
        np.full(HOURS, 1000.0),
    )
    record = Record(Tally(), Tally(), 1000 * stable * HOURS, 1000.0 * HOURS, past)
    present = stable if now is None else now
    for _ in range(looks):
        look = Tally(800 * present, 800.0, 200 * candidate, 200.0)
        record = record_with(record, look, LOOK, LOOK)
    return record, Span(looks * LOOK, min(60.0, looks * LOOK), HOURS * LOOK, LOOK)


def test_rollouts_that_are_judged_together_may_be_looked_at_at_other_times() -> None:
    """One of them missed the second of three looks: as if each had been judged alone."""
    whole, holed = (Record(Tally(), Tally(), 0.0, 0.0, nothing_seen()) for _ in range(2))
    both = Record(Tally(), Tally(), np.zeros(2), np.zeros(2), nothing_seen((2,)))
    look, none = Tally(8.0, 800.0, 9.0, 200.0), Tally(0.0, 0.0, 0.0, 0.0)
    worse = Tally(16.0, 1600.0, 60.0, 400.0)
    for one, other, seconds in ((look, look, LOOK), (look, none, 0.0), (look, worse, 30.0)):
        whole = record_with(whole, one, LOOK, LOOK)
        holed = record_with(holed, other, seconds, LOOK) if seconds else holed
        pair = Tally(*(np.array([getattr(one, name), getattr(other, name)]) for name in NAMES))
        both = record_with(both, pair, np.array([LOOK, seconds]), LOOK)
    span = Span(np.array([45.0, 45.0]), np.array([45.0, 45.0]), 0.0, LOOK)
    alone = [
        log_against(one, RELATIVE, Span(45.0, 45.0, 0.0, LOOK), 45.0) for one in (whole, holed)
    ]
    assert np.allclose(log_against(both, RELATIVE, span, 45.0), alone)
    assert alone[0] < alone[1]
    assert np.allclose(both.spread.batches, [whole.spread.batches, holed.spread.batches])


RELATIVE = Limit(ratio=1.5)
NAMES = ("stable_bad", "stable_total", "candidate_bad", "candidate_total")


@pytest.mark.parametrize(
    ("limit", "looks", "shares", "bad"),
    [
        (RELATIVE, 1, {"stable": 0.002, "candidate": 0.2}, True),
        (RELATIVE, 8, {"stable": 0.015, "candidate": 0.075}, True),
        (RELATIVE, 160, {"stable": 0.015, "candidate": 0.015}, False),
        (RELATIVE, 160, {"stable": 0.015, "candidate": 0.02}, False),
        (RELATIVE, 40, {"stable": 0.015, "candidate": 0.3, "now": 0.3}, False),
        (RELATIVE, 40, {"stable": 0.015, "candidate": 0.015, "now": 0.001}, False),
        (Limit(share=0.02), 40, {"stable": 0.015, "candidate": 0.1}, True),
        (Limit(share=0.02), 160, {"stable": 0.015, "candidate": 0.02}, False),
        (Limit(share=0.02), 40, {"stable": 0.2, "candidate": 0.2}, True),
    ],
    ids=[
        "a hundred times",
        "five times",
        "the same",
        "within the margin",
        "an outage of both",
        "a lucky stable arm",
        "beyond an absolute limit",
        "at an absolute limit",
        "both beyond an absolute limit",
    ],
)
def test_who_is_accused(limit: Limit, looks: int, shares: dict[str, float], *, bad: bool) -> None:
    """Worse than it is now and worse than it was: one of the two is not enough."""
    record, span = record_of(looks, **shares)
    assert bool(log_against(record, limit, span, 45.0) >= BAR) is bad


def test_harm_that_begins_late_is_found_in_a_window() -> None:
    """After half an hour of health the whole hides what the last minute shows."""
    record, span = record_of(120, stable=0.002, candidate=0.002)
    late = Tally(1.6, 800.0, 20.0, 200.0)
    before = float(log_against(record, RELATIVE, span, 45.0))
    record = record_with(
        Record(record.whole, Tally(), record.past_bad, record.past_total, record.spread),
        late, LOOK, LOOK,
    )  # fmt: skip
    after = log_against(record, RELATIVE, Span(121 * LOOK, LOOK, HOURS * LOOK, LOOK), 45.0)
    assert before < 0 < BAR < float(after)


def test_who_is_cleared() -> None:
    """Health needs requests to be shown; what does harm is never cleared."""
    enough = np.log(20)
    few = Record(Tally(0.0, 800.0, 0.0, 90.0), Tally(), 0.0, 0.0, nothing_seen())
    many, span = record_of(4, stable=0.002, candidate=0.002)
    worse, _ = record_of(40, stable=0.002, candidate=0.05)
    new = Span(LOOK, LOOK, 0.0, LOOK)
    assert log_cleared(few, RELATIVE, new) < enough < log_cleared(many, RELATIVE, span)
    assert log_cleared(worse, RELATIVE, span) < 0
    assert log_cleared(many, Limit(share=0.02), span) > enough


def test_nobody_is_cleared_by_a_lucky_spell() -> None:
    """Where the stable share comes and goes, few bad requests prove less."""
    random = np.random.default_rng(6)
    bad = random.poisson(20 * np.repeat(random.gamma(1, 1, HOURS // 8), 8)).astype(float)
    noisy = seen(bad, np.full(HOURS, 1000.0))
    steady, span = record_of(8, stable=0.02, candidate=0.02)
    restless = replace(steady, spread=noisy)
    assert log_cleared(restless, RELATIVE, span) < log_cleared(steady, RELATIVE, span) / 2
