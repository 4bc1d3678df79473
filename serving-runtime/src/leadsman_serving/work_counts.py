"""What is counted of the work itself, apart from the requests that asked for it."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
"""Bounds of the buckets of a batch's rows."""


class WorkCounts:
    """Plain numbers that a scrape reads; only one thread works at a time, so nothing is locked."""

    def __init__(self) -> None:
        """Nothing has been done."""
        self.buckets = [0] * (len(BOUNDS) + 1)
        """Calls of the model by their rows."""
        self.calls = self.requests = self.rows = 0
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
        self.buckets[bisect_left(BOUNDS, rows)] += 1
        self.calls += 1
        self.requests += requests
        self.rows += rows
        self.call_seconds += seconds

    def waited(self, seconds: float) -> None:
        """A request has waited so long until the model was free."""
        self.waits += 1
        self.wait_seconds += seconds

    def dropped(self, cause: str, *, was_begun: bool) -> None:
        """Nobody waits for a request any more."""
        self.drops[cause, was_begun] += 1
