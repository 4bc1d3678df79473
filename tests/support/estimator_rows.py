"""Rows and targets that estimators are fitted with, and fresh rows that they are asked for.

Columns of very different sizes, one that never changes and one of whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SPREADS = np.array([1e-4, 1.0, 1e4, 1.0, 0.0])
WORDS = np.array(["low", "middle", "high"])


@dataclass(frozen=True)
class Data:
    """What an estimator of the table is fitted with."""

    seen: Any
    fresh: Any
    known: Any
    """The target: a value a row, or several."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """What `fit` takes beside."""


def drawn(count: int, seed: int) -> Any:
    """Rows of columns of different sizes."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(count, 5)) * SPREADS
    rows[:, 3] = chance.integers(0, 7, count)
    return rows + np.array([0, 5, 0, 0, 3])


def counted(count: int, seed: int) -> Any:
    """Rows of counts, which are never below zero."""
    return np.random.default_rng(seed).integers(0, 4, (count, 5)).astype(np.float64)


SEEN, FRESH = drawn(150, 0), drawn(40, 1)
SCORE = SEEN[:, 0] * 1e4 + SEEN[:, 1] + (SEEN[:, 3] > 3)
AMOUNT = np.exp(SCORE / 4)
LEVEL = np.digitize(SCORE, np.quantile(SCORE, [0.33, 0.66]))
TWO = (np.median(SCORE) < SCORE).astype(int)
COUNTS, FRESH_COUNTS = counted(150, 0), counted(40, 1)

DATA: Mapping[str, Data] = {
    "three": Data(SEEN, FRESH, WORDS[LEVEL]),
    "three numbered": Data(SEEN, FRESH, LEVEL),
    "two": Data(SEEN, FRESH, TWO),
    "amount": Data(SEEN, FRESH, AMOUNT),
    "amounts": Data(SEEN, FRESH, np.column_stack([AMOUNT, SCORE])),
    "kinds": Data(SEEN, FRESH, np.column_stack([LEVEL, TWO])),
    "ranks": Data(SEEN, FRESH, LEVEL, {"group": [50, 50, 50]}),
    "counts": Data(COUNTS, FRESH_COUNTS, WORDS[(COUNTS.sum(axis=1) % 3).astype(int)]),
    "one column": Data(SEEN[:, 1:2], FRESH[:, 1:2], AMOUNT),
}
"""By what is told of a row: one of three classes or of two, a number, several of either."""
