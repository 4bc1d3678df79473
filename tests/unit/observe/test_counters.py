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
from leadsman_operator.errors import Unreachable
from leadsman_operator.facts import PodCount, PodFacts, Sample, Unknown
from leadsman_operator.observe.counters import pod_counts
from leadsman_operator.observe.serving_pods import counts_of_pods

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def a_sample(value: float, pod: str = "a-1", revision: str = "a", **labels: str) -> Sample:
    """A number of a pod."""
    return Sample({"pod": pod, "revision": revision, **labels}, value, NOW)


def test_samples_are_gathered_by_pod() -> None:
    """What differs in labels that nobody asks for is added up."""
    found = pod_counts(
        [
            a_sample(3, status="2xx", path="/predict"),
            a_sample(4, status="2xx", path="/invocations"),
            a_sample(1, status="5xx"),
            a_sample(6, le="0.10"),
            a_sample(7, le="+Inf"),
            a_sample(9, "b-1", "b", status="2xx"),
        ]
    )

    assert found == (
        PodCount("a-1", "a", NOW, {"2xx": 7, "5xx": 1, "le=0.1": 6, "le=+Inf": 7}),
        PodCount("b-1", "b", NOW, {"2xx": 9}),
    )


@pytest.mark.parametrize(
    "sample",
    [
        a_sample(1),
        a_sample(1, status="x" * 300),
        a_sample(1, status="2XX\n"),
        a_sample(1, le="soon"),
        a_sample(1, le="NaN"),
        a_sample(float("nan"), status="2xx"),
        a_sample(float("inf"), status="2xx"),
        a_sample(1, "", status="2xx"),
        a_sample(1, "a-1", "", status="2xx"),
    ],
    ids=str,
)
def test_what_counts_nothing_is_left_out(sample: Sample) -> None:
    """The names of counters stand in the status: nobody else writes what he likes there."""
    assert pod_counts([sample]) == ()


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
