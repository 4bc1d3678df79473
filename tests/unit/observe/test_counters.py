"""From samples to counters, and what is made of pods that don't answer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from leadsman_api.labels import Label
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.health import RequestLabels, RequestMetrics, TimeUnit
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import PodCount, PodFacts, Sample, Unknown
from leadsman_operator.observe.counters import MOST_BOUNDS, pod_counts
from leadsman_operator.observe.serving_pods import counts_of_pods

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


OURS = RequestMetrics()
ISTIO = RequestMetrics(
    requests="istio_requests_total",
    latency="istio_request_duration_milliseconds",
    latency_unit=TimeUnit.MILLISECONDS,
    labels=RequestLabels(revision="destination_workload", status="response_code"),
)
ARMS = ("a", "b")


def answered(value: float, status: str, pod: str = "a-1", **labels: str) -> Sample:
    """A count of answers of our server."""
    named = {"__name__": OURS.requests, "pod": pod, "status": status}
    return Sample({**named, **labels}, value, NOW)


def timed(value: float, bound: str, pod: str = "a-1", *, native: bool = False) -> Sample:
    """A count of answers within a time."""
    name = OURS.latency if native else f"{OURS.latency}_bucket"
    return Sample({"__name__": name, "pod": pod, "le": bound}, value, NOW)


def gathered(samples: Sequence[Sample], metrics: RequestMetrics = OURS) -> list[PodCount]:
    """What they count for `a` and `b`."""
    return list(pod_counts(samples, metrics, ARMS, NOW))


def test_samples_are_gathered_by_pod() -> None:
    """What differs in labels that nobody asks for is added up; codes belong to their class."""
    found = gathered(
        [
            answered(3, "2xx", path="/predict"),
            answered(4, "2xx", path="/invocations"),
            answered(1, "503"),
            answered(1, "500"),
            timed(6, "0.10"),
            timed(7, "+Inf"),
            answered(9, "2XX", "b-1"),
        ]
    )

    assert found == [
        PodCount("a-1", "a", NOW, {"2xx": 7, "5xx": 2, "le=0.1": 6, "le=+Inf": 7}),
        PodCount("b-1", "b", NOW, {"2xx": 9}),
    ]


def copied(value: float, result: str, pod: str = "b-1") -> Sample:
    """A count of copies by what came of comparing them."""
    return Sample({"__name__": "leadsman_copies_total", "pod": pod, "result": result}, value, NOW)


@pytest.mark.parametrize("metrics", [OURS, ISTIO], ids=["ours", "istio"])
def test_copies_are_counted_by_our_pods(metrics: RequestMetrics) -> None:
    """Those that were compared, also where a mesh counts the requests."""
    samples = [
        copied(3, "Same"), copied(2, "Different"), copied(4, "Alone"), copied(5, "Dropped"),
        copied(0, "Same", "a-1"), copied(0, "Different", "a-1"), copied(-1, "Same", "b-2"),
    ]  # fmt: skip

    assert gathered(samples, metrics) == [PodCount("b-1", "b", NOW, {"Same": 3, "Different": 2})]


@pytest.mark.parametrize(
    "sample",
    [
        Sample({"__name__": OURS.requests, "pod": "a-1"}, 1, NOW),
        answered(1, "x" * 300),
        answered(1, "2xx\n"),
        answered(1, "0"),
        answered(1, "600"),
        timed(1, "soon"),
        timed(1, "NaN"),
        timed(1, "-1"),
        timed(1, "1e9"),
        answered(float("nan"), "2xx"),
        answered(float("inf"), "2xx"),
        answered(-1, "2xx"),
        answered(1e300, "2xx"),
        answered(1, "2xx", ""),
        answered(1, "2xx", "c-1"),
        answered(1, "2xx", "ab-1"),
        answered(1, "2xx", __name__="another"),
    ],
    ids=str,
)
def test_what_counts_nothing_is_left_out(sample: Sample) -> None:
    """The names of counters stand in the status: nobody else writes what he likes there."""
    assert gathered([sample]) == []


def test_a_classic_histogram_goes_before_a_native_one() -> None:
    """In whatever order they come; the native one serves where it is alone."""
    both = [timed(5, "0.5", native=True), timed(4, "0.25"), timed(6, "+Inf")]
    alone = [timed(7, "0.5", "b-1", native=True)]

    assert gathered([*both, *alone]) == [
        PodCount("a-1", "a", NOW, {"le=0.25": 4, "le=+Inf": 6}),
        PodCount("b-1", "b", NOW, {"le=0.5": 7}),
    ]


def test_of_very_many_buckets_some_are_kept() -> None:
    """So many have room in the status, and the same of each pod."""
    bounds = [str(number / 100) for number in range(1, 400)]
    samples = [timed(1, bound, pod) for bound in (*bounds, "+Inf") for pod in ("a-1", "b-1")]

    first, second = gathered(samples)

    assert first.counters == second.counters
    assert MOST_BOUNDS / 2 < len(first.counters) <= MOST_BOUNDS + 1
    assert "le=+Inf" in first.counters


def test_others_may_count_for_a_revision() -> None:
    """As the proxies of a mesh do: each of them apart for each revision, in units of their own."""
    of_a = {"pod": "gateway-1", "destination_workload": "a"}
    of_b = {**of_a, "destination_workload": "b"}
    code = {"__name__": ISTIO.requests, "response_code": "200"}
    bucket = {"__name__": f"{ISTIO.latency}_bucket", "le": "25"}
    samples = [
        Sample({**of_a, **code}, 5, NOW),
        Sample({**of_b, **code}, 6, NOW),
        Sample({**of_b, **bucket}, 4, NOW),
        Sample({**code, "pod": "b-1", "destination_workload": "b"}, 7, NOW),
        Sample({**code, "pod": "gateway-1", "destination_workload": "c"}, 8, NOW),
    ]

    assert gathered(samples, ISTIO) == [
        PodCount("a at gateway-1", "a", NOW, {"2xx": 5}),
        PodCount("b at gateway-1", "b", NOW, {"2xx": 6, "le=0.025": 4}),
        PodCount("b-1", "b", NOW, {"2xx": 7}),
    ]


def a_pod(name: str, revision: str, **changes: Any) -> PodFacts:
    """A serving pod, whose address is its name."""
    labels = {str(Label.REVISION): revision}
    usual = {"ready": True, "phase": "Running", "ip": name}
    return PodFacts(name, name, labels, **{**usual, **changes})


@dataclass
class Pages:
    """The pages of pods, but of those that are silent."""

    silent: Collection[str] = ()
    asked: list[str] = field(default_factory=list)

    async def samples(self, ip: str, names: Collection[str], at: datetime) -> Sequence[Sample]:
        """One count, under a name that is asked for, labelled as nobody may label it."""
        self.asked.append(ip)
        if ip in self.silent:
            raise Unreachable(Reason.METRICS_UNREACHABLE, "did not answer")
        labels = {"__name__": next(iter(names)), "status": "2xx", "pod": "another"}
        return [Sample(labels, 5.0, at)]


def counts(
    pods: Sequence[PodFacts], pages: Pages, *, whole: bool = False
) -> tuple[PodCount, ...] | Unknown:
    """What stable `a` and candidate `b` have counted."""
    return asyncio.run(counts_of_pods(("a", "b"), pods, pages, NOW, whole=whole))


def names(found: tuple[PodCount, ...] | Unknown) -> list[str]:
    """The pods that were counted."""
    assert not isinstance(found, Unknown), found
    return [count.pod for count in found]


PODS = [a_pod("a-1", "a"), a_pod("a-2", "a"), a_pod("b-1", "b"), a_pod("b-2", "b")]


def test_only_running_pods_of_both_arms_are_asked() -> None:
    """Those that are leaving still count; those that are no more, or not yet, don't."""
    pages = Pages()
    others = [
        a_pod("c-1", "c"),
        a_pod("a-3", "a", phase="Pending", ready=False),
        a_pod("a-4", "a", phase="Running", ip=None),
        a_pod("b-3", "b", deleting=True, ready=False),
    ]

    found = counts([*PODS, *others], pages)

    assert names(found) == ["a-1", "a-2", "b-1", "b-2", "b-3"]
    assert pages.asked == ["a-1", "a-2", "b-1", "b-2", "b-3"]


def test_a_silent_pod_is_missing() -> None:
    """The others of its arm speak on; it is never counted as 0."""
    assert names(counts(PODS, Pages(silent={"a-2", "b-1"}))) == ["a-1", "b-2"]


@pytest.mark.parametrize("silent", [{"a-1", "a-2"}, {"b-1", "b-2"}, {pod.name for pod in PODS}])
def test_an_arm_that_is_silent_drops_both(silent: set[str]) -> None:
    """A bad minute of all would be one of the arm that is seen alone."""
    found = counts(PODS, Pages(silent=silent))

    assert found == Unknown(Reason.METRICS_UNREACHABLE, f"pod {min(silent)}: did not answer")


def test_a_pod_that_is_not_ready_owes_no_answer() -> None:
    """The candidate starts, or goes: stable is counted meanwhile."""
    pods = [*PODS[:2], a_pod("b-1", "b", ready=False)]

    assert names(counts(pods, Pages(silent={"b-1"}))) == ["a-1", "a-2"]


def test_counting_begins_when_every_ready_pod_tells() -> None:
    """One that is first seen later would bring all that it counted before the rollout."""
    first = counts(PODS, Pages(silent={"a-2"}), whole=True)

    assert isinstance(first, Unknown)
    assert first.message.startswith("pod a-2: ")
    assert names(counts(PODS, Pages(), whole=True)) == ["a-1", "a-2", "b-1", "b-2"]
