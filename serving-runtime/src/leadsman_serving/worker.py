"""The one thread that predicts what takes its time, its queue, and what is known of both.

One, because a model on several threads of one core answers later and not sooner; and apart from
the event loop, because a slow model must not keep others from being refused in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import queue
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from threadpoolctl import threadpool_limits

from leadsman_serving.batches import Line, remaining_seconds
from leadsman_serving.cost import Cost, Estimate, half_and_half
from leadsman_serving.errors import BadRequest, ClientGone
from leadsman_serving.work_counts import WorkCounts

INLINE_SECONDS = 0.001
"""Work quicker than this is done on the event loop: the way to a thread would cost more."""
MOST_WAITING = 1024
_LEARNED_FROM = 16
"""Of so many quick calls one is learned from."""
_NOTHING_KNOWN = half_and_half(1, INLINE_SECONDS)
"""What was never measured is taken for as slow as what the loop must not do."""

Asked = TypeVar("Asked")
Given = TypeVar("Given")


@dataclass(slots=True, eq=False)
class Piece(Generic[Asked]):
    """A piece of work that waits or is done; what the planner of batches asks of it."""

    asked: Asked
    rows: int
    joins: Hashable
    deadline: float
    """On the monotonic clock."""
    future: asyncio.Future[Any]
    at: float = field(default_factory=time.monotonic)
    """Since when it waits."""


class Worker(Generic[Asked, Given]):
    """Does one piece of work at a time, or several at once where they can be joined."""

    def __init__(
        self,
        do: Callable[[Sequence[Asked]], Sequence[Given | Exception]],
        most_rows: int,
        *,
        may_be_inline: bool = True,
        threads: int = 1,
    ) -> None:
        """`do` gives for each of what is asked a result, or what went wrong with it."""
        self._threads = threads
        self._do, self._most_rows, self._may_be_inline = do, most_rows, may_be_inline
        self.counts = WorkCounts()
        self.joins = False
        """Whether the model was seen to answer several requests at once as one by one."""
        self.waiting = 0
        """Pieces of work that were given and are not done; read without a lock."""
        self.seconds = 0.0
        """What one row is expected to take."""
        self._expect(Estimate(_NOTHING_KNOWN))
        self._lock = threading.Lock()
        self._line: Line[Piece[Asked]] = Line()
        self._is_busy = False
        """Whether the thread has been told to look after the line."""
        self._running = (0.0, 0.0)
        """When what is done was begun, and what it is expected to take."""
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def cost(self) -> Cost:
        """What a call is expected to take."""
        return self._estimate.cost

    def expect(self, cost: Cost) -> None:
        """Begin with what was measured before any client came."""
        self._expect(Estimate(cost))

    def _expect(self, estimate: Estimate) -> None:
        self._estimate = estimate
        self.seconds = estimate.cost.of(1)
        self._measured_at = time.monotonic()

    @property
    def wait_seconds(self) -> float:
        """How long a piece of work that came now would wait."""
        return self._until_done(0, joins=False)

    def _until_done(self, rows: int, *, joins: bool) -> float:
        """In how many seconds all is done that was given, and one more with these rows."""
        if not self.waiting:
            return self.cost.of(rows) if rows else 0.0
        with self._lock:
            seconds = self._line.seconds(self.cost, rows, joins=joins and self.joins)
            (began, expected), is_running = self._running, self.waiting > len(self._line)
        if is_running:
            seconds += remaining_seconds(expected, time.monotonic() - began)
        return seconds

    def check(self, deadline: float, rows: int = 1, *, joins: bool = True) -> None:
        """Refuse at once what could not be answered in time: BadRequest with 503."""
        now = time.monotonic()
        takes, left = self._until_done(rows, joins=joins), deadline - now
        if self.waiting:
            fits = self.waiting < MOST_WAITING and takes <= left
        else:
            # What is known grows old: else nobody might be let in to show that it is wrong.
            fits = takes <= left * (1 + now - self._measured_at)
        if not fits:
            again = max(1, math.ceil(self.wait_seconds))
            raise _overloaded(self.waiting, self.cost.of(rows), left, again)

    def does_now(self, rows: int) -> bool:
        """Whether the work is done at once, on the event loop, and not by the thread."""
        # Never beside the thread: models need not allow that.
        return self._may_be_inline and not self.waiting and self.cost.of(rows) < INLINE_SECONDS

    def do_now(self, asked: Asked, rows: int) -> Given:
        """Do it here; raises what went wrong."""
        began = time.perf_counter()
        (outcome,) = self._do([asked])
        if isinstance(outcome, Exception):
            raise outcome
        seconds = time.perf_counter() - began
        self.counts.called(1, rows, seconds)
        # What is as quick as it was need not be learned from each time.
        if seconds >= INLINE_SECONDS or self.counts.calls % _LEARNED_FROM == 0:
            self._expect(self._estimate.after(rows, seconds))
        return outcome

    async def run(
        self,
        asked: Asked,
        rows: int,
        deadline: float,
        joins: Hashable = None,
        gone: Callable[[], Awaitable[None]] | None = None,
    ) -> Given:
        """Have it done by the thread.

        BadRequest with 504 after the deadline, ClientGone once `gone` returns; what was not
        begun by then never is.
        """
        loop = asyncio.get_running_loop()
        piece = Piece(asked, rows, joins if self.joins else None, deadline, loop.create_future())
        self._give(piece)
        leaving = None if gone is None else asyncio.ensure_future(gone())
        try:
            await asyncio.wait(
                [piece.future] if leaving is None else [piece.future, leaving],
                timeout=max(0.0, deadline - time.monotonic()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if piece.future.done():
                given: Given = piece.future.result()
                return given
            if leaving is not None and leaving.done():
                self._drop(piece, "ClientGone")
                raise ClientGone("the client closed its connection before it had its answer")
            self._drop(piece, "Timeout")
            raise _too_late()
        except asyncio.CancelledError:
            self._drop(piece, "ClientGone")
            raise
        finally:
            if leaving is not None:
                leaving.cancel()

    def _give(self, piece: Piece[Asked]) -> None:
        if self._thread is None:
            self._start()
        with self._lock:
            self.waiting += 1
            self._line.add(piece)
            was_busy, self._is_busy = self._is_busy, True
        if not was_busy:
            self._jobs.put(self._empty_line)

    def _start(self) -> None:
        """Begin the thread; a daemon, so that a model that hangs can't keep the process alive."""
        self._thread = threading.Thread(
            target=_do_jobs, args=(self._jobs, self._threads), name="predict", daemon=True
        )
        self._thread.start()
        weakref.finalize(self, self._jobs.put, None)

    def _drop(self, piece: Piece[Asked], cause: str) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            was_begun = piece not in self._line
            if not was_begun:
                self._line.remove(piece)
                self.waiting -= 1
        self.counts.dropped(cause, was_begun=was_begun)
        piece.future.cancel()

    def _empty_line(self) -> None:
        """Do what waits, and what comes meanwhile; runs in the thread."""
        while batch := self._take():
            began = time.monotonic()
            try:
                outcomes = list(self._do([piece.asked for piece in batch]))
            except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
                outcomes = [error] * len(batch)
            self._ended(batch, outcomes, time.monotonic() - began)

    def _take(self) -> list[Piece[Asked]]:
        """The next batch; empty when nothing waits."""
        with self._lock:
            now = time.monotonic()
            batch = self._line.take(self.cost, now, self._most_rows)
            if not batch:
                self._is_busy = False
                return []
            for piece in batch:
                self.counts.waited(now - piece.at)
            self._running = (now, self.cost.of(sum(piece.rows for piece in batch)))
            return batch

    def _ended(
        self,
        batch: Sequence[Piece[Asked]],
        outcomes: Sequence[Given | Exception],
        seconds: float,
    ) -> None:
        rows = sum(piece.rows for piece in batch)
        if not any(isinstance(outcome, Exception) for outcome in outcomes):
            self.counts.called(len(batch), rows, seconds)
            self._expect(self._estimate.after(rows, seconds))
        with self._lock:
            self.waiting -= len(batch)
        for piece, outcome in zip(batch, outcomes, strict=True):
            _deliver(piece.future, outcome)


def _do_jobs(jobs: queue.SimpleQueue[Callable[[], None] | None], threads: int) -> None:
    # Limits on threads count for the thread that sets them. Linear algebra keeps to one: it adds
    # up in another order with more, and a row would depend on where it is answered.
    threadpool_limits({"openmp": threads, "blas": 1})
    while (job := jobs.get()) is not None:
        job()
        del job  # else it would keep its worker until the next one


def _deliver(future: asyncio.Future[Any], outcome: object) -> None:
    """Hand it to whoever waits, in the loop where that is."""

    def settle() -> None:
        if future.done():
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
        future.get_loop().call_soon_threadsafe(settle)


def _overloaded(waiting: int, own: float, left: float, again: int) -> BadRequest:
    why = f"{waiting} requests come first and" if waiting else "the request"
    return BadRequest(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Overloaded",
        f"{why} would take longer than the {max(0.0, left):.3g} s that are left (about"
        f" {own:.3g} s by itself): try again in {again} s, with fewer rows or more time",
        headers={"retry-after": str(again)},
    )


def _too_late() -> BadRequest:
    return BadRequest(
        HTTPStatus.GATEWAY_TIMEOUT,
        "Timeout",
        "the answer would have come later than it was waited for: send fewer rows at a time",
    )
