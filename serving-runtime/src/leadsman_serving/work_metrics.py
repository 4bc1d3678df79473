"""Metrics of the work, of the CPU and of the start: read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.utils import floatToGoString

from leadsman_api.metrics import MetricLabel, ServingMetric
from leadsman_serving.cpu import read_quota, read_throttling
from leadsman_serving.work_counts import Tally
from leadsman_serving.worker import Worker


def work_metrics(worker: Worker[Any, Any]) -> Iterator[Metric]:
    """What a worker has counted until now, and what it expects."""
    counts, cost = worker.counts, worker.cost
    yield _gauge(ServingMetric.WAITING, worker.waiting)
    yield _gauge(ServingMetric.EXPECTED_WAIT, worker.wait_seconds)
    parts = {"row": cost.row, "call": cost.call}
    yield _gauges(ServingMetric.COST, MetricLabel.PART, parts)
    yield histogram(ServingMetric.BATCH, counts.rows)
    yield _summary(ServingMetric.QUEUE_TIME, counts.waits, counts.wait_seconds)
    yield _summary(ServingMetric.CALL_TIME, counts.calls, counts.call_seconds)
    dropped = CounterMetricFamily(
        ServingMetric.DROPPED.value,
        ServingMetric.DROPPED.sentence,
        labels=[MetricLabel.REASON, MetricLabel.STATE],
    )
    for (cause, was_begun), count in dict(counts.drops).items():
        dropped.add_metric([cause, "running" if was_begun else "waiting"], count)
    yield dropped


class CpuCollector:
    """The quota of the container, and how often it was used up."""

    def collect(self) -> Iterator[Metric]:
        """Nothing where there are no cgroups, no quota where there is none."""
        quota, throttling = read_quota(), read_throttling()
        if quota is not None:
            yield _gauge(ServingMetric.CPU_QUOTA, quota)
        if throttling is not None:
            for metric, value in (
                (ServingMetric.CPU_PERIODS, throttling.periods),
                (ServingMetric.CPU_THROTTLED, throttling.throttled),
                (ServingMetric.CPU_THROTTLED_SECONDS, throttling.seconds),
            ):
                yield CounterMetricFamily(metric.value, metric.sentence, value=value)


def start_metrics(phases: Mapping[str, float]) -> Iterator[Metric]:
    """How long each part of the start has taken, in seconds."""
    yield _gauges(ServingMetric.STARTUP, MetricLabel.PHASE, dict(phases))


def histogram(metric: ServingMetric, tally: Tally) -> Metric:
    """A tally as Prometheus has it."""
    names = [*map(floatToGoString, tally.bounds), "+Inf"]
    buckets = list(zip(names, map(float, tally.cumulative()), strict=True))
    return HistogramMetricFamily(
        metric.value, metric.sentence, buckets=buckets, sum_value=tally.total
    )


def _gauge(metric: ServingMetric, value: float) -> Metric:
    return GaugeMetricFamily(metric.value, metric.sentence, value=value)


def _summary(metric: ServingMetric, count: int, seconds: float) -> Metric:
    return SummaryMetricFamily(metric.value, metric.sentence, count_value=count, sum_value=seconds)


def _gauges(metric: ServingMetric, label: str, values: Mapping[str, float]) -> Metric:
    found = GaugeMetricFamily(metric.value, metric.sentence, labels=[label])
    for name, value in values.items():
        found.add_metric([name], value)
    return found
