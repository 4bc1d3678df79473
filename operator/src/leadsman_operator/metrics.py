"""The operator's own metrics; the series of a resource end with it.

What a resource is now is read from its last status when Prometheus asks; what happened to it is
counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector

from leadsman_api.labels import Arm
from leadsman_api.metrics import MetricLabel, OperatorMetric
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1 import ModelDeploymentStatus, TrainingRunStatus
from leadsman_operator.facts import ObjectRef
from leadsman_operator.reconcile import Reconciled
from leadsman_operator.side_ports import Page

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ABOUT = (MetricLabel.NAMESPACE.value, MetricLabel.NAME.value)

AnyStatus = ModelDeploymentStatus | TrainingRunStatus


@dataclass(slots=True)
class _Series:
    """What is known of one resource."""

    status: AnyStatus | None = None
    verdicts: Counter[str] = field(default_factory=Counter)
    rollbacks: Counter[str] = field(default_factory=Counter)
    promotions: int = 0


class OperatorMetrics:
    """Counts what reconciles report, and answers Prometheus."""

    def __init__(self, version: str, registry_ages: Callable[[], Mapping[str, float]]) -> None:
        """`registry_ages` gives the seconds since each registry last answered, by address."""
        self.leading = False
        self._registry_ages = registry_ages
        self._series: dict[ObjectRef, _Series] = {}
        self._errors: Counter[tuple[str, str]] = Counter()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        build = Info("leadsman_build", "The build that runs.", registry=self._registry)
        build.info({"component": "operator", "version": version})
        self._reconciles = Histogram(
            OperatorMetric.RECONCILES.value,
            OperatorMetric.RECONCILES.sentence,
            (MetricLabel.KIND.value,),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(self)

    def reconciled(self, ref: ObjectRef, outcome: Reconciled, seconds: float) -> None:
        """A reconcile has ended, perhaps with an error that was foreseen."""
        self._reconciles.labels(ref.kind).observe(seconds)
        if outcome.error is not None:
            self._errors[ref.kind, outcome.error.reason] += 1
            return
        series = self._series.setdefault(ref, _Series())
        series.status = outcome.after
        if isinstance(outcome.after, ModelDeploymentStatus):
            _count(series, outcome, outcome.after)

    def failed(self, ref: ObjectRef) -> None:
        """A reconcile has ended in a way that nobody foresaw."""
        self._errors[ref.kind, Reason.INTERNAL_ERROR] += 1

    def gone(self, ref: ObjectRef) -> None:
        """The resource is no more, and its series end."""
        self._series.pop(ref, None)

    def page(self) -> Page:
        """All metrics in the form of Prometheus."""
        return Page(generate_latest(self._registry), content_type=CONTENT_TYPE_LATEST)

    def collect(self) -> Iterator[Metric]:
        """What is true now."""
        leader = OperatorMetric.LEADER
        yield GaugeMetricFamily(leader.value, leader.sentence, value=int(self.leading))
        ages = _gauge(OperatorMetric.REGISTRY_AGE, MetricLabel.REGISTRY)
        for address, seconds in self._registry_ages().items():
            ages.add_metric([address], seconds)
        errors = _counter(OperatorMetric.ERRORS, MetricLabel.KIND, MetricLabel.REASON)
        for (kind, reason), count in self._errors.items():
            errors.add_metric([kind, reason], count)
        yield from (ages, errors)
        yield from self._of_resources()

    def _of_resources(self) -> Iterator[Metric]:
        phases = _gauge(OperatorMetric.PHASE, MetricLabel.KIND, *_ABOUT, MetricLabel.PHASE)
        weights = _gauge(OperatorMetric.WEIGHT, *_ABOUT, MetricLabel.ARM)
        evidence = _gauge(OperatorMetric.EVIDENCE, *_ABOUT)
        trials = _gauge(OperatorMetric.TRIALS, *_ABOUT, MetricLabel.STATE)
        verdicts = _counter(OperatorMetric.VERDICTS, *_ABOUT, MetricLabel.VERDICT)
        rollbacks = _counter(OperatorMetric.ROLLBACKS, *_ABOUT, MetricLabel.REASON)
        promotions = _counter(OperatorMetric.PROMOTIONS, *_ABOUT)
        for ref, series in self._series.items():
            about, status = [ref.namespace, ref.name], series.status
            if status is not None and status.phase is not None:
                phases.add_metric([ref.kind, *about, status.phase], 1)
            if isinstance(status, TrainingRunStatus):
                _add(trials, about, _trials(status))
                continue
            _add(weights, about, _weights(status))
            if status is not None and status.evidence and status.evidence.log_evidence is not None:
                evidence.add_metric(about, status.evidence.log_evidence)
            _add(verdicts, about, series.verdicts)
            _add(rollbacks, about, series.rollbacks)
            promotions.add_metric(about, series.promotions)
        yield from (phases, weights, evidence, trials, verdicts, rollbacks, promotions)


def _count(series: _Series, outcome: Reconciled, after: ModelDeploymentStatus) -> None:
    """What happened in this one reconcile."""
    before = outcome.before if isinstance(outcome.before, ModelDeploymentStatus) else None
    judged = after.evidence
    if judged is not None and (before is None or before.evidence != judged):
        series.verdicts[judged.verdict] += 1
    for event in outcome.events:
        if event.reason is Reason.PROMOTED:
            series.promotions += 1
        elif event.reason is Reason.ROLLED_BACK:
            series.rollbacks[after.blocked[0].reason if after.blocked else event.reason] += 1


def _weights(status: ModelDeploymentStatus | None) -> dict[str, int]:
    """Percent of the traffic by arm; of a deployment that serves nothing there is none."""
    if status is None or status.stable is None:
        return {}
    weight = status.weight or 0
    return {Arm.STABLE.value: 100 - weight, Arm.CANDIDATE.value: weight}


def _trials(status: TrainingRunStatus) -> dict[str, int]:
    counts = status.trials
    if counts is None:
        return {}
    return {
        "complete": counts.complete,
        "pruned": counts.pruned,
        "failed": counts.failed,
        "running": counts.running,
        "disrupted": counts.disrupted,
    }


def _add(
    family: GaugeMetricFamily | CounterMetricFamily,
    about: list[str],
    values: Mapping[str, float],
) -> None:
    for label, value in values.items():
        family.add_metric([*about, label], value)


def _gauge(metric: OperatorMetric, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.value, metric.sentence, labels=[str(label) for label in labels])


def _counter(metric: OperatorMetric, *labels: str) -> CounterMetricFamily:
    names = [str(label) for label in labels]
    return CounterMetricFamily(metric.value, metric.sentence, labels=names)
