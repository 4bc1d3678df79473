"""Trials that take no time, or a known one: the trainer of the benchmark's searches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

SLEEP_SECONDS = 0.5
STEPS = 3


class Trial(Protocol):
    """What is needed of Optuna's."""

    def suggest_float(self, name: str, low: float, high: float) -> float:
        """A number within the bounds."""


class Run(Protocol):
    """What is needed of our own."""

    report: Callable[[int, float], None]


def quick(trial: Trial, run: Run) -> float:
    """Three parameters and as many intermediate values, as of three folds."""
    value = 1.0 - sum(trial.suggest_float(name, -1.0, 1.0) ** 2 for name in ("a", "b", "c"))
    for step in range(STEPS):
        run.report(step, value)
    return value


def sleeping(trial: Trial, run: Run) -> float:
    """The same after half a second in which nothing is done."""
    threading.Event().wait(SLEEP_SECONDS)
    return quick(trial, run)
