"""How strongly counts speak for more, or fewer, bad requests than are tolerated.

Both are e-values: likelihood ratios whose mean is at most 1 while the candidate keeps the
tolerated share, so that a value of 1/alpha comes up with a chance of at most alpha
(Ville's inequality), however often one looks. Each is a mean over a grid of alternatives, so
that nobody has to say beforehand how bad a bad candidate is.

The model is a Poisson count whose rate wanders: a gamma factor of mean 1 and variance
`variance` (so the count is negative binomial; Greenwood and Yule, 1920). The ratio is a convex
function of the count, so it stays an e-value for every noise that spreads less than that gamma
factor, and for shares of requests, which spread less than Poisson counts (Hoeffding, 1963,
theorem 4). Without noise the process of ratios is the martingale of Lindon and Malek
(arXiv 2011.03567); with noise that lasts it is a mixture of these.

All functions take numbers or arrays that broadcast against each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

WORSE = np.array([1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0])
"""Alternatives against which a candidate is accused: so many times the tolerated share."""
SLIGHTLY_WORSE = np.array([1.1, 1.25, 1.5, 2.0, 3.0, 5.0])
"""Those of labelled answers: many are wrong of any model, and a few more of them matter."""
BETTER = np.array([0.5, 0.25, 0.1, 0.0])
"""Alternatives by which it is cleared: so many times the share that would be harm."""
_SMALLEST = 1e-12


def log_excess(
    events: ArrayLike, expected: ArrayLike, variance: ArrayLike, alternatives: Floats = WORSE
) -> Floats:
    """Logarithm of the evidence that more events are due than `expected`.

    `variance` is that of the factor by which the rate wanders: 0 for pure chance.
    """
    return _log_mixture(events, expected, variance, alternatives)


def log_shortfall(events: ArrayLike, expected: ArrayLike, variance: ArrayLike) -> Floats:
    """Logarithm of the evidence that fewer events are due than `expected`."""
    return _log_mixture(events, expected, variance, BETTER)


def _log_mixture(
    events: ArrayLike, expected: ArrayLike, variance: ArrayLike, grid: Floats
) -> Floats:
    """Logarithm of the mean of the likelihood ratios of a grid of alternatives."""
    count = np.asarray(events, dtype=float)[..., None]
    mean = np.maximum(np.asarray(expected, dtype=float), _SMALLEST)[..., None]
    spread = np.maximum(np.asarray(variance, dtype=float), _SMALLEST)[..., None]
    rise = np.log1p(spread * mean) - np.log1p(spread * mean * grid)
    with np.errstate(divide="ignore", invalid="ignore"):
        # An alternative without any event is out of the question once there is one.
        per_event = np.where(grid > 0, np.log(np.maximum(grid, _SMALLEST)) + rise, -np.inf)
        ratios = np.where(count > 0, count * per_event, 0.0) + rise / spread
    return log_mean(ratios)


def log_mean(logarithms: Floats) -> Floats:
    """Logarithm of the mean of what stands along the last axis."""
    highest = np.max(logarithms, axis=-1, keepdims=True)
    mean = np.mean(np.exp(logarithms - highest), axis=-1)
    return np.asarray(highest[..., 0] + np.log(mean))
