"""What is measured of a ModelDeployment's pods, and by the user's own conditions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from leadsman_api import ModelDeployment
from leadsman_api.reasons import Reason
from leadsman_operator.errors import EdgeError
from leadsman_operator.facts import Counts, Missing, PastCount, PodFacts, Unknown
from leadsman_operator.observe.labelled import labelled_conditions
from leadsman_operator.observe.past import past_of_prometheus
from leadsman_operator.observe.past_labels import past_labels_of_prometheus
from leadsman_operator.observe.scraped_pods import counts_of_prometheus
from leadsman_operator.observe.secret_values import secret_values
from leadsman_operator.observe.serving_pods import counts_of_pods
from leadsman_operator.planner.judge.questions import condition_queries
from leadsman_operator.planner.judge.remembering import past_wanted_until
from leadsman_operator.planner.judge.resting import is_due, past_of
from leadsman_operator.planner.observation import Configuration, scrape_interval
from leadsman_operator.ports import Endpoint, Metrics, World


async def metrics_endpoint(
    resource: ModelDeployment, world: World, configuration: Configuration
) -> Endpoint | Missing | Unknown:
    """The Prometheus of a resource: its own, or the operator's; Missing when there is none."""
    own = resource.spec.health.prometheus
    if own is None:
        if configuration.prometheus_url is None:
            return Missing(
                Reason.METRICS_UNREACHABLE,
                "the operator knows no Prometheus: write spec.health.prometheus.url",
            )
        return Endpoint(configuration.prometheus_url)
    if own.secret_ref is None:
        return Endpoint(own.url)
    namespace = resource.metadata.namespace or "default"
    values = await secret_values(world.cluster, namespace, own.secret_ref.name)
    if values is None:
        return Unknown(Reason.METRICS_UNREACHABLE, f"there is no Secret {own.secret_ref.name}")
    return Endpoint(own.url, values)


async def read_counts(
    resource: ModelDeployment,
    endpoint: Endpoint | Missing | Unknown,
    pods: Sequence[PodFacts],
    world: World,
    configuration: Configuration,
    now: datetime,
) -> Counts | Unknown:
    """Raw counters of each pod, from Prometheus or the pods.

    A rollout needs them; at rest those of the stable pods now and then, where no Prometheus will
    know what they were.
    """
    stable, candidate = resource.status.stable, resource.status.candidate
    if stable is None:
        return Counts()
    if candidate is None:
        due = isinstance(endpoint, Missing) and is_due(resource.status.past, stable.name, now)
        if not due:
            return Counts()
        found = await counts_of_pods((stable.name,), pods, world.pages, now, whole=False)
        return found if isinstance(found, Unknown) else Counts(found)
    arms = (stable.name, candidate.name)
    match endpoint:
        case Unknown():
            return endpoint
        case Missing():
            evidence = resource.status.evidence
            # What a pod counted before the rollout is told apart by the first look alone.
            first_look = evidence is None or evidence.updated_at is None
            found = await counts_of_pods(arms, pods, world.pages, now, whole=first_look)
            unread = {one.name: endpoint.message for one in labelled_conditions(resource)}
            return found if isinstance(found, Unknown) else Counts(found, unread)
        case Endpoint():
            interval = scrape_interval(resource, configuration)
            prometheus = (world.metrics, endpoint)
            return await counts_of_prometheus(resource, arms, pods, prometheus, interval, now)


async def read_past(
    resource: ModelDeployment,
    endpoint: Endpoint | Missing | Unknown,
    pods: Sequence[PodFacts],
    world: World,
    configuration: Configuration,
    now: datetime,
) -> tuple[PastCount, ...] | Unknown:
    """What the stable revision counted before a rollout: by Prometheus, or at rest."""
    until, stable = _past_wanted(resource, now), resource.status.stable
    if until is None or stable is None:
        return ()
    match endpoint:
        case Unknown():
            return ()
        case Missing():
            return past_of(resource.status.past, stable.name)
        case Endpoint():
            interval = scrape_interval(resource, configuration)
            prometheus = (world.metrics, endpoint)
            return await past_of_prometheus(
                resource, stable.name, len(pods), prometheus, interval, until
            )


async def read_past_labels(
    resource: ModelDeployment,
    endpoint: Endpoint | Missing | Unknown,
    metrics: Metrics,
    now: datetime,
) -> tuple[PastCount, ...] | Unknown:
    """The labels that came of the stable revision's answers before a rollout."""
    until, stable = _past_wanted(resource, now), resource.status.stable
    if until is None or stable is None or not isinstance(endpoint, Endpoint):
        return ()
    return await past_labels_of_prometheus(resource, stable.name, (metrics, endpoint), until)


def _past_wanted(resource: ModelDeployment, now: datetime) -> datetime | None:
    """Until when a rollout has to be told of what was before; None when it was."""
    if resource.status.candidate is None:
        return None
    return past_wanted_until(resource.status.evidence, resource.spec.health.conditions, now)


async def read_queries(
    resource: ModelDeployment,
    endpoint: Endpoint | Missing | Unknown,
    metrics: Metrics,
    now: datetime,
) -> Mapping[str, float | Unknown]:
    """The number of each condition of the user's own."""
    candidate = resource.status.candidate
    queries = condition_queries(resource, candidate.name if candidate else None)
    numbers = await asyncio.gather(
        *(_number(query, endpoint, metrics, now) for query in queries.values())
    )
    return dict(zip(queries, numbers, strict=True))


async def _number(
    query: str, endpoint: Endpoint | Missing | Unknown, metrics: Metrics, now: datetime
) -> float | Unknown:
    if isinstance(endpoint, Unknown):
        return endpoint
    if isinstance(endpoint, Missing):
        return Unknown(endpoint.reason, endpoint.message)
    try:
        samples = await metrics.query(endpoint, query, now)
    except EdgeError as error:
        return Unknown(error.reason, error.message)
    numbers = [sample.value for sample in samples if math.isfinite(sample.value)]
    if len(numbers) != 1:
        return Unknown(
            Reason.QUERY_FAILED, f"the query gave {len(numbers)} numbers where one was expected"
        )
    return numbers[0]
