"""What is counted of the work itself, apart from the requests that asked for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
"""Bounds of the buckets of a call's rows."""
LATENESS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Bounds of the buckets of the event loop's lateness, in seconds."""


class Tally:
    """A histogram of plain numbers, written by one thread and read by others without a lock."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` are the upper ends of the buckets; one without an end comes after them."""
        self.bounds, self.total = tuple(bounds), 0.0
        self._buckets = [0] * (len(self.bounds) + 1)

    def seen(self, value: float) -> None:
        """Count one value."""
        self._buckets[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[int]:
        """How many values there were up to each bound, and in all."""
        return list(accumulate(list(self._buckets)))  # a copy: others go on counting


class WorkCounts:
    """What the model has done; only one thread works at a time, so nothing is locked."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.rows = Tally(ROWS)
        """Calls of the model by their rows."""
        self.calls = self.requests = 0
        self.call_seconds = 0.0
        """What the calls took together."""
        self.waits = 0
        self.wait_seconds = 0.0
        """How long requests waited for the model, together."""
        self.drops = dict.fromkeys(
            ((cause, begun) for cause in ("Timeout", "ClientGone") for begun in (False, True)), 0
        )
        """Requests that were given up, by cause and by whether they were begun."""

    def called(self, requests: int, rows: int, seconds: float) -> None:
        """The model has answered so many requests with one call."""
        self.rows.seen(rows)
        self.calls += 1
        self.requests += requests
        self.call_seconds += seconds

    def waited(self, seconds: float) -> None:
        """A request has waited so long until the model was free."""
        self.waits += 1
        self.wait_seconds += seconds

    def dropped(self, cause: str, *, was_begun: bool) -> None:
        """Nobody waits for a request any more."""
        self.drops[cause, was_begun] += 1
