"""The sequential test: what two arms have counted, held against what is tolerated.

A candidate is accused by the weaker of two comparisons, so that only one that does worse than
the stable revision does now *and* worse than it has done before is ever called bad: an outage
that strikes both arms is no harm, and neither is a lucky minute of the stable arm.

All numbers may be arrays of any one shape: the simulation judges thousands of rollouts at once
by this very code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadsman_operator.planner.judge.excess import (
    SLIGHTLY_WORSE,
    WORSE,
    log_excess,
    log_shortfall,
)
from leadsman_operator.planner.judge.spread import WATCHED, Spread, spread_with, variance_over

Floats = NDArray[np.float64]
Number = float | Floats

RECENT_SECONDS = 60.0
"""Length of the windows in which harm that begins late is looked for."""
WHOLE_WEIGHT, RECENT_WEIGHT, PODS_WEIGHT = 0.6, 0.3, 0.1
"""Parts of the promised rate that are spent on all requests that were counted, on the windows,
and on pods that fail."""
HARM = 2.0
"""So many times what is tolerated would be harm: a candidate is called good below it."""
HARMLESS = 0.01
"""So large a share of requests more than the stable revision's is no harm yet."""
_SMALLEST_SHARE = 1e-9


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests of the two arms over some time, and the bad ones of them."""

    stable_bad: Number = 0.0
    stable_total: Number = 0.0
    candidate_bad: Number = 0.0
    candidate_total: Number = 0.0

    def __add__(self, other: Tally) -> Tally:
        """Both times together."""
        return Tally(
            self.stable_bad + other.stable_bad,
            self.stable_total + other.stable_total,
            self.candidate_bad + other.candidate_bad,
            self.candidate_total + other.candidate_total,
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """What is tolerated: so many times the stable share, or a share whatever that is."""

    ratio: float | None = None
    share: float | None = None
    of_copies: bool = False
    """Of requests that both arms were asked: no hour that is bad for both makes them differ."""
    of_labels: bool = False
    """Of answers that turned out wrong."""

    @property
    def alternatives(self) -> Floats:
        """How many times what is tolerated is looked for."""
        return SLIGHTLY_WORSE if self.of_labels else WORSE


@dataclass(frozen=True, slots=True)
class Record:
    """All that the test remembers of one kind of bad requests."""

    whole: Tally
    """Since the rollout began."""
    recent: Tally
    """Since the latest window began."""
    past_bad: Number
    """Bad requests of the stable revision before the rollout."""
    past_total: Number
    """Requests of the stable revision before the rollout."""
    spread: Spread
    """How the stable revision's share wanders, before and during the rollout."""


@dataclass(frozen=True, slots=True)
class Span:
    """The times that a record stands for, in seconds."""

    whole: Number
    recent: Number
    past: Number
    shortest: float
    """Usual time between two looks: the shortest batch of the spread."""
    of_labels: bool = False
    """Of labels, which may come for days, and in the bake of the candidate alone: then `past` is
    for how long those of the stable revision have come at all."""

    @property
    def watched(self) -> Number:
        """For how long the stable revision was watched in all."""
        return self.past if self.of_labels else self.past + self.whole

    def wander(self, spread: Spread, seconds: Number) -> Floats:
        """How far the stable share strays over some of it: a variance, relative to its square."""
        known = self.watched
        if self.of_labels:
            known = known * WATCHED / np.maximum(self.whole, WATCHED)
        return variance_over(spread, seconds, known, self.shortest)


def record_with(before: Record, slice_: Tally, seconds: Number, shortest: float) -> Record:
    """Add what was counted since the last look, `seconds` ago."""
    return Record(
        whole=before.whole + slice_,
        recent=before.recent + slice_,
        past_bad=before.past_bad,
        past_total=before.past_total,
        spread=spread_with(
            before.spread, slice_.stable_bad, slice_.stable_total, seconds, shortest
        ),
    )


def log_against(record: Record, limit: Limit, span: Span, windows: Number) -> Floats:
    """Logarithm of the evidence that the limit is broken; a rollback needs log(1 / rate).

    `windows` is how many recent windows the rollout can have: each has its part of the rate.
    """
    whole = log_whole(record, limit, span)
    recent = _log_accused(record, record.recent, limit, span, span.recent)
    parts = whole + np.log(WHOLE_WEIGHT), recent + np.log(RECENT_WEIGHT / np.maximum(windows, 1.0))
    return np.asarray(np.logaddexp(*parts))


def log_whole(record: Record, limit: Limit, span: Span) -> Floats:
    """Logarithm of the evidence of all that was counted."""
    return _log_accused(record, record.whole, limit, span, span.whole)


def _log_accused(record: Record, tally: Tally, limit: Limit, span: Span, seconds: Number) -> Floats:
    wander = span.wander(record.spread, seconds)
    bad, total = np.asarray(tally.candidate_bad), np.asarray(tally.candidate_total)
    worse = limit.alternatives
    if limit.share is not None and limit.of_copies:
        return log_excess(bad, limit.share * total, 0.0)
    known_bad = record.past_bad + record.whole.stable_bad + 1.0
    usual = known_bad / np.maximum(record.past_total + record.whole.stable_total, 1.0)
    # What strays is seen from its mean of the watch, and that has strayed itself.
    long_run = span.wander(record.spread, span.watched)
    if limit.share is not None:
        over = wander_at(limit.share, usual, wander + long_run)
        return log_excess(bad, limit.share * total, over, worse)
    ratio = limit.ratio or 1.0
    before = log_excess(bad, ratio * usual * total, wander + long_run + 1.0 / known_bad, worse)
    # Few requests of the stable arm say little of now: then what was usual speaks.
    now_bad = np.asarray(tally.stable_bad) + 1.0
    now = now_bad / (np.asarray(tally.stable_total) + 1.0 / usual)
    return np.asarray(
        np.minimum(before, log_excess(bad, ratio * now * total, wander + 1 / now_bad, worse))
    )


def wander_at(share: Number, usual: Number, wander: Number) -> Floats:
    """How a share of this size strays, where the usual one strays by `wander`.

    What is wide beside a small share is narrower beside a large one: noise from many sources has
    a variance in proportion to the mean.
    """
    return np.asarray(wander * np.minimum(1.0, usual / np.maximum(share, _SMALLEST_SHARE)))


def log_cleared(record: Record, limit: Limit, span: Span) -> Floats:
    """Logarithm of the evidence that the candidate does no harm.

    A revision that was not watched for long is supposed to be steady here: nothing is promised
    of this side, and without that nothing new would ever be called good.
    """
    bad, total = np.asarray(record.whole.candidate_bad), np.asarray(record.whole.candidate_total)
    usual = usual_share(record)
    if limit.share is not None:
        harm = np.asarray(limit.share)
    else:
        harm = np.maximum(HARM * (limit.ratio or 1.0) * usual, usual + HARMLESS)
    wander = wander_at(harm, usual, span.wander(record.spread, span.whole))
    is_known = np.asarray(span.watched) >= WATCHED
    return log_shortfall(bad, harm * total, np.where(is_known, wander, 0.0))


def usual_share(record: Record) -> Floats:
    """Share of bad requests of the stable revision, before and during the rollout."""
    bad = np.asarray(record.past_bad + record.whole.stable_bad, dtype=float)
    total = np.asarray(record.past_total + record.whole.stable_total, dtype=float)
    return np.asarray(bad / np.maximum(total, 1.0))
