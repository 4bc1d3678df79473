"""Bounds of a share that was counted."""

from __future__ import annotations

from math import sqrt

SURE = 2.576
"""Standard normal quantile: each of the two bounds is kept in 99.5 of 100 samples."""


def wilson_bounds(hits: float, total: float) -> tuple[float, float]:
    """Lower and upper bound of the share behind `hits` of `total`; (0, 1) without any.

    Wilson's score interval (E. B. Wilson, 1927, "Probable inference, the law of succession,
    and statistical inference", J. Am. Stat. Assoc. 22): sound for few hits, unlike the normal
    approximation.
    """
    if total <= 0:
        return 0.0, 1.0
    share, square = hits / total, SURE * SURE
    scale = 1 + square / total
    middle = (share + square / (2 * total)) / scale
    spread = SURE / scale * sqrt(share * (1 - share) / total + square / (4 * total * total))
    return max(0.0, middle - spread), min(1.0, middle + spread)
