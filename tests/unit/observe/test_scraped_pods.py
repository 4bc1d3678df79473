"""What is made of a Prometheus that knows little, knows it late, or forgets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from leadsman_api import ModelDeployment
from leadsman_api.labels import Arm
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import Evidence, PodCounters, Verdict
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import PodCount, PodFacts, Sample, Unknown
from leadsman_operator.observe.scraped_pods import counts_of_prometheus
from leadsman_operator.ports import Endpoint
from support.deployments import a_deployment

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
ENDPOINT = Endpoint("http://prometheus:9090")


@dataclass
class Prometheus:
    """What was read of each pod, and how many seconds ago."""

    ages: Mapping[str, float]
    down: bool = False
    queries: list[tuple[str, datetime]] = field(default_factory=list)

    async def query(self, endpoint: Endpoint, query: str, at: datetime) -> Sequence[Sample]:
        """One count of each pod, or when it was read."""
        assert endpoint is ENDPOINT
        self.queries.append((query, at))
        if self.down:
            raise Unreachable(Reason.METRICS_UNREACHABLE, "it is down")
        if "timestamp(" in query:
            return [
                Sample({"pod": pod}, (at - timedelta(seconds=age)).timestamp(), at)
                for pod, age in self.ages.items()
            ]
        labels = {"__name__": "leadsman_requests_total", "status": "2xx"}
        return [Sample({**labels, "pod": pod}, 5, at) for pod in self.ages]

    async def past(
        self, endpoint: Endpoint, query: str, until: datetime, span: timedelta, step: timedelta
    ) -> Sequence[Sample]:
        """No rollout is looked at for the first time here."""
        raise AssertionError((endpoint, query, until, span, step))


def seen_before(**ages: float) -> ModelDeployment:
    """A rollout whose pods were last counted so many seconds ago."""
    pods = tuple(
        PodCounters(
            pod=pod.replace("_", "-"), arm=Arm.STABLE, at=NOW - timedelta(seconds=age), counters={}
        )
        for pod, age in ages.items()
    )
    evidence = Evidence(verdict=Verdict.UNDECIDED, because="x", since=NOW, pods=pods)
    resource = a_deployment()
    status = resource.status.model_copy(update={"evidence": evidence})
    return resource.model_copy(update={"status": status})


def counts(
    prometheus: Prometheus,
    resource: ModelDeployment | None = None,
    there: Sequence[str] = ("a-1", "a-2", "b-1"),
) -> tuple[PodCount, ...] | Unknown:
    """What the operator makes of it."""
    pods = [PodFacts(name, name, {}) for name in there]
    found = asyncio.run(
        counts_of_prometheus(
            resource or a_deployment(), ("a", "b"), pods, (prometheus, ENDPOINT), INTERVAL, NOW
        )
    )
    return found if isinstance(found, Unknown) else found.pods


def names(found: tuple[PodCount, ...] | Unknown) -> list[str]:
    """The pods that were counted."""
    assert not isinstance(found, Unknown), found
    return [count.pod for count in found]


def test_both_arms_are_asked_for_at_one_time() -> None:
    """And when that was read, which an instant vector does not say."""
    prometheus = Prometheus({"a-1": 1, "b-1": 14})

    assert names(counts(prometheus)) == ["a-1", "b-1"]
    pods = 'namespace="ml",pod=~"a-.*|b-.*"'
    both = "leadsman_requests_total|leadsman_request_seconds|leadsman_request_seconds_bucket"
    assert prometheus.queries == [
        (f'{{__name__=~"{both}",{pods}}}', NOW),
        (f"min by (pod) (timestamp(leadsman_requests_total{{{pods}}}))", NOW),
    ]


def test_copies_are_asked_for_where_a_condition_compares_answers() -> None:
    """Of the candidate's own pods, whatever counts the requests."""
    copied = a_deployment(
        traffic={"provider": "GatewayAPI", "routeRef": {"name": "shop"}},
        rollout={"strategy": "Shadow"},
        health={
            "conditions": [{"name": "answers", "type": "Disagreement", "max": 0.1}],
            "prometheus": {"url": "http://p", "metrics": {"requests": "istio_requests_total"}},
        },
    )
    prometheus = Prometheus({"a-1": 1, "b-1": 1})

    counts(prometheus, copied)

    assert prometheus.queries[2:] == [('leadsman_copies_total{namespace="ml",pod=~"b-.*"}', NOW)]


def test_metrics_of_ones_own_are_asked_for_by_their_names() -> None:
    """Names, labels and matchers are those of the spec."""
    resource = a_deployment(
        health={
            "prometheus": {
                "url": "http://p",
                "metrics": {
                    "requests": "istio_requests_total",
                    "latency": "istio_request_duration_milliseconds",
                    "latencyUnit": "Milliseconds",
                    "labels": {
                        "namespace": "destination_workload_namespace",
                        "revision": "destination_workload",
                        "status": "response_code",
                    },
                    "matchers": ['reporter="source"'],
                },
            }
        }
    )
    prometheus = Prometheus({})

    assert counts(prometheus, resource) == ()
    chosen = 'destination_workload_namespace="ml",destination_workload=~"a|b",reporter="source"'
    times = "istio_request_duration_milliseconds"
    assert [query for query, _ in prometheus.queries] == [
        f'{{__name__=~"istio_requests_total|{times}|{times}_bucket",{chosen}}}',
        f"min by (pod,destination_workload) (timestamp(istio_requests_total{{{chosen}}}))",
    ]


def test_a_stale_pod_drops_both_arms() -> None:
    """What stable has counted since would be compared with nothing."""
    assert names(counts(Prometheus({"a-1": 1, "b-1": 30}))) == ["a-1", "b-1"]

    found = counts(Prometheus({"a-1": 1, "b-1": 31}))

    assert found == Unknown(
        Reason.METRICS_STALE,
        "the counts of pod b-1 in Prometheus are 31s old: it is to read them every 15s",
    )


def test_a_pod_that_is_gone_has_said_all() -> None:
    """Prometheus may know it for five minutes more."""
    assert names(counts(Prometheus({"a-1": 1, "b-1": 1, "b-2": 290}))) == ["a-1", "b-1", "b-2"]


@pytest.mark.parametrize(("read", "news"), [(4.9, True), (5, False), (9, False)])
def test_only_what_was_read_since_the_last_look_is_news(read: float, *, news: bool) -> None:
    """A second Prometheus behind the same address may have read before the first."""
    found = counts(Prometheus({"a-1": read, "b-1": 1}), seen_before(a_1=5))

    assert names(found) == (["a-1", "b-1"] if news else ["b-1"])


def test_a_prometheus_that_is_down_is_unknown() -> None:
    """And never nothing."""
    found = counts(Prometheus({}, down=True))

    assert found == Unknown(Reason.METRICS_UNREACHABLE, "it is down")
