"""Samples made up for tests of the benchmark's arithmetic."""

from __future__ import annotations

from bench.serving.client import Measured
from bench.serving.samples import Run, Sample
from bench.serving.servers import SHIPPED, Setting

FIRST, SECOND = "2026-01-01 00:00:00 UTC", "2026-01-02 00:00:00 UTC"

OURS = f"leadsman-{SHIPPED.name.lower()}"
OURS_OTHERWISE = f"leadsman-v2-{SHIPPED.name.lower()}"
NOT_SHIPPED = "leadsman-asgi" if SHIPPED is Setting.QUICK else "leadsman-quick"


def run(began: str = FIRST, models: tuple[str, ...] = ("logistic",)) -> Run:
    """A run of three rounds."""
    return Run(began, "a machine", "abc1234", 2.0, 3, list(models), ["leadsman-asgi"])


def load(rps: float, *, p99: float = 1.0, busy: float = 0.5, counted: int = 5000) -> Measured:
    """What one load came to."""
    return Measured(counted + 10, counted, rps, p99 / 2, p99, p99 * 2, 0, "", 0, busy)


def sample(
    server: str, rps: float, *, turn: int = 1, began: str = FIRST, model: str = "logistic"
) -> Sample:
    """One round in which all loads came to the same."""
    return Sample(
        began, model, server, turn,
        ready_seconds=0.5 * turn if turn < 3 else None,
        memory_mb=70.0, cpu_seconds_per_1000=0.1,
        loads={count: load(rps, p99=1000 / rps) for count in (1, 16, 64)},
    )  # fmt: skip
