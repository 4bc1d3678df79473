"""The numbers of the user's own conditions, as Prometheus gives them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from leadsman_operator.facts import Sample, Unknown
from leadsman_operator.observe.measurements import read_queries
from leadsman_operator.ports import Endpoint
from support.deployments import Bench, a_deployment, a_version

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ENDPOINT = Endpoint("http://prometheus:9090")


@dataclass(frozen=True)
class Prometheus:
    """It gives these numbers, whatever it is asked."""

    numbers: Sequence[float]

    async def query(self, endpoint: Endpoint, query: str, at: datetime) -> Sequence[Sample]:
        """A vector of the numbers."""
        assert (endpoint, query) == (ENDPOINT, "errors / requests")
        return [Sample({}, number, at) for number in self.numbers]

    async def past(
        self, endpoint: Endpoint, query: str, until: datetime, span: timedelta, step: timedelta
    ) -> Sequence[Sample]:
        """Nobody asks for the past here."""
        raise AssertionError((endpoint, query, until, span, step))


def answer(*numbers: float) -> float | Unknown:
    """What the condition of a rollout is told."""
    condition = {"name": "own", "type": "PromQL", "query": "errors / requests", "max": 1}
    bench = Bench(resource=a_deployment(health={"conditions": [condition]}))
    bench.settle()
    bench.version = a_version(2)
    bench.plan()
    found = asyncio.run(read_queries(bench.resource, ENDPOINT, Prometheus(numbers), NOW))
    return found["own"]


def test_one_number_is_told() -> None:
    """And series without one beside it are none."""
    assert answer(0.5) == 0.5
    assert answer(math.nan, 0.5) == 0.5


@pytest.mark.parametrize(
    "numbers", [(), (0.5, 0.6), (math.nan,), (math.inf,), (-math.inf,)], ids=str
)
def test_what_is_not_one_number_is_unknown(numbers: Sequence[float]) -> None:
    """So is a division by nothing: the status can't hold its result, and it shows no harm."""
    assert isinstance(answer(*numbers), Unknown)
