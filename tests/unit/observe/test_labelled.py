"""Labelled answers as Prometheus tells them: who counted, for which revision, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadsman_api import ModelDeployment
from leadsman_api.labels import Arm
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import LARGEST_TOTAL, Evidence, PodCounters, Verdict
from leadsman_operator.errors import Refused, Unreachable
from leadsman_operator.facts import Counts, PastCount, PodCount, Sample, Unknown
from leadsman_operator.observe.past_labels import SPAN, STEP, past_labels_of_prometheus
from leadsman_operator.observe.scraped_pods import counts_of_prometheus
from leadsman_operator.ports import Endpoint
from support.deployments import a_deployment

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
ENDPOINT = Endpoint("http://prometheus:9090")
REFUSED = Refused(Reason.QUERY_FAILED, "Prometheus refused the query: parse error")
COUNTERS = {"labelled": "outcomes_total", "wrong": "wrong_total"}
Joined = dict[tuple[str, str], tuple[float | None, float | None]]
"""Labelled and wrong answers, by who counts and the revision."""


@dataclass
class Prometheus:
    """What it has read of those who count labels; nothing of any pod."""

    joined: Joined
    before: Joined = field(default_factory=dict)
    """A quarter of an hour ago."""
    age_seconds: float = 5
    error: Exception | None = None
    refuses: str | None = None
    """A part of the queries that it does not understand."""
    queries: list[str] = field(default_factory=list)

    async def query(self, endpoint: Endpoint, query: str, at: datetime) -> Sequence[Sample]:
        """What stands now."""
        assert (endpoint, at) == (ENDPOINT, NOW)
        return self._answer(query, self.joined, at)

    async def past(
        self, endpoint: Endpoint, query: str, until: datetime, span: timedelta, step: timedelta
    ) -> Sequence[Sample]:
        """What stood a quarter of an hour ago, and what stands now."""
        assert (endpoint, until, span, step) == (ENDPOINT, NOW, SPAN, STEP)
        earlier = NOW - STEP
        return [*self._answer(query, self.before, earlier), *self._answer(query, self.joined, NOW)]

    def _answer(self, query: str, joined: Joined, at: datetime) -> list[Sample]:
        self.queries.append(query)
        if self.error is not None:
            raise self.error
        if self.refuses is not None and self.refuses in query:
            raise REFUSED
        which = 1 if "wrong" in query.lower() else 0
        if "outcomes_total" not in query and "wrong_total" not in query:
            return []
        read = (NOW - timedelta(seconds=self.age_seconds)).timestamp()
        return [
            Sample({"pod": pod, "revision": revision}, number, at)
            for (pod, revision), pair in joined.items()
            if (number := read if "timestamp(" in query else pair[which]) is not None
        ]


def judged_by(metrics: dict[str, Any], **others: dict[str, Any]) -> ModelDeployment:
    """A deployment with a condition on labels, and others by their names."""
    conditions = [
        {"name": "errors", "type": "ErrorRate", "ratio": 1.5},
        *(
            {"name": name, "type": "WrongAnswers", "ratio": 1.1, "metrics": counted}
            for name, counted in {**others, "quality": metrics}.items()
        ),
    ]
    return a_deployment(health={"conditions": conditions})


TWO = judged_by(COUNTERS, recall={**COUNTERS, "matchers": ['kind=~"("']})
"""Two conditions, of which Prometheus does not understand the first."""


def read(prometheus: Prometheus, resource: ModelDeployment | None = None) -> Counts | Unknown:
    """What the operator makes of it."""
    asked = resource or judged_by(COUNTERS)
    return asyncio.run(
        counts_of_prometheus(asked, ("a", "b"), [], (prometheus, ENDPOINT), INTERVAL, NOW)
    )


def counts(
    prometheus: Prometheus, resource: ModelDeployment | None = None
) -> tuple[PodCount, ...] | Unknown:
    """What was counted, where all of it could be read."""
    found = read(prometheus, resource)
    if isinstance(found, Unknown):
        return found
    assert found.unread == {}
    return found.pods


def past(
    prometheus: Prometheus, resource: ModelDeployment | None = None
) -> tuple[PastCount, ...] | Unknown:
    """What the operator makes of what was before."""
    asked = resource or judged_by(COUNTERS)
    return asyncio.run(past_labels_of_prometheus(asked, "a", (prometheus, ENDPOINT), NOW))


def quality(labelled: float, wrong: float) -> dict[str, float]:
    """Counters of the condition."""
    return {"quality:labelled": labelled, "quality:wrong": wrong}


def test_labels_are_counted_by_revision_and_by_who_counts() -> None:
    """Each of them starts anew by itself; other revisions are none of a rollout's."""
    found = counts(
        Prometheus(
            {
                ("joiner-0", "a"): (90, 9),
                ("joiner-0", "b"): (10, 2),
                ("joiner-1", "b"): (20, 3),
                ("joiner-0", "an-older-one"): (7, 7),
            }
        )
    )
    assert found == (
        PodCount("a at joiner-0 for quality", "a", NOW, quality(90, 9)),
        PodCount("b at joiner-0 for quality", "b", NOW, quality(10, 2)),
        PodCount("b at joiner-1 for quality", "b", NOW, quality(20, 3)),
    )


def test_a_pod_of_the_revision_may_count_its_labels() -> None:
    """Apart from its requests: those are read at another time, by another name."""
    found = counts(Prometheus({("a-1", "a"): (9, 1)}))
    assert found == (PodCount("a-1 for quality", "a", NOW, quality(9, 1)),)


def test_no_wrong_answer_is_counted_before_the_first() -> None:
    """Then its counter may not be there yet; of wrong ones alone no share is known."""
    found = counts(Prometheus({("j", "a"): (9, None), ("j", "b"): (None, 3)}))
    assert found == (PodCount("a at j for quality", "a", NOW, quality(9, 0)),)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1.0, 2.0 * LARGEST_TOTAL])
def test_what_is_no_count_is_left_out(number: float) -> None:
    """Who counts is not ours, and may say anything."""
    assert counts(Prometheus({("j", "a"): (number, 1), ("j", "b"): (9, number)})) == ()


def test_labels_are_asked_for_by_their_names() -> None:
    """One counter may tell right from wrong by a label; other metrics are not asked for."""
    prometheus = Prometheus({})
    metrics = {
        "labelled": "outcomes_total",
        "wrongMatchers": ['correct="false"'],
        "labels": {"namespace": "exported_namespace", "pod": "instance", "revision": "model"},
        "matchers": ['truth!=""'],
    }
    assert counts(prometheus, judged_by(metrics)) == ()
    chosen = 'exported_namespace="ml",model=~"a|b",truth!=""'
    assert [query for query in prometheus.queries if "outcomes" in query] == [
        f"sum by (instance,model) (outcomes_total{{{chosen}}})",
        f'sum by (instance,model) (outcomes_total{{{chosen},correct="false"}})',
        f"min by (instance,model) (timestamp(outcomes_total{{{chosen}}}))",
    ]


def test_without_such_a_condition_nobody_is_asked() -> None:
    """The counters of requests are."""
    prometheus = Prometheus({})
    assert counts(prometheus, a_deployment()) == ()
    assert len(prometheus.queries) == 2


@pytest.mark.parametrize(("age", "news"), [(4.9, True), (5, False)])
def test_only_labels_that_were_read_since_are_news(age: float, *, news: bool) -> None:
    """Of two replicas of Prometheus the other may know less, and nobody has started anew."""
    resource = judged_by(COUNTERS)
    known = PodCounters(
        pod="a at j for quality", arm=Arm.STABLE, at=NOW - timedelta(seconds=5), counters={}
    )
    evidence = Evidence(verdict=Verdict.UNDECIDED, because="x", since=NOW, pods=(known,))
    status = resource.status.model_copy(update={"evidence": evidence})
    prometheus = Prometheus({("j", "a"): (9, 1)}, age_seconds=age)

    found = counts(prometheus, resource.model_copy(update={"status": status}))
    assert isinstance(found, tuple)
    assert bool(found) is news


def test_labels_that_came_seldom_are_not_stale() -> None:
    """Who counts them may be read at other times than the pods are."""
    found = counts(Prometheus({("j", "a"): (9, 1)}, age_seconds=250))
    assert found == (PodCount("a at j for quality", "a", NOW, quality(9, 1)),)


def test_a_prometheus_that_is_down_makes_labels_unknown() -> None:
    """Never nothing."""
    down = Unreachable(Reason.METRICS_UNREACHABLE, "it is down")
    assert counts(Prometheus({}, error=down)) == Unknown(down.reason, down.message)
    assert past(Prometheus({}, error=down)) == Unknown(down.reason, down.message)


def test_a_query_that_is_refused_takes_nothing_from_other_conditions() -> None:
    """It says what Prometheus said."""
    prometheus = Prometheus({("j", "a"): (9, 1)}, refuses="kind=~")
    assert read(prometheus, TWO) == Counts(
        (PodCount("a at j for quality", "a", NOW, quality(9, 1)),), {"recall": REFUSED.message}
    )


def test_the_past_has_the_labels_that_came_in_it() -> None:
    """Of those who counted at both moments."""
    prometheus = Prometheus({("j", "a"): (60, 6), ("k", "a"): (8, 1)}, before={("j", "a"): (50, 4)})
    assert past(prometheus) == (PastCount(900, quality(10, 2)),)


def test_a_past_that_is_refused_is_left_out() -> None:
    """It would be refused again."""
    assert past(Prometheus({}, error=REFUSED)) == ()


def test_a_past_that_is_refused_takes_no_other_week() -> None:
    """Nor one that was read already."""
    joined: Joined = {("j", "a"): (60, 6)}
    asked = judged_by({**COUNTERS, "matchers": ['kind=~"("']}, recall=COUNTERS)
    told = past(Prometheus(joined, before={("j", "a"): (50, 4)}, refuses="kind=~"), asked)
    assert told == (PastCount(900, {"recall:labelled": 10, "recall:wrong": 2}),)
