"""The process's own metrics: what runs, what it uses, how busy it is."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from importlib import metadata
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, Info, PlatformCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.utils import floatToGoString

from leadsman_api.metrics import LATENCY_BOUNDS, MetricLabel, ServingMetric
from leadsman_serving.lifecycle import Lifecycle, loop_lag_seconds
from leadsman_serving.work_metrics import CpuCollector, histogram, start_metrics, work_metrics
from leadsman_serving.worker import Worker


def installed_version() -> str:
    """The version of this runtime."""
    return metadata.version("leadsman-serving")


def create_registry(lifecycle: Lifecycle, git_commit: str) -> CollectorRegistry:
    """A registry with the process's resources, its load and the build that runs."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_LoadCollector(lifecycle))
    registry.register(CpuCollector())
    build = Info("leadsman_build", "The build that runs.", registry=registry)
    build.info({"component": "serving", "version": installed_version(), "git_commit": git_commit})
    return registry


class _LoadCollector:
    """Reads the load when it is asked for, so that a request costs no metric."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    def collect(self) -> Iterator[Metric]:
        """The load at this moment."""
        lag = loop_lag_seconds(self._lifecycle, now=time.monotonic())
        for metric, value in (
            (ServingMetric.IN_FLIGHT, self._lifecycle.in_flight),
            (ServingMetric.LOOP_LAG, lag),
        ):
            yield GaugeMetricFamily(metric.value, metric.sentence, value=value)
        yield histogram(ServingMetric.LOOP_LATENESS, self._lifecycle.lateness)


CLASSES = ("2xx", "4xx", "5xx")
_CLASS = {1: "2xx", 2: "2xx", 3: "2xx", 4: "4xx"}
_INFO = "_info"


class RequestMetrics:
    """What is counted of requests; the first three metrics are what a rollout is judged by.

    Plain numbers that a scrape reads: on the way of a request nothing is locked or looked up.
    Written by the event loop's thread alone.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Every class of status begins at zero: what never was is not the same as unknown.

        Without a registry they are counted and told to nobody.
        """
        self._answered = dict.fromkeys(CLASSES, 0)
        self._buckets = [0] * (len(LATENCY_BOUNDS) + 1)
        self._seconds = 0.0
        self._refused: dict[str, int] = {}
        self._rows = self._unknown = 0
        self._backend: dict[str, str] = {}
        self.phases: dict[str, float] = {}
        """How long each phase of the start has taken, in seconds."""
        self.worker: Worker[Any, Any] | None = None
        """Whose work is told of as well."""
        if registry is not None:
            registry.register(self)

    def answered(self, status: int, seconds: float) -> None:
        """A request of a model route has ended with a status."""
        self._answered[_CLASS.get(status // 100, "5xx")] += 1
        self._buckets[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self._seconds += seconds

    def answered_row(self, seconds: float) -> None:
        """A request for one row was answered well."""
        self._answered["2xx"] += 1
        self._rows += 1
        self._buckets[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self._seconds += seconds

    def refused(self, cause: str) -> None:
        """A request was refused before any work."""
        self._refused[cause] = self._refused.get(cause, 0) + 1

    def rows(self, number: int) -> None:
        """So many rows are predicted."""
        self._rows += number

    def unknown_columns(self, number: int) -> None:
        """So many columns of a request are none of the model's."""
        self._unknown += number

    def serves(self, backend: str, model: str, version: str, digest: str) -> None:
        """What serves from now on."""
        self._backend = {"backend": backend, "model": model, "version": version, "digest": digest}

    def collect(self) -> Iterator[Metric]:
        """All of it at this moment, for the registry."""
        yield _counter(ServingMetric.REQUESTS, dict(self._answered), MetricLabel.STATUS)
        yield HistogramMetricFamily(
            ServingMetric.LATENCY.value,
            ServingMetric.LATENCY.sentence,
            buckets=self._cumulative(),
            sum_value=self._seconds,
        )
        yield _counter(ServingMetric.REFUSED, dict(self._refused), MetricLabel.REASON)
        for metric, value in (
            (ServingMetric.ROWS, self._rows),
            (ServingMetric.UNKNOWN_COLUMNS, self._unknown),
        ):
            yield CounterMetricFamily(metric.value, metric.sentence, value=value)
        name = ServingMetric.BACKEND.removesuffix(_INFO)
        yield InfoMetricFamily(name, ServingMetric.BACKEND.sentence, value=self._backend)
        yield from start_metrics(self.phases)
        if self.worker is not None:
            yield from work_metrics(self.worker)

    def _cumulative(self) -> list[tuple[str, float]]:
        """Requests up to each bound, as Prometheus has them."""
        counts = list(self._buckets)  # at once: the loop goes on counting
        bounds = [*map(floatToGoString, LATENCY_BOUNDS), "+Inf"]
        return list(zip(bounds, map(float, accumulate(counts)), strict=True))


def _counter(metric: ServingMetric, counts: Mapping[str, int], label: str) -> Metric:
    family = CounterMetricFamily(metric.value, metric.sentence, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
