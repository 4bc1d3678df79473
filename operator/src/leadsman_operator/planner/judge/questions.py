"""What Prometheus is asked, for the counters of the pods and for conditions of the user's own."""

from __future__ import annotations

from collections.abc import Mapping

from leadsman_api import ModelDeployment
from leadsman_api.metrics import MetricLabel, ServingMetric
from leadsman_api.v1alpha1.health import PromQL


def counter_queries(resource: ModelDeployment) -> tuple[str, str]:
    """Queries for the raw counters of every pod: answers by status, and latency buckets.

    Raw counters as instant vectors, to be differenced here: rate() and increase() extrapolate
    and need two samples in their window (notes of Prometheus on counters).
    """
    series = (
        f'{{{MetricLabel.NAMESPACE}="{resource.metadata.namespace}",'
        f'{MetricLabel.NAME}="{resource.metadata.name}"}}'
    )
    return f"{ServingMetric.REQUESTS}{series}", f"{ServingMetric.LATENCY}_bucket{series}"


def condition_queries(resource: ModelDeployment, candidate: str | None) -> Mapping[str, str]:
    """The query of each PromQL condition by its name, with its placeholders filled in.

    `candidate` is the name of the revision on trial; without one nothing is asked.
    """
    if candidate is None:
        return {}
    filled = {
        "$(name)": resource.metadata.name,
        "$(namespace)": resource.metadata.namespace or "default",
        "$(revision)": candidate,
    }
    queries = {}
    for condition in resource.spec.health.conditions:
        if isinstance(condition, PromQL):
            query = condition.query
            for placeholder, value in filled.items():
                query = query.replace(placeholder, value)
            queries[condition.name] = query
    return queries
