"""Which pods answer: the counts at their side ports, read by way of the API server."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from leadsman_api.metrics import ServingMetric
from leadsman_api.ports import METRICS_PATH, Port
from support.kubectl import Kubectl

__all__ = ["Counts", "read_counts", "shares_from"]


@dataclass(frozen=True)
class Counts:
    """Requests that each pod had answered at a time."""

    at: float
    """When the first of them was read, in seconds since 1970."""
    answered: Mapping[str, float]


def read_counts(kubectl: Kubectl, namespace: str, pods: Collection[str]) -> Counts:
    """The counts of those pods that tell them."""
    began = time.time()
    told = {pod: _answered(kubectl, namespace, pod) for pod in pods}
    return Counts(began, {pod: count for pod, count in told.items() if count is not None})


def shares_from(since: float, counts: Sequence[Counts]) -> dict[str, float]:
    """Each pod's part of the answers of all, from the first counts at that time to the last.

    1 is what each would have if all had the same. Raises ValueError without two such counts.
    """
    first, *_, last = [one for one in counts if one.at >= since]
    grown = {pod: count - first.answered.get(pod, 0.0) for pod, count in last.answered.items()}
    even = sum(grown.values()) / len(grown)
    return {pod: growth / even for pod, growth in grown.items()}


def _answered(kubectl: Kubectl, namespace: str, pod: str) -> float | None:
    """What one pod has answered; None while it tells nothing."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}:{int(Port.SERVING_SIDE)}/proxy{METRICS_PATH}"
    told = kubectl.attempt("get", "--raw", path)
    if told.returncode:
        return None
    samples = [
        sample.value
        for family in text_string_to_metric_families(told.stdout)
        for sample in family.samples
        if sample.name == ServingMetric.REQUESTS
    ]
    return sum(samples)
