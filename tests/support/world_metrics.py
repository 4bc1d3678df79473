"""What the simulated pods count, as Prometheus tells it and as their own pages do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadsman_api.metrics import Compared, MetricLabel, ServingMetric
from leadsman_api.reasons import Reason
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import Sample
from leadsman_operator.ports import Endpoint
from support.world_clock import Faults
from support.world_cluster import FakeCluster, Pod
from support.world_labels import FakeJoiner

PROMETHEUS, PAGES = "Prometheus", "the network of the pods"
PROMETHEUS_URL = "http://prometheus:9090"
MOST_REMEMBERED = 480


@dataclass
class FakeMetrics:
    """Prometheus, with the counters of the pods that are there."""

    faults: Faults
    cluster: FakeCluster
    counters: dict[str, Counter[str]] = field(default_factory=dict)
    age_seconds: float = 0
    """How old what it knows is."""
    remembers: list[tuple[datetime, list[Sample]]] = field(default_factory=list)
    """What it has read, and when; the newest last."""
    joiner: FakeJoiner = field(default_factory=FakeJoiner)
    pasts_asked_for: int = 0

    async def query(self, endpoint: Endpoint, query: str, at: datetime) -> Sequence[Sample]:
        """The raw counters of every pod, or when they were read."""
        assert endpoint.address == PROMETHEUS_URL
        self.faults.gate(PROMETHEUS, Reason.METRICS_UNREACHABLE)
        if "by (pod,revision)" in query:
            return list(self.joiner.tells(query, at))
        if query.startswith("min by (pod) (timestamp("):
            scraped = (at - timedelta(seconds=self.age_seconds)).timestamp()
            return [Sample({"pod": name}, scraped, at) for name in self.cluster.pods]
        of_copies = query.startswith(ServingMetric.COPIES)
        return [
            sample
            for sample in self._samples(at)
            if (sample.labels["__name__"] == ServingMetric.COPIES) is of_copies
        ]

    async def past(
        self, endpoint: Endpoint, query: str, until: datetime, span: timedelta, step: timedelta
    ) -> Sequence[Sample]:
        """The raw counters of every pod of a revision, each time that it has read them."""
        self.pasts_asked_for += 1
        assert endpoint.address == PROMETHEUS_URL
        assert "__name__" in query or "by (pod,revision)" in query
        assert step > timedelta(0)
        self.faults.gate(PROMETHEUS, Reason.METRICS_UNREACHABLE)
        if "by (pod,revision)" in query:
            return list(self.joiner.told_for(query, until, span, step))
        return [
            sample
            for at, samples in self.remembers
            if until - span <= at <= until
            for sample in samples
        ]

    def scrape(self, at: datetime) -> None:
        """Read the counters of every pod."""
        self.joiner.scrape(at)
        self.remembers.append((at, self._samples(at)))
        del self.remembers[:-MOST_REMEMBERED]

    def _samples(self, at: datetime) -> list[Sample]:
        return [
            Sample(
                {"__name__": _metric(key), "pod": name, _label(key): key.removeprefix("le=")},
                value,
                at,
            )
            for name in self.cluster.pods
            for key, value in self.counters.get(name, Counter()).items()
        ]

    def count(self, pod: Pod, requests: int, behaviour: str) -> None:
        """A pod has answered requests: one in five badly, where its model is bad."""
        counter = self.counters.setdefault(pod.manifest["metadata"]["name"], Counter())
        bad = requests // 5
        failed = bad if behaviour == "errors" else 0
        slow = bad if behaviour == "slow" else 0
        counter["2xx"] += requests - failed
        counter["5xx"] += failed
        self.joiner.join(pod.revision, requests - failed, behaviour)
        counter["le=0.01"] += requests - slow
        counter["le=1"] += requests - slow
        counter["le=+Inf"] += requests

    def compare(self, pod: Pod, copies: int, behaviour: str) -> None:
        """A pod has compared copies: one in five is answered differently, where its model does."""
        counter = self.counters.setdefault(pod.manifest["metadata"]["name"], Counter())
        different = copies // 5 if behaviour == "differs" else 0
        counter[Compared.DIFFERENT] += different
        counter[Compared.SAME] += copies - different


@dataclass
class FakePages:
    """The same counters, at the pods that have them; a page is there once its pod is ready."""

    metrics: FakeMetrics
    silent: set[int] = field(default_factory=set)
    """Versions whose pods don't answer."""

    async def samples(self, ip: str, names: Collection[str], at: datetime) -> Sequence[Sample]:
        """The samples of a pod that have one of the names."""
        faults = self.metrics.faults
        faults.gate(PAGES, Reason.METRICS_UNREACHABLE)
        (pod,) = (
            pod
            for pod in self.metrics.cluster.pods.values()
            if pod.manifest["status"].get("podIP") == ip
        )
        if not (pod.ready or pod.leaving) or pod.version in self.silent:
            raise Unreachable(Reason.METRICS_UNREACHABLE, f"http://{ip}:9090 did not answer")
        counters = self.metrics.counters.get(pod.manifest["metadata"]["name"], Counter())
        found = [(_metric(key), _label(key), key, value) for key, value in counters.items()]
        return [
            Sample({"__name__": name, label: key.removeprefix("le=")}, value, at)
            for name, label, key, value in found
            if name in names
        ]


def _label(key: str) -> str:
    if key in list(Compared):
        return MetricLabel.RESULT.value
    return "le" if key.startswith("le=") else MetricLabel.STATUS.value


def _metric(key: str) -> str:
    if key in list(Compared):
        return ServingMetric.COPIES.value
    is_bucket = key.startswith("le=")
    return f"{ServingMetric.LATENCY}_bucket" if is_bucket else ServingMetric.REQUESTS.value
