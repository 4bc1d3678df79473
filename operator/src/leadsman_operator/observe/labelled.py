"""Labelled answers as a Prometheus has them: counted by whoever learns what would have been right.

A label comes minutes or days after its answer, so that counter belongs to no pod of the model:
each of those who count is told apart, for it starts anew by itself.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from leadsman_api import ModelDeployment
from leadsman_api.v1alpha1.evidence import LARGEST_TOTAL
from leadsman_api.v1alpha1.health import WrongAnswers
from leadsman_operator.errors import Refused
from leadsman_operator.facts import PodCount, Sample
from leadsman_operator.observe.counters import PodOfRevision, pod_and_revision
from leadsman_operator.planner.judge.counting import labelled_counter, wrong_counter
from leadsman_operator.planner.judge.questions import (
    labelled_query,
    labelled_scrapes_query,
    wrong_query,
)
from leadsman_operator.ports import Endpoint, Metrics

Scrapes = Mapping[PodOfRevision, datetime]
"""When each was read."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What is known of labelled answers."""

    counts: tuple[PodCount, ...]
    scrapes: Scrapes
    unread: Mapping[str, str]
    """What Prometheus said where it refused, by the name of the condition."""


def labelled_conditions(resource: ModelDeployment) -> tuple[WrongAnswers, ...]:
    """The conditions that labelled answers decide."""
    conditions = resource.spec.health.conditions
    return tuple(one for one in conditions if isinstance(one, WrongAnswers))


async def labelled_of_prometheus(
    resource: ModelDeployment,
    arms: Sequence[str],
    prometheus: tuple[Metrics, Endpoint],
    now: datetime,
) -> Labelled:
    """What is known of the answers of the revisions `arms`; raises Unreachable.

    A condition whose query is refused takes nothing from the others.
    """
    counts: list[PodCount] = []
    scrapes: dict[PodOfRevision, datetime] = {}
    unread: dict[str, str] = {}
    for condition in labelled_conditions(resource):
        try:
            found, read = await _labels(resource, condition, arms, prometheus, now)
        except Refused as error:
            unread[condition.name] = error.message
        else:
            counts.extend(found)
            scrapes.update(read)
    return Labelled(tuple(counts), scrapes, unread)


async def _labels(
    resource: ModelDeployment,
    condition: WrongAnswers,
    arms: Sequence[str],
    prometheus: tuple[Metrics, Endpoint],
    now: datetime,
) -> tuple[Iterator[PodCount], Scrapes]:
    metrics, endpoint = prometheus
    asked = (resource, condition.metrics, arms)
    labelled, wrong, times = await asyncio.gather(
        metrics.query(endpoint, labelled_query(*asked), now),
        metrics.query(endpoint, wrong_query(*asked), now),
        metrics.query(endpoint, labelled_scrapes_query(*asked), now),
    )
    scrapes = {
        whose: datetime.fromtimestamp(seconds, tz=UTC)
        for whose, seconds in _by_whom(condition, times, arms).items()
    }
    return labelled_counts(condition, labelled, wrong, arms, now), scrapes


def labelled_counts(
    condition: WrongAnswers,
    labelled: Sequence[Sample],
    wrong: Sequence[Sample],
    arms: Sequence[str],
    at: datetime,
) -> Iterator[PodCount]:
    """The samples of one moment, by whoever counts; none are wrong where no counter says so.

    Counters of wrong answers often begin with the first of them.
    """
    bad = _by_whom(condition, wrong, arms)
    for whose, total in _by_whom(condition, labelled, arms).items():
        counters = {
            labelled_counter(condition.name): total,
            wrong_counter(condition.name): bad.get(whose, 0.0),
        }
        if all(0 <= value <= LARGEST_TOTAL for value in counters.values()):
            yield PodCount(*whose, at, counters)


def _by_whom(
    condition: WrongAnswers, samples: Sequence[Sample], arms: Sequence[str]
) -> dict[PodOfRevision, float]:
    """By who counts, and the revision whose answers they are.

    A serving pod that counts its labels too has counters of requests besides, read for
    themselves: so the name says for which condition it counts here.
    """
    found: defaultdict[PodOfRevision, float] = defaultdict(float)
    for sample in samples:
        whose = pod_and_revision(sample.labels, condition.metrics, arms)
        if whose is not None:
            found[f"{whose[0]} for {condition.name}"[:253], whose[1]] += sample.value
    return found
