"""Replicas that compete for one Lease: one acts at a time, and never for long none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from leadsman_operator.leadership import RETRY_SECONDS, Leadership, LeadershipLost, LeaseRecord
from support.leases import LeaseServer, LeaseView
from support.virtual_time import pass_time, run_in_virtual_time

DURATION = 10
PATIENCE = 7.5


class Replica:
    """One replica: when it led, and why it stopped."""

    def __init__(self, server: LeaseServer, name: str) -> None:
        self.view = LeaseView(server)
        self.allowed_until = 0.0
        self.led_at: float | None = None
        self.lost_at: float | None = None
        self.lost_because = ""
        self._leadership = Leadership(self.view, name, DURATION, self._renewed)
        self._task: asyncio.Task[None] | None = None

    def _renewed(self, seconds: float) -> None:
        self.allowed_until = now() + seconds

    def start(self) -> None:
        """Begin to compete."""
        self._task = asyncio.create_task(self._live())

    def kill(self) -> None:
        """End without a word."""
        assert self._task is not None
        self._task.cancel()

    async def leave(self) -> None:
        """End in order."""
        self.kill()
        await self._leadership.release()

    async def _live(self) -> None:
        await self._leadership.acquire()
        self.led_at = now()
        try:
            await self._leadership.keep()
        except LeadershipLost as error:
            self.lost_at, self.lost_because = now(), str(error)

    @property
    def leads(self) -> bool:
        """Whether it believes that it may act."""
        return self.led_at is not None and self.lost_at is None


def now() -> float:
    """The virtual time."""
    return asyncio.get_running_loop().time()


async def until(condition: Callable[[], object], *, within: float) -> float:
    """Let time pass until it holds; return how long that took."""
    began = now()
    async with asyncio.timeout(within):
        while not condition():
            await pass_time(0.05)
    return now() - began


async def leader_and_standby() -> tuple[LeaseServer, Replica, Replica]:
    """One that leads for a while, and one that waits."""
    server = LeaseServer()
    leader, standby = Replica(server, "a"), Replica(server, "b")
    leader.start()
    await until(lambda: leader.leads, within=1)
    standby.start()
    await pass_time(60)
    assert leader.leads
    assert not standby.leads
    return server, leader, standby


def test_the_first_leads_at_once() -> None:
    """A Lease that does not exist is made and taken without waiting."""

    async def story() -> None:
        server = LeaseServer()
        replica = Replica(server, "a")
        replica.start()

        assert await until(lambda: replica.leads, within=1) < 0.2
        assert server.record is not None
        assert (server.record.holder, server.record.seconds) == ("a", DURATION)

    run_in_virtual_time(story())


def test_a_standby_waits_for_as_long_as_the_leader_renews() -> None:
    """An hour of renewals changes nobody's part."""

    async def story() -> None:
        server, leader, standby = await leader_and_standby()
        await pass_time(3600)

        assert leader.leads
        assert not standby.leads
        assert server.holders == ["a"]

    run_in_virtual_time(story())


def test_a_standby_takes_over_from_a_leader_that_was_killed() -> None:
    """Within the duration of the Lease and one look, far from 15 s."""

    async def story() -> None:
        server, leader, standby = await leader_and_standby()
        leader.kill()

        assert await until(lambda: standby.leads, within=60) < DURATION + RETRY_SECONDS + 0.5
        assert server.record is not None
        assert server.record.transitions == 1

    run_in_virtual_time(story())


def test_a_standby_takes_over_from_a_leader_that_left() -> None:
    """A Lease that was given back is taken at the next look."""

    async def story() -> None:
        server, leader, standby = await leader_and_standby()
        await leader.leave()

        assert await until(lambda: standby.leads, within=60) < RETRY_SECONDS + 0.5
        assert server.holders == ["a", "", "b"]

    run_in_virtual_time(story())


@pytest.mark.parametrize("how", ["cut_off", "hangs"])
def test_a_leader_without_the_api_server_stops_before_the_next_begins(how: str) -> None:
    """There is never a moment in which two may act."""

    async def story() -> None:
        _, leader, standby = await leader_and_standby()
        cut_at = now()
        setattr(leader.view, how, True)
        await until(lambda: standby.leads, within=60)

        assert leader.lost_at is not None
        assert standby.led_at is not None
        assert leader.lost_at - cut_at <= PATIENCE + 0.1
        assert leader.lost_at + 1 < standby.led_at
        assert leader.allowed_until + 1 < standby.led_at
        assert "could not be renewed for 7.5 s" in leader.lost_because

    run_in_virtual_time(story())


def test_a_short_interruption_costs_nothing() -> None:
    """A leader that can renew again in time goes on."""

    async def story() -> None:
        _, leader, standby = await leader_and_standby()
        leader.view.cut_off = True
        await pass_time(4)
        leader.view.cut_off = False
        await pass_time(60)

        assert leader.leads
        assert not standby.leads

    run_in_virtual_time(story())


def test_a_leader_that_finds_another_one_stops_at_the_next_renewal() -> None:
    """Whatever made the other believe that it may: the Lease says who leads."""

    async def story() -> None:
        server, leader, _ = await leader_and_standby()
        assert server.record is not None
        server.write(replace(server.record, holder="x"))

        assert await until(lambda: not leader.leads, within=60) < DURATION / 4 + 0.5
        assert leader.lost_because == "the Lease belongs to x now"

    run_in_virtual_time(story())


def test_a_lease_that_was_deleted_ends_the_leader() -> None:
    """Another may have made it anew already."""

    async def story() -> None:
        server, leader, _ = await leader_and_standby()
        server.record = None

        await until(lambda: not leader.leads, within=10)
        assert leader.lost_because == "the Lease belongs to nobody now"

    run_in_virtual_time(story())


def test_a_label_on_the_lease_is_no_takeover() -> None:
    """A write of somebody who does not compete is read again and renewed over."""

    async def story() -> None:
        server, leader, standby = await leader_and_standby()
        server.touch()
        await pass_time(30)

        assert leader.leads
        assert not standby.leads

    run_in_virtual_time(story())


def test_of_many_standbys_one_leads() -> None:
    """All look at the same moment, and one write wins."""

    async def story() -> None:
        server = LeaseServer()
        server.write(LeaseRecord("gone", DURATION))
        replicas = [Replica(server, name) for name in "abcde"]
        for replica in replicas:
            replica.start()
        await pass_time(60)

        assert sum(replica.leads for replica in replicas) == 1

    run_in_virtual_time(story())


def test_a_pod_that_restarts_leads_again_at_once() -> None:
    """Its own name in the Lease is that of the process that it follows."""

    async def story() -> None:
        server = LeaseServer()
        server.write(LeaseRecord("a", DURATION))
        replica = Replica(server, "a")
        replica.start()

        assert await until(lambda: replica.leads, within=5) < 0.2

    run_in_virtual_time(story())


def test_a_lease_is_not_believed_to_be_old_before_it_was_watched() -> None:
    """A standby that has just started can't know how old a Lease is: it waits it out."""

    async def story() -> None:
        server = LeaseServer()
        server.write(LeaseRecord("gone", DURATION))
        replica = Replica(server, "a")
        replica.start()

        assert await until(lambda: replica.leads, within=60) >= DURATION

    run_in_virtual_time(story())


def test_a_standby_outlasts_an_api_server_that_does_not_answer() -> None:
    """It goes on looking, and leads when it can."""

    async def story() -> None:
        replica = Replica(LeaseServer(), "a")
        replica.view.cut_off = True
        replica.start()
        await pass_time(300)
        replica.view.cut_off = False

        assert await until(lambda: replica.leads, within=60) < RETRY_SECONDS + 0.5

    run_in_virtual_time(story())


def test_a_lease_of_others_is_not_given_back() -> None:
    """Who never led leaves the Lease as it is."""

    async def story() -> None:
        server, _, standby = await leader_and_standby()
        await standby.leave()

        assert server.holders == ["a"]

    run_in_virtual_time(story())
