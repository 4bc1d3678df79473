"""Between which ends the candidate's share of bad requests is, valid however often one looks.

An interval keeps all values that neither side of the test refutes, each with half of the rate
(Johari, Pekelis and Walsh, arXiv 1512.04922; Howard, Ramdas, McAuliffe and Sekhon,
arXiv 1810.08240, on confidence sequences). It is read from a grid, and the ends are the nearest
values that are refuted, so that rounding never makes it narrower.
"""

from __future__ import annotations

import numpy as np

from leadsman_operator.planner.judge.excess import log_excess, log_shortfall
from leadsman_operator.planner.judge.sequential import Floats, Number, Record, Span, wander_at

Interval = tuple[Floats, Floats]
_RATIOS = np.geomspace(1e-3, 1e3, 601)
_SHARES = np.geomspace(1e-7, 1.0, 701)


def ratio_interval(record: Record, span: Span, rate: float) -> Interval:
    """Ends of the candidate's share, as a multiple of the usual one; (0, inf) of what is unknown.

    The usual share is itself counted: from K bad requests it strays by a factor of variance 1 / K.
    Of few, one more or less matters: each end takes that on which it is wider.
    """
    wander = _wander(record, span)
    known, total = _known_bad(record), _known_total(record)
    bad = _column(record.whole.candidate_bad)
    requests = _column(record.whole.candidate_total / total) * _RATIOS
    more, fewer = known + 1.0, np.maximum(known, 1.0)
    low, high = _ends(
        _RATIOS,
        log_excess(bad, requests * _column(more), _column(wander + 1.0 / more)),
        log_shortfall(bad, requests * _column(fewer), _column(wander + 1.0 / fewer)),
        rate,
    )
    return np.where(known > 0, low, 0.0), np.where(known > 0, high, np.inf)


def share_interval(record: Record, span: Span, rate: float, *, of_copies: bool) -> Interval:
    """Ends of the candidate's share; (0, 1) of what is unknown.

    It strays as the stable revision's does, except of copies, which both arms were asked.
    """
    bad = _column(record.whole.candidate_bad)
    expected = _column(record.whole.candidate_total) * _SHARES
    usual = (_known_bad(record) + 1.0) / _known_total(record)
    wander = (
        0.0 if of_copies else wander_at(_SHARES, _column(usual), _column(_wander(record, span)))
    )
    low, high = _ends(
        _SHARES, log_excess(bad, expected, wander), log_shortfall(bad, expected, wander), rate
    )
    return low, np.minimum(high, 1.0)


def _wander(record: Record, span: Span) -> Floats:
    """How a share strays over the rollout, from a mean of the watch that strays itself."""
    long_run = span.wander(record.spread, span.watched)
    return span.wander(record.spread, span.whole) + long_run


def _known_bad(record: Record) -> Floats:
    """Bad requests of the stable revision, before and during the rollout."""
    return np.asarray(record.past_bad + record.whole.stable_bad, dtype=float)


def _known_total(record: Record) -> Floats:
    return np.maximum(record.past_total + record.whole.stable_total, 1.0)


def _column(numbers: Number) -> Floats:
    """With an axis for the values of a grid."""
    return np.asarray(numbers, dtype=float)[..., None]


def _ends(grid: Floats, too_low: Floats, too_high: Floats, rate: float) -> Interval:
    """The largest value that is refuted as too low, and the smallest one as too high."""
    bar = np.log(2 / rate)
    values = np.broadcast_to(grid, too_low.shape)
    low = np.max(values, axis=-1, initial=0.0, where=too_low >= bar)
    high = np.min(values, axis=-1, initial=np.inf, where=too_high >= bar)
    return np.asarray(low), np.asarray(high)
