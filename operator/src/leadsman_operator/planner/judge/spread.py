"""How much more than chance a revision's bad requests come and go, over times of any length.

The rate of bad requests of a healthy revision wanders: bursts, a slow dependency, a pod that
has a bad hour. How far its mean over a span of time strays is what decides whether a candidate
that does worse over such a span is a bad one. So the requests of the stable revision, from
before and during a rollout, are gathered into batches of several lengths, and the variance
between batches beyond that of chance is estimated for each length (the method of batch means;
Law and Kelton, "Simulation Modeling and Analysis"). A few sums of each length are kept, so the
state is small and goes on exactly after a restart.

Shapes: `(..., LENGTHS)`, with any leading axes, so that a simulation judges thousands at once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LENGTHS = 5
"""Lengths of batches, each four times the one before."""
_FACTOR = 4.0 ** np.arange(LENGTHS)
FEWEST = 4
"""Batches before a length says anything."""
WATCHED = 3600.0
"""Seconds of watching after which no slower wandering is supposed."""
UNWATCHED = 0.3
"""Variance that is supposed of a revision that nobody has watched yet: that of a rate which is
seldom more than twice its mean."""
LONGEST_LOOK = 3.0
"""Usual looks that one may take and still be one."""
_DOUBT = 0.5
"""Standard errors by which an estimated variance is raised: with one, regressions of five times
at little traffic stay unseen; with none, noise that lasts for minutes comes near the promise."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Sums over batches of one kind of bad requests, by the batches' length."""

    open_seconds: Floats
    """Of the batch that is being filled, as are the next two."""
    open_bad: Floats
    open_total: Floats
    batches: Floats
    """Batches that are full; the next five are sums over these."""
    bad: Floats
    total: Floats
    bad_squared: Floats
    bad_by_total: Floats
    total_squared: Floats

    def as_numbers(self) -> tuple[float, ...]:
        """All sums in one row, for the status; `of_numbers` reads them."""
        return tuple(float(number) for one in fields(self) for number in getattr(self, one.name))


def nothing_seen(shape: tuple[int, ...] = ()) -> Spread:
    """Before the first request, for as many revisions as `shape` has."""
    return Spread(*(np.zeros((*shape, LENGTHS)) for _ in fields(Spread)))


def of_numbers(numbers: tuple[float, ...]) -> Spread:
    """A spread as it was written to a status; raises ValueError for another number of numbers."""
    return Spread(*np.asarray(numbers, dtype=float).reshape(len(fields(Spread)), LENGTHS))


def spread_with(
    before: Spread, bad: ArrayLike, total: ArrayLike, seconds: ArrayLike, shortest: float
) -> Spread:
    """Add what was counted in `seconds`; `shortest` is the length of the shortest batch, in s.

    What was counted over a much longer time than usual belongs to no batch.
    """
    lasted = np.asarray(seconds, dtype=float)[..., None]
    usual = np.where(lasted > LONGEST_LOOK * shortest, 0.0, 1.0)
    open_seconds = before.open_seconds + usual * lasted
    open_bad = before.open_bad + usual * np.asarray(bad, dtype=float)[..., None]
    open_total = before.open_total + usual * np.asarray(total, dtype=float)[..., None]
    # A look may come a little early; a batch is not kept open for a moment that is missing.
    full = (open_seconds >= 0.9 * shortest * _FACTOR) & (open_total > 0)
    closing = full.astype(float)
    return Spread(
        open_seconds=np.where(full, 0.0, open_seconds),
        open_bad=np.where(full, 0.0, open_bad),
        open_total=np.where(full, 0.0, open_total),
        batches=before.batches + closing,
        bad=before.bad + closing * open_bad,
        total=before.total + closing * open_total,
        bad_squared=before.bad_squared + closing * open_bad**2,
        bad_by_total=before.bad_by_total + closing * open_bad * open_total,
        total_squared=before.total_squared + closing * open_total**2,
    )


def variance_over(
    spread: Spread, seconds: ArrayLike, watched: ArrayLike, shortest: float
) -> Floats:
    """Variance of the mean rate over `seconds`, relative to its square, on the safe side.

    `watched` is for how many seconds the revision was seen in all: wandering that is slower
    than that can't have shown yet and is supposed.
    """
    lengths = shortest * _FACTOR
    span = np.asarray(seconds, dtype=float)
    # A mean over less than the shortest batch strays more, at most as independent parts do.
    shorter = np.maximum(1.0, shortest / np.maximum(span, 1e-9))
    measured = np.minimum.accumulate(_measured(spread, shorter), axis=-1)
    index = np.clip(np.searchsorted(lengths, span, side="right") - 1, 0, LENGTHS - 1)
    index = np.broadcast_to(index, measured.shape[:-1])[..., None]
    within = np.take_along_axis(measured, index, axis=-1)[..., 0]
    unseen = np.maximum(0.0, 1.0 - np.asarray(watched, dtype=float) / WATCHED) ** 2
    return np.asarray(within + UNWATCHED * unseen)


def _measured(spread: Spread, shorter: Floats) -> Floats:
    """Variance of each length beyond chance, raised by its doubt; UNWATCHED where too few.

    `shorter` is how many times the variance over a span exceeds that over the shortest length;
    what is only supposed holds for a span of any length.
    """
    batches = np.maximum(spread.batches, 1.0)
    mean_bad = spread.bad / batches
    known = (spread.batches >= FEWEST) & (spread.bad > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = spread.bad / spread.total
        squares = (
            spread.bad_squared - 2 * rate * spread.bad_by_total + rate**2 * spread.total_squared
        )
        beyond = squares * batches / (batches - 1) - spread.bad
        variance = np.maximum(beyond / (rate**2 * spread.total_squared), 0.0)
        doubt = _DOUBT * (variance + 1.0 / mean_bad) * np.sqrt(2.0 / batches)
    variance = np.where(known, variance * shorter[..., None], 0.0)
    raised = np.where(known, variance + doubt * shorter[..., None], UNWATCHED)
    return np.minimum(raised, np.maximum(variance, UNWATCHED))
