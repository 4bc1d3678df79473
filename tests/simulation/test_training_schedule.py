"""The real reconcile and one TrainingRun with a schedule: whatever happens, the laws hold.

hypothesis chooses what happens: how long the runs take and how they end, pauses, edits, an
operator that is away or dies, and an API server that does not answer.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from typing_extensions import override

from leadsman_operator.facts import ObjectRef
from leadsman_operator.planner.plan import ApplyObject, DeleteObject
from support.world_schedule import OVER, ScheduleSimulation
from support.world_trouble import API

MINUTES = 10
"""Between two times of the schedule."""
DEADLINE = timedelta(minutes=4)


class ScheduleLife(RuleBasedStateMachine):
    """One TrainingRun with a schedule, and all that may happen to it."""

    sim: ScheduleSimulation

    @initialize(
        concurrency=st.sampled_from(["Allow", "Forbid", "Replace"]),
        has_deadline=st.booleans(),
        good=st.integers(1, 3),
        bad=st.integers(1, 2),
    )
    def begin(self, concurrency: str, has_deadline: bool, good: int, bad: int) -> None:  # noqa: FBT001 - drawn
        """A schedule of every ten minutes is made."""
        self.concurrency, self.has_deadline, self.good, self.bad = (
            concurrency, has_deadline, good, bad,
        )  # fmt: skip
        deadline = {"startingDeadline": f"{DEADLINE.seconds}s"} if has_deadline else {}
        self.sim = ScheduleSimulation(
            cron=f"*/{MINUTES} * * * *",
            concurrency=concurrency,
            successfulHistoryLimit=good,
            failedHistoryLimit=bad,
            **deadline,
        )

    # What happens

    @rule(minutes=st.sampled_from([0.5, 3, 11, 35]))
    def time_passes(self, minutes: float) -> None:
        """Time passes, and the operator looks when it wanted to."""
        asyncio.run(self.sim.advance(minutes=minutes))
        self._limits_and_replacement_hold()

    @rule(minutes=st.sampled_from([2, 9, 40, 600]))
    def nobody_looks(self, minutes: float) -> None:
        """The operator is away."""
        self.sim.away(minutes=minutes)
        self.sim.tell("the operator was away")

    @precondition(lambda self: self.sim.cluster.runs)
    @rule(phase=st.sampled_from(["Searching", *OVER, "Succeeded"]), all_of_them=st.booleans())
    def runs_move_on(self, phase: str, all_of_them: bool) -> None:  # noqa: FBT001 - drawn
        """The oldest one that has not ended comes to another phase, or all of them do."""
        going = [one for one in self.sim.cluster.runs if self.sim.cluster.phase(one) not in OVER]
        for name in going if all_of_them else going[:1]:
            self.sim.becomes(name, phase)

    @rule()
    def what_is_deleted_goes(self) -> None:
        """The pods of runs that are being deleted have ended."""
        self.sim.cluster.let_go()

    @precondition(lambda self: self.sim.cluster.runs)
    @rule(chosen=st.integers(0, 9))
    def a_user_deletes_a_run(self, chosen: int) -> None:
        """One that the schedule knows of."""
        runs = self.sim.cluster.runs
        name = runs[chosen % len(runs)]
        if name == self.sim.status.get("schedule", {}).get("lastRun"):
            self.sim.cluster.remove(self.sim.cluster.ref(name))
            self.sim.tell(f"-- the user deletes {name}")

    @rule(suspend=st.booleans())
    def suspend(self, suspend: bool) -> None:  # noqa: FBT001 - drawn
        """The user stops the schedule, or lets it go on."""
        self.sim.edit(suspend=suspend)
        asyncio.run(self.sim.look())

    @rule(hour=st.sampled_from(["*", "0-23"]), minutes=st.sampled_from([0, 2, 12]))
    def write_the_same_times_otherwise(self, hour: str, minutes: int) -> None:
        """The user changes the schedule: no time that has passed counts any more."""
        self.sim.away(minutes=minutes)
        before = len(self.sim.cluster.beginnings)
        cron = f"*/{MINUTES} {hour} * * *"
        known = self.sim.status.get("schedule", {}).get("follows", cron)
        self.sim.edit(schedule={"cron": cron})
        asyncio.run(self.sim.look())
        if not known.startswith(cron):
            assert len(self.sim.cluster.beginnings) == before, self.sim.text()

    @rule(calls=st.integers(0, 8))
    def kill_operator(self, calls: int) -> None:
        """The operator's process will end before one of its coming calls."""
        self.sim.faults.crash_in = calls

    @rule()
    def the_api_is_silent(self) -> None:
        """For three minutes."""
        self.sim.faults.down.add(API)
        asyncio.run(self.sim.advance(minutes=3))
        self.sim.faults.down.clear()

    # The laws

    @invariant()
    def never_two_for_one_time(self) -> None:
        """And never one for a time that is none, or that has not come."""
        beginnings = self.sim.cluster.beginnings
        times = [one.at for one in beginnings]
        assert len(times) == len(set(times)), self.sim.text()
        assert times == sorted(times), self.sim.text()
        for one in beginnings:
            assert one.at.minute % MINUTES == 0, self.sim.text()
            assert self.sim.made < one.at <= one.made, self.sim.text()

    @invariant()
    def of_the_missed_times_only_the_last_counts(self) -> None:
        """However long the operator was away."""
        for one in self.sim.cluster.beginnings:
            assert one.made - one.at < timedelta(minutes=MINUTES), self.sim.text()
        for done in self.sim.done:
            assert sum(isinstance(action, ApplyObject) for action in done) <= 1, self.sim.text()

    @invariant()
    def none_begins_too_late(self) -> None:
        """Where a deadline is given."""
        if self.has_deadline:
            for one in self.sim.cluster.beginnings:
                assert one.made - one.at <= DEADLINE, self.sim.text()

    @invariant()
    def none_begins_while_suspended(self) -> None:
        """However late."""
        assert not any(one.suspended for one in self.sim.cluster.beginnings), self.sim.text()

    @invariant()
    def forbid_never_overlaps(self) -> None:
        """A run that is being deleted goes on until it is gone."""
        if self.concurrency == "Forbid":
            for one in self.sim.cluster.beginnings:
                assert not one.going, self.sim.text()

    @invariant()
    def no_run_is_replaced_by_itself(self) -> None:
        """When the operator died after it had made it, the next look finds it."""
        for done in self.sim.done:
            gone = {action.ref for action in done if isinstance(action, DeleteObject)}
            made = {ObjectRef.of(one.manifest) for one in done if isinstance(one, ApplyObject)}
            assert not gone & made, self.sim.text()

    def _limits_and_replacement_hold(self) -> None:
        """One look takes away all that is too much."""
        if self.sim.faults.crash_in is not None:
            return
        cluster = self.sim.cluster
        phases = [cluster.phase(name) for name in cluster.runs if not cluster.is_leaving(name)]
        assert phases.count("Succeeded") <= self.good, self.sim.text()
        assert phases.count("Failed") + phases.count("Rejected") <= self.bad, self.sim.text()
        if self.concurrency == "Replace":
            assert sum(phase not in OVER for phase in phases) <= 1, self.sim.text()

    @override
    def teardown(self) -> None:
        """When nothing stands in its way the next time gets its run."""
        if not hasattr(self, "sim"):
            return
        sim = self.sim
        sim.faults.heal()
        sim.edit(suspend=False)
        asyncio.run(sim.look())
        for name in sim.cluster.runs:
            if sim.cluster.phase(name) not in OVER:
                sim.becomes(name, "Succeeded")
        sim.cluster.let_go()
        asyncio.run(sim.advance(minutes=MINUTES))
        expected = sim.clock.now().replace(second=0, microsecond=0)
        expected -= timedelta(minutes=expected.minute % MINUTES)
        assert sim.cluster.beginnings[-1].at == expected, sim.text()
        self._status_tells_of_it(expected)

    def _status_tells_of_it(self, expected: Any) -> None:
        stands = self.sim.status["schedule"]
        assert stands["lastAt"] == f"{expected:%Y-%m-%dT%H:%M:%SZ}", self.sim.text()
        assert stands["lastRun"] == self.sim.cluster.runs[-1], self.sim.text()
        assert stands["lastRun"] in stands["active"], self.sim.text()


ScheduleLife.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestScheduleLife = ScheduleLife.TestCase
