"""What a stable revision did before a rollout, from the numbers that Prometheus keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from leadsman_api.reasons import Reason
from leadsman_operator.errors import Refused, Unreachable
from leadsman_operator.facts import PastCount, Sample, Unknown
from leadsman_operator.observe.past import SPAN, past_of_prometheus
from leadsman_operator.ports import Endpoint
from support.deployments import a_deployment

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ENDPOINT = Endpoint("http://prometheus:9090")
INTERVAL = timedelta(seconds=15)


@dataclass
class Prometheus:
    """What it read of each pod: the answers so far, one number each 15 seconds, None for none."""

    pods: dict[str, list[int | None]]
    error: Exception | None = None
    steps: list[timedelta] = field(default_factory=list)

    async def query(self, endpoint: Endpoint, query: str, at: datetime) -> Sequence[Sample]:
        """Nobody asks for the present here."""
        raise AssertionError((endpoint, query, at))

    async def past(
        self, endpoint: Endpoint, query: str, until: datetime, span: timedelta, step: timedelta
    ) -> Sequence[Sample]:
        """All that was read."""
        assert (endpoint, until, span) == (ENDPOINT, NOW, SPAN)
        assert "churn-1" in query
        self.steps.append(step)
        if self.error is not None:
            raise self.error
        labels = {"__name__": "leadsman_requests_total", "status": "2xx"}
        return [
            Sample({**labels, "pod": pod}, float(number), NOW - 60 * INTERVAL + index * INTERVAL)
            for pod, numbers in self.pods.items()
            for index, number in enumerate(numbers)
            if number is not None
        ]


def past(prometheus: Prometheus, pods: int = 2) -> tuple[PastCount, ...] | Unknown:
    """What the operator makes of it."""
    return asyncio.run(
        past_of_prometheus(a_deployment(), "churn-1", pods, (prometheus, ENDPOINT), INTERVAL, NOW)
    )


def test_pods_are_counted_together_between_two_moments() -> None:
    """One that starts anew counts from zero; one that was not seen before brings nothing yet."""
    found = past(Prometheus({"churn-1-a": [10, 14, 2], "churn-1-b": [None, 100, 103]}))
    assert found == (PastCount(15, {"2xx": 4}), PastCount(15, {"2xx": 5}))


def test_a_moment_without_a_number_makes_a_longer_one() -> None:
    """A scrape that failed loses nothing of what was counted."""
    found = past(Prometheus({"churn-1-a": [10, None, 18]}))
    assert found == (PastCount(30, {"2xx": 8}),)


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (
            Unreachable(Reason.METRICS_UNREACHABLE, "it is down"),
            Unknown(Reason.METRICS_UNREACHABLE, "it is down"),
        ),
        (Refused(Reason.QUERY_FAILED, "too many samples"), ()),
    ],
)
def test_what_is_refused_is_not_asked_again(
    error: Exception, found: tuple[PastCount, ...] | Unknown
) -> None:
    """What got no answer is unknown, and nothing is known of what is refused."""
    assert past(Prometheus({}, error)) == found


def test_of_many_pods_fewer_moments_are_asked_for() -> None:
    """The answer of Prometheus stays small: each pod has 35 series."""
    prometheus = Prometheus({})
    past(prometheus)
    past(prometheus, pods=100)
    few, many = prometheus.steps
    assert few == INTERVAL
    assert many == timedelta(seconds=252)
