"""How long thousands of rollouts take: `simulate` is for people who wait for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from bench.judge.cells import LATENCIES, MANY, Cell, healthy
from leadsman_operator.forecast.simulation import simulate

ROLLOUTS = 10_000
MOST_SECONDS = 60.0
"""Of one core, for so many rollouts."""


@dataclass(frozen=True, slots=True)
class Speed:
    """One cell, and what it took."""

    cell: Cell
    seconds: float

    @property
    def is_too_slow(self) -> bool:
        """Whether it misses its bar."""
        return self.seconds > MOST_SECONDS


def speed(cell: Cell, seed: int) -> Speed:
    """Time of one core; what others do on the machine does not count."""
    begun = time.process_time()
    simulate(cell.forecast, cell.rule, ROLLOUTS, seed)
    return Speed(cell, time.process_time() - begun)


def timed() -> tuple[Cell, ...]:
    """Healthy candidates, whose rollouts last longest: with one limit, and with all four."""
    plain = healthy(20.0, 0.01)
    return (
        Cell("one limit", plain),
        Cell("four limits", replace(plain, latencies=LATENCIES), MANY),
    )
