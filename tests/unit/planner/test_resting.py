"""What is counted at rest, and what the next rollout knows by it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import Past
from leadsman_operator.facts import PastCount, PodCount, Unknown
from leadsman_operator.planner.judge.resting import (
    MOST_WINDOWS,
    WINDOW,
    is_due,
    past_of,
    past_with,
)
from support.deployments import START, Bench, a_version, counters

UNREADABLE = Unknown(Reason.METRICS_UNREACHABLE, "no pod answers")
A_MOMENT = timedelta(seconds=1)


class Rest:
    """A revision whose pods are read now and then."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self.past: Past | None = None
        self.now = START
        self.revision = "one"

    def read(
        self, pods: Mapping[str, Mapping[str, float]], after: timedelta = WINDOW
    ) -> tuple[PastCount, ...]:
        """Let time pass and read what pods have counted in all; gives all that is known.

        It is written and read as in a status.
        """
        self.now += after
        counts = [PodCount(pod, self.revision, self.now, count) for pod, count in pods.items()]
        found = past_with(self.past, counts, self.revision, self.now)
        self.past = Past.model_validate(found.to_wire()) if found is not None else None
        return past_of(self.past, self.revision)


def test_what_was_counted_between_two_readings_is_kept() -> None:
    """Of all pods together, and for as long as it took; the first reading only begins."""
    rest = Rest()
    assert rest.read({"a": counters(100), "b": counters(50)}) == ()
    seconds = WINDOW.total_seconds()
    first = PastCount(seconds, counters(25, 1))
    assert rest.read({"a": counters(120, 1), "b": counters(55)}) == (first,)
    late = rest.read({"a": counters(130, 1), "b": counters(55)}, WINDOW + timedelta(seconds=30))
    assert late == (first, PastCount(seconds + 30, counters(10)))


def test_pods_are_read_seldom() -> None:
    """In between nothing changes, whatever they count: so the status is not written either."""
    rest = Rest()
    rest.read({"a": counters(100)})
    before = rest.past
    assert rest.read({"a": counters(200)}, WINDOW - A_MOMENT) == ()
    assert rest.past == before
    assert not is_due(before, "one", rest.now)
    assert is_due(before, "one", rest.now + A_MOMENT)
    assert is_due(before, "two", rest.now)
    assert is_due(None, "one", rest.now)


def test_pods_come_and_go_and_start_anew() -> None:
    """Only what was counted since the reading before, and by pods that were seen in it."""
    rest = Rest()
    rest.read({"a": counters(100), "b": counters(500)})
    assert rest.read({"a": counters(7), "c": counters(900)})[-1].counters == counters(7)
    assert rest.read({"b": counters(800), "c": counters(910)})[-1].counters == counters(10)


def test_the_oldest_is_forgotten() -> None:
    """Two hours are known, as a Prometheus is asked for."""
    rest = Rest()
    for number in range(MOST_WINDOWS + 3):
        found = rest.read({"a": counters(number * number)})
    assert len(found) == MOST_WINDOWS
    assert sum(one.seconds for one in found) == 7200
    assert found[-1].counters["2xx"] == 2 * MOST_WINDOWS + 3


def test_another_revision_begins_anew() -> None:
    """What the one before counted says nothing of it."""
    rest = Rest()
    rest.read({"a": counters(100)})
    rest.read({"a": counters(200)})
    rest.revision = "two"
    assert past_of(rest.past, "two") == ()
    assert rest.read({"b": counters(300)}, A_MOMENT) == ()
    assert len(rest.read({"b": counters(400)})) == 1


def test_nothing_that_was_read_changes_nothing() -> None:
    """No pod has answered, or others have than those of the revision: it is tried again."""
    rest = Rest()
    rest.read({"a": counters(100)})
    before = rest.past
    rest.read({})
    others = [PodCount("z", "two", rest.now, counters(9))]
    assert past_with(before, others, "one", rest.now) == rest.past == before
    assert rest.read({"a": counters(130)}) == (PastCount(600, counters(30)),)


def test_a_plan_keeps_it_while_something_is_rolled_out() -> None:
    """What both arms count then belongs to the rollout; of what is unknown nothing is kept."""
    bench = Bench()
    bench.settle()
    bench.serve(stable=counters(100), candidate=counters())
    bench.settle()
    bench.wait(WINDOW.total_seconds())
    bench.serve(stable=counters(150, 2), candidate=counters())
    bench.settle()
    known = bench.resource.status.past
    assert known is not None
    assert [one.counters for one in known.windows] == [counters(50, 2)]

    bench.wait(WINDOW.total_seconds())
    bench.version = a_version(2)
    bench.counts = ()
    bench.settle()
    assert bench.resource.status.candidate is not None
    bench.serve(stable=counters(170, 2), candidate=counters(5))
    bench.settle()
    assert bench.resource.status.past == known


def test_what_can_not_be_read_is_not_nothing() -> None:
    """The windows stay, and the next one is as long as it took."""
    bench = Bench()
    bench.settle()
    bench.serve(stable=counters(100), candidate=counters())
    bench.settle()
    known = bench.resource.status.past
    bench.wait(WINDOW.total_seconds())
    bench.counts = UNREADABLE
    bench.settle()
    assert bench.resource.status.past == known is not None
