"""What Prometheus says of a ModelDeployment's pods, and of the user's own conditions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping
from datetime import datetime

from leadsman_api import ModelDeployment
from leadsman_api.metrics import MetricLabel
from leadsman_api.reasons import Reason
from leadsman_operator.errors import EdgeError
from leadsman_operator.facts import PodCount, Sample, Unknown
from leadsman_operator.observe.secret_values import secret_values
from leadsman_operator.planner.judge.questions import condition_queries, counter_queries
from leadsman_operator.planner.observation import Configuration
from leadsman_operator.ports import Endpoint, World

_POD = "pod"
_BUCKET = "le"


async def metrics_endpoint(
    resource: ModelDeployment, world: World, configuration: Configuration
) -> Endpoint | Unknown:
    """The Prometheus of a resource: its own, or the operator's."""
    own = resource.spec.health.prometheus
    if own is None:
        if configuration.prometheus_url is None:
            return Unknown(
                Reason.METRICS_UNREACHABLE,
                "the operator knows no Prometheus: write spec.health.prometheus.url",
            )
        return Endpoint(configuration.prometheus_url)
    if own.secret_ref is None:
        return Endpoint(own.url)
    namespace = resource.metadata.namespace or "default"
    values = await secret_values(world.cluster, namespace, own.secret_ref.name)
    if values is None:
        return Unknown(Reason.METRICS_UNREACHABLE, f"there is no Secret {own.secret_ref.name}")
    return Endpoint(own.url, values)


async def read_counts(
    resource: ModelDeployment, endpoint: Endpoint | Unknown, world: World, now: datetime
) -> tuple[PodCount, ...] | Unknown:
    """Raw counters of each pod; only a rollout needs them."""
    if resource.status.candidate is None or resource.status.stable is None:
        return ()
    if isinstance(endpoint, Unknown):
        return endpoint
    try:
        answers, buckets = await asyncio.gather(
            *(world.metrics.query(endpoint, query, now) for query in counter_queries(resource))
        )
    except EdgeError as error:
        return Unknown(error.reason, error.message)
    return pod_counts([*answers, *buckets])


def pod_counts(samples: Iterable[Sample]) -> tuple[PodCount, ...]:
    """The samples of one moment, gathered by pod."""
    found: dict[tuple[str, str], tuple[datetime, dict[str, float]]] = {}
    for sample in samples:
        pod, revision = sample.labels.get(_POD), sample.labels.get(MetricLabel.REVISION)
        bucket, status = sample.labels.get(_BUCKET), sample.labels.get(MetricLabel.STATUS)
        counter = f"le={bucket}" if bucket is not None else status
        if not pod or not revision or counter is None or not math.isfinite(sample.value):
            continue
        _, counters = found.setdefault((pod, revision), (sample.at, {}))
        counters[counter] = counters.get(counter, 0.0) + sample.value
    return tuple(
        PodCount(pod=pod, revision=revision, at=at, counters=counters)
        for (pod, revision), (at, counters) in sorted(found.items())
    )


async def read_queries(
    resource: ModelDeployment, endpoint: Endpoint | Unknown, world: World, now: datetime
) -> Mapping[str, float | Unknown]:
    """The number of each condition of the user's own."""
    candidate = resource.status.candidate
    queries = condition_queries(resource, candidate.name if candidate else None)
    numbers = await asyncio.gather(
        *(_number(query, endpoint, world, now) for query in queries.values())
    )
    return dict(zip(queries, numbers, strict=True))


async def _number(
    query: str, endpoint: Endpoint | Unknown, world: World, now: datetime
) -> float | Unknown:
    if isinstance(endpoint, Unknown):
        return endpoint
    try:
        samples = await world.metrics.query(endpoint, query, now)
    except EdgeError as error:
        return Unknown(error.reason, error.message)
    numbers = [sample.value for sample in samples if not math.isnan(sample.value)]
    if len(numbers) != 1:
        return Unknown(
            Reason.QUERY_FAILED, f"the query gave {len(numbers)} numbers where one was expected"
        )
    return numbers[0]
