"""The thread for work that is slow: its queue, its batches, and who is refused or given up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsman_serving.cost import Cost
from leadsman_serving.errors import BadRequest, ClientGone
from leadsman_serving.question import Question
from leadsman_serving.together import answers
from leadsman_serving.worker import MOST_WAITING, Worker
from support.pretended_models import Rows, SumOfRow, pretended, question
from support.waiting import eventually

PATIENCE = 30.0
"""Seconds, for what takes no time on an idle machine."""


class Gated:
    """Work that waits until it may go on."""

    def __init__(self, *, joins: bool = True, call: float = 0.01) -> None:
        self.open = threading.Event()
        self.begun: list[list[str]] = []
        self._calls = threading.Semaphore(0)
        self.worker: Worker[str, str] = Worker(self._do, 1000)
        self.worker.expect(Cost(0.0001, call))
        self.worker.joins = joins

    def _do(self, asked: Sequence[str]) -> list[str | Exception]:
        self.begun.append(list(asked))
        self._calls.release()
        assert self.open.wait(PATIENCE)
        return [ValueError(one) if one.startswith("bad") else one.upper() for one in asked]

    def run(
        self,
        asked: str,
        seconds: float = PATIENCE,
        gone: Callable[[], Awaitable[None]] | None = None,
    ) -> asyncio.Task[str]:
        """Ask for one piece of work."""
        deadline = time.monotonic() + seconds
        return asyncio.ensure_future(self.worker.run(asked, 1, deadline, "any", gone))

    async def begins(self) -> None:
        """Until the next call has begun."""
        assert await asyncio.to_thread(self._calls.acquire, timeout=PATIENCE)


async def others_go_on() -> None:
    """Let each task that is ready have its turn."""

    async def nothing() -> None:
        return

    await asyncio.ensure_future(nothing())


@pytest.mark.parametrize("joins", [True, False])
def test_what_comes_while_a_call_runs_is_the_next(*, joins: bool) -> None:
    """The first goes at once; the others together, if the model was seen to allow it."""
    gated = Gated(joins=joins)

    async def ask() -> list[str | BaseException]:
        first = gated.run("a")
        await gated.begins()
        others = [gated.run(one) for one in ("b", "bad", "c")]
        await others_go_on()
        gated.open.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    a, b, bad, c = asyncio.run(ask())
    assert (a, b, c) == ("A", "B", "C")
    assert isinstance(bad, ValueError)
    assert gated.begun == ([["a"], ["b", "bad", "c"]] if joins else [["a"], ["b"], ["bad"], ["c"]])
    eventually(lambda: gated.worker.waiting == 0, within_seconds=PATIENCE, what="nothing waits")


def test_nobody_is_answered_after_the_deadline_and_what_waits_is_not_begun() -> None:
    """504 for both; the one that waited leaves the queue, and the model is not asked for it."""
    gated = Gated()

    async def ask() -> list[str | BaseException]:
        running = gated.run("running", seconds=0.05)
        await gated.begins()
        waiting = gated.run("waiting", seconds=0.05)
        told = await asyncio.gather(running, waiting, return_exceptions=True)
        assert gated.worker.waiting == 1  # what runs can't be stopped
        later = gated.run("later")
        await others_go_on()
        gated.open.set()
        return [*told, await later]

    running, waiting, later = asyncio.run(ask())
    for told in (running, waiting):
        assert isinstance(told, BadRequest)
        assert (told.status, told.code) == (HTTPStatus.GATEWAY_TIMEOUT, "Timeout")
    assert later == "LATER"
    assert gated.begun == [["running"], ["later"]]
    assert gated.worker.counts.drops[("Timeout", True)] == 1
    assert gated.worker.counts.drops[("Timeout", False)] == 1


def test_work_for_a_client_that_left_is_not_begun() -> None:
    """Neither for one that closed its connection, nor for one whose task was cancelled."""
    gated = Gated()

    async def ask() -> list[str | BaseException]:
        left = asyncio.Event()

        async def gone() -> None:
            await left.wait()

        running = gated.run("running")
        await gated.begins()
        leaving, cancelled = gated.run("leaving", gone=gone), gated.run("cancelled")
        await others_go_on()
        left.set()
        cancelled.cancel()
        told = await asyncio.gather(leaving, cancelled, return_exceptions=True)
        gated.open.set()
        return [*told, await running]

    leaving, cancelled, running = asyncio.run(ask())
    assert isinstance(leaving, ClientGone)
    assert isinstance(cancelled, asyncio.CancelledError)
    assert running == "RUNNING"
    assert gated.begun == [["running"]]
    assert gated.worker.counts.drops[("ClientGone", False)] == 2


def refusal(worker: Worker[str, str], seconds: float) -> BadRequest | None:
    """What whoever waits for so long is told."""
    try:
        worker.check(time.monotonic() + seconds)
    except BadRequest as error:
        return error
    return None


def test_what_can_not_be_in_time_is_refused_before_any_work() -> None:
    """By what the queue takes and what it takes itself; the time to wait is told."""
    gated = Gated(joins=False, call=10.0)

    async def ask() -> None:
        tasks = [gated.run(str(number), seconds=1000) for number in range(5)]
        await gated.begins()
        refused = refusal(gated.worker, 55.0)
        assert refused is not None
        assert (refused.status, refused.code) == (HTTPStatus.SERVICE_UNAVAILABLE, "Overloaded")
        assert 45 <= int(refused.headers["retry-after"]) <= 51
        assert refusal(gated.worker, 65.0) is None
        gated.open.set()
        await asyncio.gather(*tasks)

    asyncio.run(ask())


def test_joined_work_is_expected_to_be_done_sooner() -> None:
    """The same queue is let in where one call does it all."""
    gated = Gated(call=10.0)

    async def ask() -> None:
        tasks = [gated.run(str(number), seconds=1000) for number in range(5)]
        await gated.begins()
        assert refusal(gated.worker, 25.0) is None
        assert refusal(gated.worker, 15.0) is not None
        gated.open.set()
        await asyncio.gather(*tasks)

    asyncio.run(ask())


def test_a_wrong_expectation_shuts_nobody_out_for_ever() -> None:
    """Whoever comes to an idle model may try once what is known of it is old."""
    gated = Gated(call=10.0)
    assert refusal(gated.worker, 5.0) is not None
    eventually(lambda: refusal(gated.worker, 9.9) is None, within_seconds=PATIENCE, what="a try")


def test_the_queue_has_an_end() -> None:
    """However long they would wait, no more are kept in memory."""
    gated = Gated(call=1e-6)

    async def ask() -> None:
        tasks = [gated.run("x", seconds=1000) for _ in range(MOST_WAITING)]
        await gated.begins()
        assert refusal(gated.worker, 1000.0) is not None
        gated.open.set()
        await asyncio.gather(*tasks)
        assert refusal(gated.worker, 1000.0) is None

    asyncio.run(ask())


def test_a_fault_of_the_work_reaches_all_and_the_thread_goes_on() -> None:
    """Whatever is raised, the next piece is done."""
    faults = [RuntimeError("broken")]

    def do(asked: Sequence[str]) -> list[str | Exception]:
        if faults:
            raise faults.pop()
        return list(asked)

    worker: Worker[str, str] = Worker(do, 10, may_be_inline=False)

    async def ask() -> str:
        deadline = time.monotonic() + PATIENCE
        with pytest.raises(RuntimeError, match="broken"):
            await worker.run("a", 1, deadline)
        return await worker.run("b", 1, deadline)

    assert asyncio.run(ask()) == "b"


rows = st.lists(st.lists(st.integers(-1, 9).map(float), min_size=2, max_size=2), max_size=3)
turns = st.lists(st.tuples(rows, st.booleans(), st.integers(0, 3)), min_size=1, max_size=15)


@settings(max_examples=60)
@given(turns)
def test_whatever_the_order_each_gets_its_own_answer(
    turns: list[tuple[Rows, bool, int]],
) -> None:
    """Requests come at any moments of the others' calls, some of them fail, none is mixed up."""
    model = pretended(SumOfRow())
    worker: Worker[Question, bytes] = Worker(partial(answers, model), 1000, may_be_inline=False)
    worker.expect(Cost(0.0, 1.0))
    worker.joins = True
    asked = [question(rows, shares=shares) for rows, shares, _ in turns]

    async def ask() -> list[bytes | BaseException]:
        tasks = []
        for one, (_, shares, pause) in zip(asked, turns, strict=True):
            deadline = time.monotonic() + PATIENCE
            tasks.append(asyncio.ensure_future(worker.run(one, one.rows, deadline, shares)))
            for _ in range(pause):
                await others_go_on()
        return await asyncio.gather(*tasks, return_exceptions=True)

    expected = [answers(model, [one])[0] for one in asked]
    assert list(map(repr, asyncio.run(ask()))) == list(map(repr, expected))
