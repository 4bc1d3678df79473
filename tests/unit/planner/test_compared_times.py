"""At which bounds of buckets times are compared with the stable revision's."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from leadsman_api.labels import Arm
from leadsman_api.metrics import LATENCY_BOUNDS
from leadsman_api.v1alpha1.health import Latency
from leadsman_operator.planner.judge.series import wanted_series

COARSE = (0.001, 0.0025, 0.005, 0.01, 0.025)


def within(bounds: Iterable[float], seconds: float) -> dict[str, float]:
    """A thousand answers that all took so long, in buckets with these bounds."""
    return {**{f"le={one:g}": 1000.0 * (seconds <= one) for one in bounds}, "le=+Inf": 1000.0}


def compared(
    stable: dict[str, float], candidate: dict[str, float], ratio: float = 1.5
) -> list[tuple[float | None, float | None]]:
    """The bounds of the stable revision and of the candidate."""
    condition = Latency(name="latency", type="Latency", ratio=ratio)
    asked = wanted_series((condition,), {Arm.STABLE: stable, Arm.CANDIDATE: candidate})
    return [(one.stable_bound, one.candidate_bound) for one in asked]


@pytest.mark.parametrize("seconds", [one for one in LATENCY_BOUNDS if one < 10])
def test_one_and_a_half_times_is_read_as_a_little_more(seconds: float) -> None:
    """At each bound of our own, also at the 5 of a decade."""
    ours = within(LATENCY_BOUNDS, seconds)
    ((stable, candidate),) = compared(ours, ours)
    assert stable is not None
    assert candidate is not None
    assert seconds <= stable
    assert 1.5 <= candidate / stable <= 1.601


def test_times_at_the_longest_bound_are_compared_with_nothing() -> None:
    """What takes longer is in no bucket."""
    ours = within(LATENCY_BOUNDS, LATENCY_BOUNDS[-1])
    assert compared(ours, ours) == []


def test_only_bounds_of_the_stable_revision_are_its_own() -> None:
    """A candidate of another image may have a 6.3: of the other it would be read at 10."""
    old, new = within(COARSE, 0.005), within(LATENCY_BOUNDS, 0.005)
    assert compared(old, new) == [(0.005, 0.01)]


def test_a_larger_ratio_tolerates_no_more_than_it_says() -> None:
    """Twice 4 is read at 10, as is twice 5."""
    ours = within(LATENCY_BOUNDS, 0.004)
    assert compared(ours, ours, ratio=2) == [(0.005, 0.01)]
