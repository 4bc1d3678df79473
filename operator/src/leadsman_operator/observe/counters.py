"""From samples to the raw counters of each pod."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from leadsman_api.metrics import MetricLabel
from leadsman_operator.facts import PodCount, Sample

POD_LABEL = "pod"
"""By which Prometheus knows a pod."""
_BUCKET = "le"
_STATUS_CLASS = re.compile(r"[1-5]xx")


def pod_counts(samples: Iterable[Sample]) -> tuple[PodCount, ...]:
    """The samples of one moment, gathered by pod."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    at = None
    for sample in samples:
        pod, revision = sample.labels.get(POD_LABEL), sample.labels.get(MetricLabel.REVISION)
        counter = _counter(sample.labels)
        if not pod or not revision or counter is None or not math.isfinite(sample.value):
            continue
        at = at or sample.at
        counters = found.setdefault((pod, revision), {})
        counters[counter] = counters.get(counter, 0.0) + sample.value
    if at is None:
        return ()
    return tuple(
        PodCount(pod=pod, revision=revision, at=at, counters=counters)
        for (pod, revision), counters in sorted(found.items())
    )


def _counter(labels: Mapping[str, str]) -> str | None:
    """What a sample counts, by the names of `PodCount`; None for nothing of ours."""
    bucket, status = labels.get(_BUCKET), labels.get(MetricLabel.STATUS)
    if bucket is not None:
        return _bucket(bucket)
    return status if status is not None and _STATUS_CLASS.fullmatch(status) else None


def _bucket(bound: str) -> str | None:
    try:
        seconds = float(bound)
    except ValueError:
        return None
    if math.isnan(seconds):
        return None
    return "le=+Inf" if math.isinf(seconds) else f"le={seconds:g}"
