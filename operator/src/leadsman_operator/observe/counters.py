"""From samples to the raw counters of each pod."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from leadsman_api.metrics import Compared, MetricLabel, ServingMetric
from leadsman_api.v1alpha1.evidence import LARGEST_TOTAL
from leadsman_api.v1alpha1.health import AnswerMetrics, RequestMetrics
from leadsman_operator.facts import PodCount, Sample
from leadsman_operator.planner.names import pod_prefix

PodOfRevision: TypeAlias = tuple[str, str]
"""The pod that counts, and the revision that it counts for."""

MOST_BOUNDS = 56
"""So many buckets have room in the status, beside the classes of answers and compared copies."""
_OURS = RequestMetrics()
"""What copies are counted by, whatever counts the requests."""
_COMPARED = (Compared.SAME, Compared.DIFFERENT)
_NAME = "__name__"
_BUCKET = "le"
_STATUS = re.compile(r"([1-5])(xx|XX|[0-9]{2})")
_ALL_TIMED = "le=+Inf"
_SHORTEST, _LONGEST = 0.0002, 70.0
"""Bounds between which the time of an answer tells anything, in seconds."""


def pod_counts(
    samples: Iterable[Sample], metrics: RequestMetrics, arms: Sequence[str], now: datetime
) -> tuple[PodCount, ...]:
    """The samples of one moment, gathered by pod; those of no revision in `arms` are left out."""
    answers, times, native = _sums(), _sums(), _sums()
    for sample in samples:
        copied = sample.labels.get(_NAME) == ServingMetric.COPIES
        whose = pod_and_revision(sample.labels, _OURS if copied else metrics, arms)
        if whose is None or not 0 <= sample.value <= LARGEST_TOTAL:
            continue
        if copied:
            result = sample.labels.get(MetricLabel.RESULT, "")
            # Of most pods nothing was compared ever: that takes no room in the status.
            if result in _COMPARED and sample.value:
                answers[whose][result] = sample.value
            continue
        name, bound = sample.labels.get(_NAME), _bound(sample.labels, metrics)
        status = _STATUS.fullmatch(sample.labels.get(metrics.labels.status, ""))
        if name == metrics.requests and status is not None:
            answers[whose][f"{status[1]}xx"] += sample.value
        elif name == f"{metrics.latency}_bucket" and bound is not None:
            times[whose][bound] += sample.value
        elif name == metrics.latency and bound is not None:
            native[whose][bound] += sample.value
    # Of a histogram in both forms the classic one counts: somebody chose its bounds.
    return tuple(
        PodCount(*whose, now, {**answers[whose], **_thinned(times[whose] or native[whose])})
        for whose in sorted({*answers, *times, *native})
    )


def _sums() -> defaultdict[PodOfRevision, defaultdict[str, float]]:
    return defaultdict(lambda: defaultdict(float))


def pod_and_revision(
    labels: Mapping[str, str], metrics: RequestMetrics | AnswerMetrics, arms: Sequence[str]
) -> tuple[str, str] | None:
    """Which pod counts, and for which revision; None where that can't be told.

    Where others than its pods count for a revision, each of them is told apart by both.
    """
    pod, label = labels.get(metrics.labels.pod, ""), metrics.labels.revision
    if label is None:
        revision = next((arm for arm in arms if pod.startswith(pod_prefix(arm))), None)
        return (pod, revision) if revision is not None else None
    named = labels.get(label, "")
    if named not in arms:
        return None
    return (pod if pod.startswith(pod_prefix(named)) else f"{named} at {pod}", named)


def _bound(labels: Mapping[str, str], metrics: RequestMetrics) -> str | None:
    """The name of a bucket's counter, with its bound in seconds; None for what is none of use."""
    try:
        seconds = float(labels[_BUCKET]) * metrics.latency_unit.seconds
    except (KeyError, ValueError):
        return None
    if seconds == math.inf:
        return _ALL_TIMED
    return f"le={seconds:g}" if _SHORTEST <= seconds <= _LONGEST else None


def _thinned(times: Mapping[str, float]) -> dict[str, float]:
    """Answers within each bound; of very many bounds some."""
    bounds = sorted(times.keys() - {_ALL_TIMED}, key=lambda name: float(name[3:]))
    kept = [*bounds[:: max(1, -(-len(bounds) // MOST_BOUNDS))], _ALL_TIMED]
    return {name: times[name] for name in kept if name in times}
