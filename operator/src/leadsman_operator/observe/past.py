"""What a revision has counted before its rollout, as a Prometheus remembers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from leadsman_api import ModelDeployment
from leadsman_operator.errors import Refused, Unreachable
from leadsman_operator.facts import PastCount, PodCount, Sample, Unknown
from leadsman_operator.observe.counters import pod_counts
from leadsman_operator.observe.labelled import labelled_conditions, labelled_counts
from leadsman_operator.planner.judge.counting import counted_between
from leadsman_operator.planner.judge.questions import (
    counters_query,
    labelled_query,
    wrong_query,
)
from leadsman_operator.planner.observation import request_metrics
from leadsman_operator.ports import Endpoint, Metrics

Moments: TypeAlias = dict[datetime, list[Sample]]
"""Samples by when they were read."""

SPAN = timedelta(hours=2)
"""How far back it is read: by then the judge knows how a rate wanders over a rollout."""
_MOST_SAMPLES = 100_000
"""So many numbers are asked for at most: of many pods at fewer times."""
_SERIES_OF_A_POD = 20


async def past_of_prometheus(
    resource: ModelDeployment,
    revision: str,
    pods: int,
    prometheus: tuple[Metrics, Endpoint],
    interval: timedelta,
    until: datetime,
) -> tuple[PastCount, ...] | Unknown:
    """What the pods of a revision counted together, one scrape `interval` or more at a time.

    Unknown when no answer came, and nothing when the query was refused: it would be again.
    """
    metrics, endpoint = prometheus
    step = max(interval, SPAN * max(1, pods) * _SERIES_OF_A_POD / _MOST_SAMPLES)

    async def told(query: str) -> Moments:
        found: Moments = defaultdict(list)
        for sample in await metrics.past(endpoint, query, until, SPAN, step):
            found[sample.at].append(sample)
        return found

    try:
        counts = await _counts(resource, revision, told)
    except Unreachable as error:
        return Unknown(error.reason, error.message)
    except Refused:
        return ()
    return tuple(_increments(counts))


async def _counts(
    resource: ModelDeployment, revision: str, told: Callable[[str], Awaitable[Moments]]
) -> Mapping[datetime, Sequence[PodCount]]:
    """What stood at each moment; `told` gives the samples of a query by their moments."""
    layout, arms = request_metrics(resource), (revision,)
    answers = await told(counters_query(resource, layout, arms))
    found = {at: list(pod_counts(samples, layout, arms, at)) for at, samples in answers.items()}
    for condition in labelled_conditions(resource):
        labelled = await told(labelled_query(resource, condition.metrics, arms))
        wrong = await told(wrong_query(resource, condition.metrics, arms))
        for at, samples in labelled.items():
            more = labelled_counts(condition, samples, wrong.get(at, ()), arms, at)
            found.setdefault(at, []).extend(more)
    return found


def _increments(counts: Mapping[datetime, Sequence[PodCount]]) -> Iterator[PastCount]:
    """Between two moments: the sums over the pods that are there at both."""
    before: Mapping[str, Mapping[str, float]] = {}
    last: datetime | None = None
    for at in sorted(counts):
        counters = {one.pod: one.counters for one in counts[at]}
        if last is not None:
            yield PastCount((at - last).total_seconds(), counted_between(before, counters))
        before, last = counters, at
