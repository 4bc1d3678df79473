"""The labels that came of a revision's answers before a rollout, as a Prometheus remembers them.

Labels come in minutes or days, so they are read for a week, in steps of the judge's batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from leadsman_api import ModelDeployment
from leadsman_api.v1alpha1.health import WrongAnswers
from leadsman_operator.errors import Refused, Unreachable
from leadsman_operator.facts import PastCount, Unknown
from leadsman_operator.observe.labelled import labelled_conditions, labelled_counts
from leadsman_operator.observe.past import by_moment, increments
from leadsman_operator.planner.judge.questions import labelled_query, wrong_query
from leadsman_operator.planner.judge.remembering import LABELS_SECONDS
from leadsman_operator.ports import Endpoint, Metrics

SPAN = timedelta(days=7)
"""How far back they are read: a week has all of its days."""
STEP = timedelta(seconds=LABELS_SECONDS)


async def past_labels_of_prometheus(
    resource: ModelDeployment,
    revision: str,
    prometheus: tuple[Metrics, Endpoint],
    until: datetime,
) -> tuple[PastCount, ...] | Unknown:
    """What came between two moments, for one condition after the other.

    Unknown when no answer came, and nothing of a condition whose query was refused: it would be
    again.
    """
    found: list[PastCount] = []
    for condition in labelled_conditions(resource):
        try:
            found += await _labels(resource, condition, revision, prometheus, until)
        except Unreachable as error:
            return Unknown(error.reason, error.message)
        except Refused:
            continue
    return tuple(found)


async def _labels(
    resource: ModelDeployment,
    condition: WrongAnswers,
    revision: str,
    prometheus: tuple[Metrics, Endpoint],
    until: datetime,
) -> Iterator[PastCount]:
    metrics, endpoint = prometheus
    asked = (resource, condition.metrics, (revision,))
    labelled, wrong = [
        by_moment(await metrics.past(endpoint, query, until, SPAN, STEP))
        for query in (labelled_query(*asked), wrong_query(*asked))
    ]
    return increments(
        (at, tuple(labelled_counts(condition, told, wrong.get(at, ()), (revision,), at)))
        for at, told in labelled.items()
    )
