"""Raw counters of the serving pods as a Prometheus has them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from leadsman_api import ModelDeployment
from leadsman_api.durations import format_duration
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.health import Disagreement, RequestMetrics
from leadsman_operator.errors import EdgeError
from leadsman_operator.facts import Counts, PodCount, PodFacts, Sample, Unknown
from leadsman_operator.observe.counters import pod_and_revision, pod_counts
from leadsman_operator.observe.labelled import Scrapes, labelled_of_prometheus
from leadsman_operator.planner.judge.questions import (
    copies_query,
    counters_query,
    scrapes_query,
)
from leadsman_operator.planner.observation import request_metrics
from leadsman_operator.ports import Endpoint, Metrics

_MOST_INTERVALS = 2
"""Counts that are older than so many scrapes are stale."""


async def counts_of_prometheus(
    resource: ModelDeployment,
    arms: Sequence[str],
    pods: Sequence[PodFacts],
    prometheus: tuple[Metrics, Endpoint],
    interval: timedelta,
    now: datetime,
) -> Counts | Unknown:
    """What Prometheus knows of the revisions `arms`, stable and candidate, both at one time.

    Unknown when a pod's counts are older than two scrapes of `interval`: what the other arm has
    counted since would be compared with nothing.
    """
    layout = request_metrics(resource)
    metrics, endpoint = prometheus
    asked = [counters_query(resource, layout, arms), scrapes_query(resource, layout, arms)]
    if any(isinstance(one, Disagreement) for one in resource.spec.health.conditions):
        asked.append(copies_query(resource, arms[-1]))
    try:
        labelled, (samples, times, *copies) = await asyncio.gather(
            labelled_of_prometheus(resource, arms, prometheus, now),
            asyncio.gather(*(metrics.query(endpoint, query, now) for query in asked)),
        )
    except EdgeError as error:
        return Unknown(error.reason, error.message)
    counted = [*samples, *(sample for one in copies for sample in one)]
    counts = (*pod_counts(counted, layout, arms, now), *labelled.counts)
    scrapes = {**_scrapes(times, layout, arms), **labelled.scrapes}
    stale = next(_stale(counts, scrapes, pods, interval, now), None)
    return stale or Counts(tuple(_news(counts, scrapes, resource)), labelled.unread)


def _scrapes(times: Sequence[Sample], layout: RequestMetrics, arms: Sequence[str]) -> Scrapes:
    found = {pod_and_revision(sample.labels, layout, arms): sample.value for sample in times}
    return {
        whose: datetime.fromtimestamp(seconds, tz=UTC)
        for whose, seconds in found.items()
        if whose is not None
    }


def _stale(
    counts: Sequence[PodCount],
    scrapes: Scrapes,
    pods: Sequence[PodFacts],
    interval: timedelta,
    now: datetime,
) -> Iterator[Unknown]:
    """Pods that are there, and of which nothing new has come; those that went have said all."""
    there = {pod.name for pod in pods}
    for count in counts:
        scraped = scrapes.get((count.pod, count.revision), now)
        if count.pod in there and now - scraped > _MOST_INTERVALS * interval:
            age = timedelta(seconds=round((now - scraped).total_seconds()))
            yield Unknown(
                Reason.METRICS_STALE,
                f"the counts of pod {count.pod} in Prometheus are {format_duration(age)} old:"
                f" it is to read them every {format_duration(interval)}",
            )


def _news(
    counts: Sequence[PodCount], scrapes: Scrapes, resource: ModelDeployment
) -> Iterator[PodCount]:
    """The counts that were read since the last look.

    Of two replicas of Prometheus behind one address the other may have read earlier: counts that
    go back would look like those of a pod that started anew.
    """
    evidence = resource.status.evidence
    last = {pod.pod: pod.at for pod in evidence.pods} if evidence is not None else {}
    for count in counts:
        scraped, before = scrapes.get((count.pod, count.revision)), last.get(count.pod)
        if scraped is None or before is None or scraped > before:
            yield count
