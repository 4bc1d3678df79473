"""How often healthy candidates are rolled back, with the doubt of having tried only so often."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from bench.judge.cells import Cell
from leadsman_operator.forecast.rollouts import Outcome
from leadsman_operator.forecast.simulation import simulate

SURE = 0.99
"""Confidence of an interval."""


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """False rollbacks of a cell."""

    cell: Cell
    rolled_back: int
    rollouts: int

    @property
    def share(self) -> float:
        """Part of the rollouts."""
        return self.rolled_back / self.rollouts

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true rate is."""
        return clopper_pearson(self.rolled_back, self.rollouts)

    @property
    def breaks_the_promise(self) -> bool:
        """Whether the true rate is above the promised one, beyond the doubt of the count."""
        return self.cell.promised and self.interval[0] > self.cell.rule.false_rollback_rate


def false_alarms(cell: Cell, rollouts: int, seed: int) -> FalseAlarms:
    """Try a cell."""
    outcomes = simulate(cell.forecast, cell.rule, rollouts, seed)
    return FalseAlarms(cell, round(outcomes.share(Outcome.ROLLED_BACK) * rollouts), rollouts)


def clopper_pearson(hits: int, total: int) -> tuple[float, float]:
    """Exact interval of a share, of confidence SURE (Clopper and Pearson, 1934)."""
    rest = (1 - SURE) / 2
    low = float(stats.beta.ppf(rest, hits, total - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(1 - rest, hits + 1, total - hits)) if hits < total else 1.0
    return low, high
