"""The judge's memory, from one look to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from leadsman_api.labels import Arm
from leadsman_api.v1alpha1.evidence import LARGEST_TOTAL, Comparison, Evidence, Memory, Series
from leadsman_api.v1alpha1.health import HealthCondition
from leadsman_operator.facts import PastCount
from leadsman_operator.planner.judge.counting import (
    Counted,
    labelled_counter,
    of_requests,
)
from leadsman_operator.planner.judge.sequential import (
    RECENT_SECONDS,
    Limit,
    Number,
    Record,
    Span,
    Tally,
    record_with,
)
from leadsman_operator.planner.judge.series import (
    digest_of,
    stable_requests,
    tally_of,
    wanted_series,
)
from leadsman_operator.planner.judge.spread import (
    LONGEST_LOOK,
    nothing_seen,
    of_numbers,
    spread_with,
)

Counters = Mapping[str, float]

LABELS_SECONDS = 900.0
"""Labels come in minutes or days: so long is the shortest batch of them."""
PATIENCE = timedelta(minutes=10)
"""So long a past that could not be read is asked for again."""


@dataclass(frozen=True, slots=True)
class Look:
    """What came up since the last look."""

    conditions: Sequence[HealthCondition]
    counted: Counted
    now: datetime
    usual_seconds: float
    """Usual time between two looks that bring something new."""
    past: Sequence[PastCount] = ()
    """What the stable revision counted before the rollout; nothing when it was told before."""
    past_unread: bool = False
    """Whether a part of that could not be read."""
    window_seconds: float = RECENT_SECONDS
    """Length of the recent windows."""
    past_labels: Sequence[PastCount] = ()
    """Labels of the stable revision's answers that came before the rollout."""


def past_wanted_until(
    evidence: Evidence | None, conditions: Sequence[HealthCondition], now: datetime
) -> datetime | None:
    """Until when the judge has to be told what the stable revision did; None when it knows.

    What could not be read is asked for again, but not for ever: the answer may take too long
    each time, and each look waits for it.
    """
    memory = _memory_of(evidence, conditions)
    if memory is None:
        return now
    until = memory.past_until
    return until if until is not None and now - until < PATIENCE else None


def _memory_of(evidence: Evidence | None, conditions: Sequence[HealthCondition]) -> Memory | None:
    """The memory, if it is about these conditions."""
    memory = evidence.memory if evidence else None
    return memory if memory is not None and memory.asked == digest_of(conditions) else None


def remembered(before: Evidence | None, look: Look) -> Memory:
    """The memory with what came up since; anew when other conditions are asked for.

    Between two scrapes of Prometheus there is nothing new: then nothing changes. Labels alone
    bring no time to the series of requests: in that the candidate had none.
    """
    known = _memory_of(before, look.conditions)
    if known is not None and known.past_until is not None and not look.past_unread:
        known = _with_past(known, look)
    latest = look.counted.latest
    if known is not None and not any(map(_has_news, latest.values())):
        return known
    memory = known or _begun(look)
    requests = {arm: of_requests(counters) for arm, counters in latest.items()}
    are_asked = known is None or any(map(_has_news, requests.values()))
    had_requests = _has_news(requests.get(Arm.CANDIDATE, {}))
    seconds = _since(memory.counted_at, look) if are_asked else 0.0
    # After a gap the requests belong to some of its time, nobody knows to which.
    counted = min(seconds, LONGEST_LOOK * memory.look_seconds) if had_requests else 0.0
    labels_seconds = _since(max(memory.counted_at, memory.labels_at or memory.counted_at), look)
    begins = memory.recent_seconds >= look.window_seconds
    series = tuple(
        _series_with(
            one,
            look,
            (labels_seconds if one.labelled else seconds, memory.look_seconds),
            begins=begins,
        )
        for one in _with_times(memory.series, look)
    )
    return memory.model_copy(
        update={
            "series": series,
            "counted_at": look.now if are_asked else memory.counted_at,
            "labels_at": memory.labels_at if are_asked else look.now,
            "counted_seconds": memory.counted_seconds + counted,
            "recent_seconds": counted + (0.0 if begins else memory.recent_seconds),
        }
    )


def _has_news(counters: Counters) -> bool:
    return any(counters.values())


def _since(then: datetime, look: Look) -> float:
    """Seconds; the clock of another replica of the operator may be behind."""
    return max(0.0, (look.now - then).total_seconds())


def _begun(look: Look) -> Memory:
    return Memory(
        asked=digest_of(look.conditions),
        look_seconds=_shortest(look),
        counted_at=look.now,
        past_seconds=_watched(look),
        past_until=look.now if look.past_unread else None,
    )


def _with_past(memory: Memory, look: Look) -> Memory:
    """Add a past that could not be read before.

    How the stable share wandered in the minutes since is given up for it: its batches are of
    another length where there are many pods. A series that had its past then keeps it.
    """
    series = tuple(
        one if one.past_total or not _past_of(one, look) else _begun_series(one, look)
        for one in memory.series
    )
    told = {"look_seconds": _shortest(look), "past_seconds": _watched(look)} if look.past else {}
    return memory.model_copy(update={"past_until": None, "series": series, **told})


def _watched(look: Look) -> float:
    return _steady(look.past, _shortest(look))


def _steady(past: Sequence[PastCount], shortest: float) -> float:
    """Seconds of a past that belong to a batch."""
    return sum(one.seconds for one in past if one.seconds <= LONGEST_LOOK * shortest)


def _shortest(look: Look) -> float:
    """Usual time between two looks, and between two moments of the past, which has gaps."""
    return max(look.usual_seconds, min((one.seconds for one in look.past), default=0.0))


def _with_times(series: tuple[Series, ...], look: Look) -> tuple[Series, ...]:
    """The series, and those of conditions that could not be asked before."""
    known = {(one.condition, one.share is None) for one in series}
    stable = dict(look.counted.totals.get(Arm.STABLE, {}))
    for one in look.past:
        for name, value in one.counters.items():
            stable[name] = stable.get(name, 0.0) + value
    asked = wanted_series(look.conditions, {**look.counted.totals, Arm.STABLE: stable})
    new = [one for one in asked if (one.condition, one.share is None) not in known]
    return (*series, *(_begun_series(one, look) for one in new))


def _begun_series(series: Series, look: Look) -> Series:
    """A series with the past of the stable revision."""
    spread, bad, total = nothing_seen(), 0.0, 0.0
    past = _past_of(series, look)
    shortest = LABELS_SECONDS if series.labelled else _shortest(look)
    for one in past:
        now_bad, now_total = stable_requests(series, one.counters)
        spread = spread_with(spread, now_bad, now_total, one.seconds, shortest)
        bad, total = bad + now_bad, total + now_total
    return series.model_copy(
        update={
            "past_bad": _whole(bad),
            "past_total": _whole(total),
            "watched_seconds": _steady(past, shortest) if series.labelled else None,
            "spread": spread.as_numbers(),
        }
    )


def _past_of(series: Series, look: Look) -> Sequence[PastCount]:
    """What was before of what a series asks for."""
    if not series.labelled:
        return look.past
    counter = labelled_counter(series.condition)
    return [one for one in look.past_labels if counter in one.counters]


def _series_with(series: Series, look: Look, times: tuple[float, float], *, begins: bool) -> Series:
    """Add what came up; `times` are the seconds that it took, and those that are usual."""
    record = record_of(series)
    if begins:
        record = replace(record, recent=Tally())
    latest = tally_of(series, look.counted.latest)
    seconds, shortest = times
    came = _label_times(series, latest, min(seconds, LONGEST_LOOK * shortest))
    shortest = LABELS_SECONDS if series.labelled else shortest
    after = record_with(record, latest, seconds, shortest)
    return series.model_copy(
        update={
            **came,
            "whole": _comparison(after.whole),
            "recent": _comparison(after.recent),
            "spread": after.spread.as_numbers(),
        }
    )


def _label_times(series: Series, latest: Tally, seconds: float) -> Mapping[str, float]:
    """For how long labels of each arm have come, where a series is about labels.

    Those of the candidate come later than its requests, and the others may end in the bake.
    """
    if not series.labelled:
        return {}
    return {
        "labelled_seconds": (series.labelled_seconds or 0.0)
        + (seconds if latest.candidate_total else 0.0),
        "watched_seconds": (series.watched_seconds or 0.0)
        + (seconds if latest.stable_total else 0.0),
    }


def _comparison(tally: Tally) -> Comparison:
    return Comparison(
        stable_bad=_whole(tally.stable_bad),
        stable_total=_whole(tally.stable_total),
        candidate_bad=_whole(tally.candidate_bad),
        candidate_total=_whole(tally.candidate_total),
    )


def _whole(requests: Number) -> int:
    return min(round(float(requests)), LARGEST_TOTAL)


def series_of(memory: Memory, condition: str) -> tuple[Series, ...]:
    """What is remembered of a condition: one series for each of its limits."""
    return tuple(one for one in memory.series if one.condition == condition)


def limit_of(series: Series) -> Limit:
    """The limit that a series is held against."""
    return Limit(
        ratio=series.ratio,
        share=series.share,
        of_copies=bool(series.copies),
        of_labels=bool(series.labelled),
    )


def record_of(series: Series) -> Record:
    """A series of the status as the test reads it."""
    return Record(
        whole=_tally(series.whole),
        recent=_tally(series.recent),
        past_bad=float(series.past_bad),
        past_total=float(series.past_total),
        spread=of_numbers(series.spread),
    )


def _tally(comparison: Comparison) -> Tally:
    return Tally(
        float(comparison.stable_bad),
        float(comparison.stable_total),
        float(comparison.candidate_bad),
        float(comparison.candidate_total),
    )


def span_of(memory: Memory, series: Series) -> Span:
    """The times that a series stands for."""
    if series.labelled:
        return Span(
            whole=series.labelled_seconds or 0.0,
            recent=memory.recent_seconds,
            past=series.watched_seconds or 0.0,
            shortest=LABELS_SECONDS,
            of_labels=True,
        )
    return Span(
        whole=memory.counted_seconds,
        recent=memory.recent_seconds,
        past=memory.past_seconds,
        shortest=memory.look_seconds,
    )
