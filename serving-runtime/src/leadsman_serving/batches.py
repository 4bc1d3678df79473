"""Which of the requests that wait for a model are answered by its next call.

Pure: the worker asks each time that the model is free. Nobody ever waits for a batch to fill:
what came while the last call ran is what the next one can have.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Generic, Protocol, TypeVar

from leadsman_serving.cost import Cost

_SECONDS = 0.1
"""How long a call with several requests may take: whoever comes next waits for it."""
_TIMES = 2
"""Or so many times what its first request takes alone, where that is longer."""
_WORTH = 0.2
"""The least share of a request's time that joining has to save: below, answers would come later
and hardly any sooner."""


class Waits(Protocol):
    """A request that waits."""

    @property
    def rows(self) -> int:
        """Its rows."""

    @property
    def joins(self) -> Hashable:
        """Those with the same value may be answered by one call; None for never."""

    @property
    def deadline(self) -> float:
        """When nobody waits for its answer any more."""


Waiter = TypeVar("Waiter", bound=Waits)


def next_batch(waiting: Sequence[Waits], cost: Cost, now: float, most_rows: int) -> list[int]:
    """The places of those that go next; the first always goes, so nobody waits for ever.

    Others join it in their order as long as that is worth while, the call does not take too
    long, and no deadline is missed by it.
    """
    first = waiting[0]
    if first.joins is None or not _is_worth_while(cost, first.rows):
        return [0]
    most_seconds = _most_seconds(cost, first.rows)
    chosen, rows, deadline = [0], first.rows, first.deadline
    for place, one in enumerate(waiting[1:], 1):
        if one.joins != first.joins or not _is_worth_while(cost, one.rows):
            continue
        together, soonest = rows + one.rows, min(deadline, one.deadline)
        if together > most_rows or cost.of(together) > min(most_seconds, soonest - now):
            continue
        chosen.append(place)
        rows, deadline = together, soonest
    return chosen


def queue_seconds(cost: Cost, requests: int, rows: int, *, joins: bool) -> float:
    """What so many waiting requests, with so many rows between them, will take."""
    calls = requests
    if joins and requests > 1 and _is_worth_while(cost, rows / requests):
        each = rows / requests
        most = _most_seconds(cost, each)
        by_call = max(each, (most - cost.call) / cost.row) if cost.row else math.inf
        calls = min(requests, math.ceil(rows / by_call) or 1)
    return cost.row * rows + cost.call * calls


class Line(Generic[Waiter]):
    """Those that wait, in their order, and what they will take."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: list[Waiter] = []
        self._requests = {True: 0, False: 0}
        self._rows = {True: 0, False: 0}
        """By whether they may be joined."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def __contains__(self, one: Waiter) -> bool:
        """Whether it still waits."""
        return one in self._waiting

    def add(self, one: Waiter) -> None:
        """It waits from now on, behind the others."""
        self._waiting.append(one)
        self._count(one, 1)

    def remove(self, one: Waiter) -> None:
        """It waits no more."""
        self._waiting.remove(one)
        self._count(one, -1)

    def _count(self, one: Waiter, sign: int) -> None:
        joins = one.joins is not None
        self._requests[joins] += sign
        self._rows[joins] += sign * one.rows

    def seconds(self, cost: Cost, rows: int = 0, *, joins: bool = False) -> float:
        """What all of them will take, with one more behind them that has these rows."""
        requests, waiting = dict(self._requests), dict(self._rows)
        if rows:
            requests[joins] += 1
            waiting[joins] += rows
        return sum(
            queue_seconds(cost, requests[kind], waiting[kind], joins=kind) for kind in (True, False)
        )

    def take(self, cost: Cost, now: float, most_rows: int) -> list[Waiter]:
        """Those that go next; whoever is late stays, for it is about to give up."""
        ready = [one for one in self._waiting if one.deadline > now]
        if not ready:
            return []
        batch = [ready[place] for place in next_batch(ready, cost, now, most_rows)]
        for one in batch:
            self.remove(one)
        return batch


def remaining_seconds(expected: float, elapsed: float) -> float:
    """How long a call goes on: what has overrun is taken to need as long again."""
    return expected - elapsed if elapsed < expected else elapsed


def _most_seconds(cost: Cost, rows: float) -> float:
    return max(_SECONDS, _TIMES * cost.of(rows))


def _is_worth_while(cost: Cost, rows: float) -> bool:
    return cost.call >= _WORTH * cost.of(rows)
