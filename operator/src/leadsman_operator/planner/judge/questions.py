"""What Prometheus is asked, for the counters of the pods and for conditions of the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from leadsman_api import ModelDeployment
from leadsman_api.metrics import ServingMetric
from leadsman_api.v1alpha1.health import AnswerMetrics, PromQL, RequestMetrics
from leadsman_operator.planner.names import pod_prefix


def counters_query(resource: ModelDeployment, metrics: RequestMetrics, arms: Sequence[str]) -> str:
    """The raw counters of every pod of the revisions `arms`: answers, and times in buckets.

    Raw counters as one instant vector, to be differenced here: rate() and increase() extrapolate
    and need two samples in their window (notes of Prometheus on counters). A native histogram
    goes by its plain name, the buckets of a classic one by theirs.
    """
    names = (metrics.requests, metrics.latency, f"{metrics.latency}_bucket")
    matchers = (f'__name__=~"{"|".join(names)}"', *_matchers(resource, metrics, arms))
    return f"{{{','.join(matchers)}}}"


def copies_query(resource: ModelDeployment, candidate: str) -> str:
    """What the candidate's pods say of the copies that they have compared.

    Always of our own metrics: nothing else can compare answers.
    """
    matchers = ",".join(_matchers(resource, RequestMetrics(), (candidate,)))
    return f"{ServingMetric.COPIES}{{{matchers}}}"


def scrapes_query(resource: ModelDeployment, metrics: RequestMetrics, arms: Sequence[str]) -> str:
    """When the counters of each pod were read, in seconds since 1970.

    The samples of an instant vector carry the time of the query, and may be five minutes old.
    """
    series = f"{metrics.requests}{{{','.join(_matchers(resource, metrics, arms))}}}"
    return f"min by ({_counting(metrics)}) (timestamp({series}))"


def labelled_query(resource: ModelDeployment, metrics: AnswerMetrics, arms: Sequence[str]) -> str:
    """Labelled answers of the revisions `arms`, by each of those who count them."""
    return f"sum by ({_counting(metrics)}) ({_labelled(resource, metrics, arms)})"


def wrong_query(resource: ModelDeployment, metrics: AnswerMetrics, arms: Sequence[str]) -> str:
    """Those of them that were wrong."""
    matchers = (*_matchers(resource, metrics, arms), *(metrics.wrong_matchers or ()))
    series = f"{metrics.wrong or metrics.labelled}{{{','.join(matchers)}}}"
    return f"sum by ({_counting(metrics)}) ({series})"


def labelled_scrapes_query(
    resource: ModelDeployment, metrics: AnswerMetrics, arms: Sequence[str]
) -> str:
    """When they were read, in seconds since 1970."""
    series = _labelled(resource, metrics, arms)
    return f"min by ({_counting(metrics)}) (timestamp({series}))"


def _labelled(resource: ModelDeployment, metrics: AnswerMetrics, arms: Sequence[str]) -> str:
    return f"{metrics.labelled}{{{','.join(_matchers(resource, metrics, arms))}}}"


def _counting(metrics: RequestMetrics | AnswerMetrics) -> str:
    """Labels by which those who count are told apart."""
    labels = metrics.labels
    return ",".join(label for label in (labels.pod, labels.revision) if label)


def _matchers(
    resource: ModelDeployment, metrics: RequestMetrics | AnswerMetrics, arms: Sequence[str]
) -> Iterator[str]:
    labels = metrics.labels
    yield f'{labels.namespace}="{resource.metadata.namespace or "default"}"'
    if labels.revision is not None:
        yield f'{labels.revision}=~"{"|".join(arms)}"'
    else:
        yield f'{labels.pod}=~"{"|".join(f"{pod_prefix(arm)}.*" for arm in arms)}"'
    yield from metrics.matchers


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
