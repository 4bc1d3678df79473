"""One loop for each resource: reconcile, then wait for news or for the time to look again.

Whoever hears of news only wakes a loop; what it does is decided from what it observes then.
It knows neither kopf nor Kubernetes: `handlers` start and wake the loops, `reconcile` does
the work.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from leadsman_operator.errors import Conflict
from leadsman_operator.facts import ObjectRef
from leadsman_operator.reconcile import Reconciled

_logger = logging.getLogger(__name__)

SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 60.0
CONFLICT_SECONDS = 0.1
SPACING_SECONDS = 0.05
"""Between two reconciles of one resource at least: news come in bursts."""
FIRST_WORD_SECONDS = 5.0
"""How long a new loop waits for the word that its resource bears the finalizer."""
LEAVING_SECONDS = 5.0
"""How long a reconcile that is under way may take to end when the operator ends."""


class Reporter(Protocol):
    """Who is told of every reconcile."""

    async def reconciled(self, ref: ObjectRef, outcome: Reconciled, seconds: float) -> None:
        """One has ended, perhaps with an error that was foreseen."""

    async def failed(self, ref: ObjectRef, error: Exception) -> None:
        """One has ended in a way that nobody foresaw."""

    def gone(self, ref: ObjectRef) -> None:
        """The resource is no more."""


@dataclass(slots=True)
class _Loop:
    """The one loop of a resource."""

    model: str
    news: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    """Who runs it or waits for a turn; the loop of nobody is forgotten with its resource."""


class Loops:
    """The loops of all resources, and how many of them may work at the same time."""

    def __init__(
        self,
        reconcile: Callable[[ObjectRef], Awaitable[Reconciled]],
        reporter: Reporter,
        *,
        at_once: int,
        longest_seconds: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`at_once` reconciles run together, each for `longest_seconds` at most."""
        self._reconcile = reconcile
        self._reporter = reporter
        self._places = asyncio.Semaphore(at_once)
        self._longest_seconds = longest_seconds
        self._chance = chance
        self._loops: dict[ObjectRef, _Loop] = {}
        self._begun_at: dict[ObjectRef, float] = {}
        self._ended_at = 0.0

    def exists(self, ref: ObjectRef, model: str) -> None:
        """A resource is there, and it is about a registered model."""
        self._loops.setdefault(ref, _Loop(model)).model = model

    def wake(self, ref: ObjectRef) -> None:
        """There is news of a resource, or of what belongs to it; of others nothing is kept."""
        if ref in self._loops:
            self._loops[ref].news.set()

    def wake_model(self, name: str) -> None:
        """There is news of a registered model, in whatever registry."""
        for loop in self._loops.values():
            if loop.model == name:
                loop.news.set()

    def lost(self, ref: ObjectRef) -> None:
        """A resource is no more: its loop, if one runs, will find out by itself."""
        loop = self._loops.get(ref)
        if loop is not None and loop.users:
            loop.news.set()
        elif loop is not None:
            self._forget(ref)

    async def run(self, ref: ObjectRef, within_seconds: float = FIRST_WORD_SECONDS) -> None:
        """Reconcile until the resource is gone, first on news or `within_seconds`.

        A second caller waits for its turn and then makes sure: whoever returns has seen it gone.
        """
        loop = self._loops.setdefault(ref, _Loop(""))
        loop.users += 1
        try:
            async with loop.turn:
                await self._run(ref, loop, within_seconds)
        finally:
            loop.users -= 1
            if not loop.users:
                self._forget(ref)

    @property
    def stuck_seconds(self) -> float:
        """For how long reconciles run and none has ended."""
        if not self._begun_at:
            return 0.0
        return _now() - max(self._ended_at, min(self._begun_at.values()))

    def _forget(self, ref: ObjectRef) -> None:
        del self._loops[ref]
        self._reporter.gone(ref)

    async def _run(self, ref: ObjectRef, loop: _Loop, within_seconds: float) -> None:
        pause: float | None = within_seconds
        failures = 0
        while True:
            await _news_within(loop.news, pause)
            outcome = await self._attempt(ref, loop)
            if outcome is not None and outcome.error is None:
                if outcome.gone:
                    return
                failures, pause = 0, _seconds_until_next(outcome)
            else:
                shortest = (
                    CONFLICT_SECONDS
                    if outcome is not None and isinstance(outcome.error, Conflict)
                    else SHORTEST_SECONDS
                )
                pause = backoff_seconds(failures, self._chance(), shortest)
                failures += 1
            # News don't shorten this part: whoever fails or is told much must not run hot.
            least = SPACING_SECONDS if failures == 0 else min(pause or 0, SHORTEST_SECONDS)
            await asyncio.sleep(least)
            pause = None if pause is None else max(0.0, pause - least)

    async def _attempt(self, ref: ObjectRef, loop: _Loop) -> Reconciled | None:
        """One reconcile, told to the reporter; None when it failed in an unforeseen way."""
        async with self._place(ref):
            loop.news.clear()
            began_at = _now()
            try:
                async with asyncio.timeout(self._longest_seconds):
                    outcome = await _to_its_end(self._reconcile(ref))
                await self._reporter.reconciled(ref, outcome, _now() - began_at)
            # The one edge where anything is caught: a bug must end neither the loops of others
            # nor this one, after whose end kopf would let the finalizer go.
            except Exception as error:  # noqa: BLE001
                await self._tell(ref, error)
                return None
            return outcome

    async def _tell(self, ref: ObjectRef, error: Exception) -> None:
        try:
            await self._reporter.failed(ref, error)
        except Exception:
            _logger.exception("A bug could not be told of.")

    @asynccontextmanager
    async def _place(self, ref: ObjectRef) -> AsyncIterator[None]:
        async with self._places:
            self._begun_at[ref] = _now()
            try:
                yield
            finally:
                del self._begun_at[ref]
                self._ended_at = _now()


def backoff_seconds(failures: int, chance: float, shortest: float = SHORTEST_SECONDS) -> float:
    """How long to wait after so many failures in a row: twice as long each time.

    `chance` from 0 to 1 takes up to a quarter off, so that loops which failed together do not
    come back together.
    """
    longest = min(LONGEST_SECONDS, shortest * 2.0 ** min(failures, 30))
    return max(shortest, longest * (1 - chance / 4))


def _seconds_until_next(outcome: Reconciled) -> float | None:
    after = outcome.look_again_in
    return None if after is None else max(0.0, after.total_seconds())


async def _news_within(news: asyncio.Event, seconds: float | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()


async def _to_its_end(work: Awaitable[Reconciled]) -> Reconciled:
    """Await work; when the operator ends, let it come to its end if it is quick."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError as error:
        # Cancelled by something within, while nobody wants the loop to end: a failure as any.
        if task.cancelled():
            raise RuntimeError("a reconcile was cancelled from within") from error
        await asyncio.wait([task], timeout=LEAVING_SECONDS)
        task.cancel()
        raise


def _now() -> float:
    return asyncio.get_running_loop().time()
