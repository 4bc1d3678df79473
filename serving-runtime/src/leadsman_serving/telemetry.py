"""The process's own metrics: what runs, what it uses, how busy it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import metadata

from prometheus_client import CollectorRegistry, GCCollector, Info, PlatformCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from leadsman_api.metrics import ServingMetric
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
