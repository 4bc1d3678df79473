"""What a revision has counted before its rollout, as a Prometheus remembers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from leadsman_api import ModelDeployment
from leadsman_api.metrics import LATENCY_BOUNDS
from leadsman_operator.errors import Refused, Unreachable
from leadsman_operator.facts import PastCount, PodCount, Sample, Unknown
from leadsman_operator.observe.counters import pod_counts
from leadsman_operator.planner.judge.counting import counted_between
from leadsman_operator.planner.judge.questions import counters_query
from leadsman_operator.planner.observation import request_metrics
from leadsman_operator.ports import Endpoint, Metrics

SPAN = timedelta(hours=2)
"""How far back it is read: by then the judge knows how a rate wanders over a rollout."""
_MOST_SAMPLES = 100_000
"""So many numbers are asked for at most: of many pods at fewer times."""
_SERIES_OF_A_POD = len(LATENCY_BOUNDS) + 4
"""Of our own server: its buckets, the one without a bound, and the classes of answers."""


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
    layout = request_metrics(resource)
    metrics, endpoint = prometheus
    query = counters_query(resource, layout, (revision,))
    step = max(interval, SPAN * max(1, pods) * _SERIES_OF_A_POD / _MOST_SAMPLES)
    try:
        samples = await metrics.past(endpoint, query, until, SPAN, step)
    except Unreachable as error:
        return Unknown(error.reason, error.message)
    except Refused:
        return ()
    counts = (
        (at, pod_counts(told, layout, (revision,), at)) for at, told in by_moment(samples).items()
    )
    return tuple(increments(counts))


def by_moment(samples: Iterable[Sample]) -> dict[datetime, list[Sample]]:
    """The samples of each moment, the first one first."""
    moments: dict[datetime, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda one: one.at):
        moments[sample.at].append(sample)
    return moments


def increments(counts: Iterable[tuple[datetime, Sequence[PodCount]]]) -> Iterator[PastCount]:
    """Between two moments: the sums over those who count at both."""
    before: Mapping[str, Mapping[str, float]] = {}
    last: datetime | None = None
    for at, found in counts:
        counters = {one.pod: one.counters for one in found}
        if last is not None:
            yield PastCount((at - last).total_seconds(), counted_between(before, counters))
        before, last = counters, at
