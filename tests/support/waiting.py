"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["eventually"]


def eventually(condition: Callable[[], object], *, within_seconds: float, what: str) -> None:
    """Return as soon as the condition holds; fail with `what` when the time is over."""
    pause = threading.Event()
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_seconds} s: {what}"
        pause.wait(0.02)
