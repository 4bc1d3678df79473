"""The process's own metrics: what runs, what it uses, how busy it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import metadata

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from leadsman_api.metrics import MetricLabel, ServingMetric
from leadsman_serving.lifecycle import Lifecycle, loop_lag_seconds


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


BOUNDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip
"""Bounds of the latency's buckets in seconds; limits of the judge are read at one of these."""
CLASSES = ("2xx", "4xx", "5xx")
_CLASS = {1: "2xx", 2: "2xx", 3: "2xx", 4: "4xx"}
_TOTAL = "_total"
_INFO = "_info"


class RequestMetrics:
    """What is counted of requests; the first three metrics are what a rollout is judged by."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Every class of status begins at zero: what never was is not the same as unknown."""
        answered = Counter(
            ServingMetric.REQUESTS.removesuffix(_TOTAL),
            ServingMetric.REQUESTS.sentence,
            [MetricLabel.STATUS],
            registry=registry,
        )
        self._answered = {name: answered.labels(name) for name in CLASSES}
        self._seconds = Histogram(
            ServingMetric.LATENCY, ServingMetric.LATENCY.sentence, buckets=BOUNDS, registry=registry
        )
        self._refused = Counter(
            ServingMetric.REFUSED.removesuffix(_TOTAL),
            ServingMetric.REFUSED.sentence,
            [MetricLabel.REASON],
            registry=registry,
        )
        self._rows = Counter(
            ServingMetric.ROWS.removesuffix(_TOTAL), ServingMetric.ROWS.sentence, registry=registry
        )
        self._backend = Info(
            ServingMetric.BACKEND.removesuffix(_INFO),
            ServingMetric.BACKEND.sentence,
            registry=registry,
        )

    def answered(self, status: int, seconds: float) -> None:
        """A request of a model route has ended with a status."""
        self._answered[_CLASS.get(status // 100, "5xx")].inc()
        self._seconds.observe(seconds)

    def refused(self, cause: str) -> None:
        """A request was refused before any work."""
        self._refused.labels(cause).inc()

    def rows(self, number: int) -> None:
        """So many rows are predicted."""
        self._rows.inc(number)

    def serves(self, backend: str, model: str, version: str, digest: str) -> None:
        """What serves from now on."""
        self._backend.info(
            {"backend": backend, "model": model, "version": version, "digest": digest}
        )
