"""Differences between models over repeated splits, with intervals that know that splits overlap."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, variance

from scipy import stats

from bench.quality.searching import Split

SURE = 0.95


@dataclass(frozen=True)
class Difference:
    """How much lower our errors are, over all splits of a case."""

    mean: float
    low: float
    high: float
    won: int
    """Splits in which ours was better."""
    splits: int

    @property
    def verdict(self) -> str:
        """What the interval says."""
        if self.low > 0:
            return "better"
        return "**worse**" if self.high < 0 else "not told apart"


def difference(
    splits: Sequence[Split],
    ours: Callable[[Split], float],
    others: Callable[[Split], float],
) -> Difference:
    """Paired, with the corrected resampled t-test.

    Splits share rows, so that their differences vary less than those of new data would: the
    variance is that of n splits times 1/n + test rows / train rows (Nadeau and Bengio, 2003).
    """
    gains = [others(one) - ours(one) for one in splits]
    count, middle = len(gains), mean(gains)
    shared = splits[0].test_rows / splits[0].train_rows
    error = math.sqrt(variance(gains) * (1 / count + shared))
    reach = error * float(stats.t.ppf((1 + SURE) / 2, count - 1))
    won = sum(gain > 0 for gain in gains)
    return Difference(middle, middle - reach, middle + reach, won, count)
