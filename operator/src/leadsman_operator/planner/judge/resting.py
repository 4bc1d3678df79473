"""What the stable revision counts while nothing is rolled out, for the next rollout to know.

Its share of bad requests wanders, and how far is what a candidate is judged by. A Prometheus
remembers that; without one its pods are read at rest, seldom, and what they have counted since
stands in the status, so that a restart of the operator loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from leadsman_api.labels import Arm
from leadsman_api.v1alpha1.evidence import Past, PastWindow, PodCounters
from leadsman_operator.facts import PastCount, PodCount
from leadsman_operator.planner.judge.counting import MOST_PODS, counted_between

WINDOW = timedelta(minutes=5)
"""Time between two readings at rest: each one is a write of the status."""
MOST_WINDOWS = 24
"""Two hours, as a Prometheus is asked for."""


def is_due(before: Past | None, revision: str, now: datetime) -> bool:
    """Whether the pods of the stable revision are to be read; at once when it is a new one."""
    return before is None or before.revision != revision or now - before.counted_at >= WINDOW


def past_with(
    before: Past | None, counts: Iterable[PodCount], revision: str, now: datetime
) -> Past | None:
    """Add what the pods of a revision have counted since they were read before.

    Nothing changes while it is not due, or none of them was read.
    """
    mine = [one for one in counts if one.revision == revision][:MOST_PODS]
    if not mine or not is_due(before, revision, now):
        return before
    pods = tuple(
        PodCounters(pod=one.pod, arm=Arm.STABLE, at=now, counters=one.counters) for one in mine
    )
    windows: tuple[PastWindow, ...] = ()
    if before is not None and before.revision == revision:
        window = PastWindow(
            seconds=(now - before.counted_at).total_seconds(),
            counters=counted_between(
                {one.pod: one.counters for one in before.pods},
                {one.pod: one.counters for one in pods},
            ),
        )
        windows = (*before.windows, window)[-MOST_WINDOWS:]
    return Past(revision=revision, counted_at=now, pods=pods, windows=windows)


def past_of(past: Past | None, revision: str) -> tuple[PastCount, ...]:
    """What is known of a revision, the oldest first."""
    if past is None or past.revision != revision:
        return ()
    return tuple(PastCount(one.seconds, one.counters) for one in past.windows)
