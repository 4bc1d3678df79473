"""Which waiting requests the next call answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsman_serving.batches import Line, next_batch, queue_seconds, remaining_seconds
from leadsman_serving.cost import Cost

CALL = Cost(row=0.001, call=0.010)
"""A call costs as much as ten rows."""
ROWS_ONLY = Cost(row=0.010, call=0.0)
MOST_ROWS = 1000
NOW = 100.0


@dataclass(frozen=True, slots=True)
class One:
    """A request that waits."""

    rows: int = 1
    joins: str | None = "a"
    deadline: float = math.inf


@pytest.mark.parametrize(
    ("waiting", "cost", "places"),
    [
        ([One()], CALL, [0]),
        ([One(), One(), One()], CALL, [0, 1, 2]),
        ([One(), One(joins="b"), One()], CALL, [0, 2]),
        ([One(joins=None), One(), One(joins=None)], CALL, [0]),
        ([One(), One(joins=None), One()], CALL, [0, 2]),
        ([One(), One(), One()], ROWS_ONLY, [0]),
        ([One(40), One(), One(40)], CALL, [0]),
        ([One(), One(40), One(2)], CALL, [0, 2]),
        ([One(30), One(30), One(30), One(30)], CALL, [0, 1, 2]),
        ([One(), One(30), One(30), One(30), One(1)], Cost(0.001, 0.0105), [0, 1, 2, 4]),
        ([One()] * 200, CALL, list(range(90))),
        ([One()] * 200, Cost(0.001, 0.2), list(range(200))),
        ([One(), One()], Cost(0.0, 0.2), [0, 1]),
        ([One(600), One(600)], Cost(0.00001, 0.01), [0]),
        ([One(deadline=NOW + 0.0115), One()], CALL, [0]),
        ([One(), One(deadline=NOW + 0.0115), One()], CALL, [0, 2]),
        ([One(deadline=NOW - 1), One()], CALL, [0]),
    ],
    ids=[
        "alone", "all of one kind", "other kinds wait", "one that never joins goes alone",
        "one that never joins is passed over", "nothing is saved", "large ones save nothing",
        "a large one is passed over", "as many as the time allows", "what still fits",
        "up to a tenth of a second", "up to twice the first's own time", "rows cost nothing",
        "up to the most rows", "the first's deadline", "another's deadline", "already too late",
    ],
)  # fmt: skip
def test_the_next_call(waiting: list[One], cost: Cost, places: list[int]) -> None:
    """The first goes, with all that can join it and is better off so."""
    assert next_batch(waiting, cost, NOW, MOST_ROWS) == places


requests = st.builds(
    One,
    rows=st.integers(1, 50),
    joins=st.sampled_from(["a", "b", None]),
    deadline=st.floats(NOW - 1, NOW + 1),
)


@given(
    st.lists(requests, min_size=1, max_size=30),
    st.builds(Cost, row=st.floats(0, 0.01), call=st.floats(0, 0.1)),
)
def test_any_call_is_a_fair_one(waiting: list[One], cost: Cost) -> None:
    """Of one kind, in order, with the first, within the limits of rows, time and deadlines."""
    places = next_batch(waiting, cost, NOW, MOST_ROWS)
    chosen = [waiting[place] for place in places]
    assert places[0] == 0
    assert places == sorted(set(places))
    if len(chosen) > 1:
        assert {one.joins for one in chosen} == {waiting[0].joins} != {None}
        rows = sum(one.rows for one in chosen)
        assert rows <= MOST_ROWS
        assert cost.of(rows) <= max(0.1, 2 * cost.of(chosen[0].rows))
        assert NOW + cost.of(rows) <= min(one.deadline for one in chosen)


@pytest.mark.parametrize(
    ("requests_and_rows", "cost", "joins", "expected"),
    [
        ((0, 0), CALL, True, 0.0),
        ((1, 5), CALL, True, 0.015),
        ((10, 10), CALL, False, 0.11),
        ((10, 10), CALL, True, 0.02),
        ((10, 10), ROWS_ONLY, True, 0.1),
        ((180, 180), CALL, True, 0.2),
        ((7, 7), Cost(0.0, 0.03), True, 0.03),
    ],
    ids=["none", "one", "one by one", "together", "saves nothing", "two calls", "rows are free"],
)
def test_what_a_queue_takes(
    requests_and_rows: tuple[int, int], cost: Cost, *, joins: bool, expected: float
) -> None:
    """Calls that are joined are paid once."""
    assert queue_seconds(cost, *requests_and_rows, joins=joins) == pytest.approx(expected)


def test_a_line_knows_who_can_not_be_joined() -> None:
    """Four that can are one call, two that can't are one each; whoever leaves is not counted."""
    line: Line[One] = Line()
    for one in [One(joins=None), One(joins=None), *(One(2) for _ in range(4))]:
        line.add(one)
    assert line.seconds(CALL) == pytest.approx(2 * CALL.of(1) + CALL.of(8))
    line.remove(One(joins=None))
    line.remove(One(2))
    assert line.seconds(CALL) == pytest.approx(CALL.of(1) + CALL.of(6))


def test_who_is_late_is_not_begun() -> None:
    """It stays until it gives up, and those behind it go."""
    line: Line[One] = Line()
    for one in (One(deadline=NOW), One(2), One(3)):
        line.add(one)
    assert line.take(CALL, NOW, MOST_ROWS) == [One(2), One(3)]
    assert line.take(CALL, NOW, MOST_ROWS) == []
    assert len(line) == 1
    assert One(deadline=NOW) in line


def test_a_call_that_overruns_is_expected_to_need_as_long_again() -> None:
    """What hangs must not seem to be nearly done for ever."""
    assert remaining_seconds(1.0, 0.25) == pytest.approx(0.75)
    assert remaining_seconds(1.0, 8.0) == pytest.approx(8.0)
