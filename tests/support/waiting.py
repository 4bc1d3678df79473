"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["eventually"]


SHORTEST_SECONDS, LONGEST_SECONDS = 0.02, 0.5
PART = 0.1
"""Of the time that has gone by already: who waits long asks less often, and costs less."""


def eventually(condition: Callable[[], object], *, within_seconds: float, what: str) -> None:
    """Return soon after the condition holds; fail with `what` when the time is over."""
    pause = threading.Event()
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        assert waited < within_seconds, f"not within {within_seconds} s: {what}"
        pause.wait(min(max(SHORTEST_SECONDS, PART * waited), LONGEST_SECONDS))
