"""Two models whose difference is known, because the world that the rows come from is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from leadsman_training.comparison import Pair, compare
from leadsman_training.scores import Predictions
from leadsman_training.weighted import OF_NUMBERS

CLASSES = np.array([0, 1])
_MANY = 400_000
"""Rows by which the true difference is known to about a thousandth."""
LESS_IS_BETTER = frozenset({"rmse", "mae", "mape", "log_loss"})


@dataclass(frozen=True, slots=True)
class World:
    """A champion and a challenger that sees the truth less clearly by `harm`."""

    metric: str
    harm: float

    @property
    def sign(self) -> int:
        """1 where more is better."""
        return -1 if self.metric in LESS_IS_BETTER else 1

    def rows(self, count: int, random: np.random.Generator) -> Pair:
        """Rows that nobody has learnt from; half of what both see wrongly they see alike."""
        truth = random.normal(size=count)
        alike = random.normal(size=count)
        seen = [
            truth + spread * (alike + random.normal(size=count)) / 2
            for spread in (0.7, 0.7 + self.harm)
        ]
        if self.metric in OF_NUMBERS:
            noise = random.normal(size=count)
            return Pair(3 * truth + noise, Predictions(3 * seen[1]), Predictions(3 * seen[0]))
        classes = (random.random(count) < _chance(truth)).astype(int)
        return Pair(classes, _said(seen[1]), _said(seen[0]))

    def true_gain(self) -> float:
        """The difference in the world, and not in a sample of it."""
        whole = self.rows(_MANY, np.random.default_rng(0))
        return float(whole.gains(self.metric, self.sign, np.ones((1, _MANY)))[0])

    def passes(
        self, margin: float, rows: int, samples: int, seed: int, confidence: float = 0.95
    ) -> float:
        """The share of samples in which the challenger is shown to keep the margin."""
        random = np.random.default_rng(seed)
        passed = 0
        for number in range(samples):
            pair = self.rows(rows, random)
            shown = compare(pair, self.metric, self.sign, confidence, seed + number)
            passed += shown.low >= margin
        return passed / samples


def _chance(seen: Any) -> Any:
    return 1 / (1 + np.exp(1 - 3 * seen))


def _said(seen: Any) -> Predictions:
    chance = _chance(seen)
    values = (chance > 0.5).astype(int)
    return Predictions(values, np.column_stack([1 - chance, chance]), CLASSES)
