"""What is held against what: from conditions and counters to series of bad requests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

from leadsman_api.labels import Arm
from leadsman_api.metrics import Compared
from leadsman_api.v1alpha1.evidence import Series
from leadsman_api.v1alpha1.health import (
    Disagreement,
    ErrorRate,
    HealthCondition,
    Latency,
    WrongAnswers,
)
from leadsman_operator.planner.judge.counting import TIMES, labelled_counter, wrong_counter
from leadsman_operator.planner.judge.sequential import Tally

Counters = Mapping[str, float]

QUANTILES = (0.5, 0.9, 0.99)
"""Where times are compared, when the condition names no quantile."""
DEFAULT_QUANTILE = 0.99
"""The quantile of an absolute limit that names none."""
ENOUGH_TIMED = 100
"""Answers of the stable revision by which its quantiles are read."""
_CLASS = "xx"
_TIMED = "le=+Inf"


def digest_of(conditions: Sequence[HealthCondition]) -> str:
    """By which a change of the conditions shows."""
    asked = json.dumps([one.model_dump(mode="json") for one in conditions], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def wanted_series(
    conditions: Sequence[HealthCondition], totals: Mapping[Arm, Counters]
) -> tuple[Series, ...]:
    """What the conditions ask for, by all that the arms have counted.

    Times that are compared with the stable revision's need its quantiles first: they are added
    once it has answered enough.
    """
    return tuple(series for condition in conditions for series in _of(condition, totals))


def _of(condition: HealthCondition, totals: Mapping[Arm, Counters]) -> Iterator[Series]:
    if isinstance(condition, ErrorRate | WrongAnswers):
        labelled = isinstance(condition, WrongAnswers) or None
        if condition.ratio is not None:
            yield Series(condition=condition.name, ratio=condition.ratio, labelled=labelled)
        if condition.max is not None:
            yield Series(condition=condition.name, share=condition.max, labelled=labelled)
    elif isinstance(condition, Disagreement):
        yield Series(condition=condition.name, share=condition.max, copies=True)
    elif isinstance(condition, Latency):
        bounds = _bounds(*totals.values())
        if condition.max_latency is not None:
            yield from _of_longest(condition, condition.max_latency.total_seconds(), bounds)
        if condition.ratio is not None:
            yield from _of_times(condition, condition.ratio, bounds, totals.get(Arm.STABLE, {}))


def _of_longest(condition: Latency, longest: float, bounds: Sequence[float]) -> Iterator[Series]:
    """A share of answers beyond a bucket's bound: exact, without interpolation."""
    bound = _bound_above(bounds, longest)
    if bound is not None:
        yield Series(
            condition=condition.name,
            share=1 - (condition.quantile or DEFAULT_QUANTILE),
            stable_bound=bound,
            candidate_bound=bound,
        )


def _of_times(
    condition: Latency, ratio: float, bounds: Sequence[float], stable: Counters
) -> Iterator[Series]:
    """An answer may take `ratio` times as long as one of the stable revision.

    So the candidate's answers beyond `ratio` times a bound must be no more often than those of
    the stable revision beyond it: that it is nowhere slower, at each of the bounds.
    """
    if stable.get(_TIMED, 0.0) < ENOUGH_TIMED:
        return
    quantiles = QUANTILES if condition.quantile is None else (condition.quantile,)
    own = _bounds(stable)
    slow = dict.fromkeys(_quantile_bound(own, stable, one) for one in quantiles)
    pairs = dict.fromkeys(_compared_bounds(own, bounds, ratio, one) for one in slow if one)
    for bound, beyond in filter(None, pairs):
        yield Series(
            condition=condition.name, ratio=1.0, stable_bound=bound, candidate_bound=beyond
        )


def _compared_bounds(
    own: Sequence[float], bounds: Sequence[float], ratio: float, bound: float
) -> tuple[float, float] | None:
    """Of the stable revision, whose `own` bounds these are, and of the candidate.

    Of several that are held against the same one the highest, which tolerates the least: 1.5
    times 5 and 1.5 times 6.3 are both read at 10.
    """
    beyond = _bound_above(bounds, ratio * bound)
    if beyond is None:
        return None
    return max(one for one in own if _bound_above(bounds, ratio * one) == beyond), beyond


def tally_of(series: Series, counters: Mapping[Arm, Counters]) -> Tally:
    """The requests of a series among what the arms have counted."""
    stable, candidate = counters.get(Arm.STABLE, {}), counters.get(Arm.CANDIDATE, {})
    if series.copies:
        return Tally(0.0, 0.0, *_compared(candidate))
    return Tally(
        *stable_requests(series, stable), *_asked(series, candidate, series.candidate_bound)
    )


def stable_requests(series: Series, counters: Counters) -> tuple[float, float]:
    """Bad and all requests of the stable revision, which is not compared with itself."""
    return (0.0, 0.0) if series.copies else _asked(series, counters, series.stable_bound)


def _asked(series: Series, counters: Counters, bound: float | None) -> tuple[float, float]:
    """Bad and all requests of one arm, by what a series asks for."""
    if series.labelled:
        wrong, labelled = wrong_counter(series.condition), labelled_counter(series.condition)
        return counters.get(wrong, 0.0), counters.get(labelled, 0.0)
    return _requests(counters, bound)


def _compared(counters: Counters) -> tuple[float, float]:
    """Copies with another answer than the stable revision's, and all that have one."""
    different = counters.get(Compared.DIFFERENT, 0.0)
    return different, different + counters.get(Compared.SAME, 0.0)


def _requests(counters: Counters, bound: float | None) -> tuple[float, float]:
    """Bad and all requests: 5xx, for a 4xx is the client's; or answers beyond a bound.

    Of answers that are in no bucket but the last nothing is known.
    """
    if bound is None:
        return counters.get("5xx", 0.0), answers_in(counters)
    within = _answers_within(counters, bound)
    if within is None:
        return 0.0, 0.0
    total = counters.get(_TIMED, 0.0)
    return max(0.0, total - within), total


def answers_in(counters: Counters) -> float:
    """All answers, whatever their status."""
    return sum(value for name, value in counters.items() if name.endswith(_CLASS))


def _answers_within(counters: Counters, bound: float) -> float | None:
    """Where no bucket ends there the next one counts: another image may have other buckets."""
    exact = counters.get(_within(bound))
    if exact is not None:
        return exact
    above = _bound_above(_bounds(counters), bound)
    return None if above is None else counters[_within(above)]


def _within(bound: float) -> str:
    """The counter of answers within a bound, in seconds."""
    return f"le={bound:g}"


def _bounds(*counted: Counters) -> list[float]:
    """The bounds of all buckets but the one without, in seconds, the smallest first."""
    names = {name for counters in counted for name in counters} - {_TIMED}
    return sorted(float(name[3:]) for name in names if name.startswith(TIMES))


def _bound_above(bounds: Sequence[float], seconds: float) -> float | None:
    """The smallest bucket's bound that is not below; a limit between two is read generously."""
    return next((bound for bound in bounds if bound >= seconds * (1 - 1e-9)), None)


def _quantile_bound(bounds: Sequence[float], counters: Counters, quantile: float) -> float | None:
    """The smallest bucket's bound that so large a share of the answers keeps."""
    needed = quantile * counters.get(_TIMED, 0.0)
    return next((one for one in bounds if counters.get(_within(one), 0.0) >= needed), None)
