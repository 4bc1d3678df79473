"""The one thread that predicts, and what is known of its queue.

One, because a model on several threads of one core answers later and not sooner; and apart from
the event loop, because a slow model must not keep others from being refused in time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from threadpoolctl import threadpool_limits

from leadsman_serving.errors import BadRequest

INLINE_SECONDS = 0.001
"""Work quicker than this is done on the event loop: the way to a thread would cost more."""
MOST_WAITING = 1024
_MEMORY = 0.2
"""The weight of the last piece of work in what one is expected to take."""

Result = TypeVar("Result")


class Worker:
    """Does one piece of work at a time."""

    def __init__(self, most_seconds: float, *, may_be_inline: bool = True) -> None:
        """`most_seconds` is the longest that anybody waits for a piece of work."""
        self._most_seconds, self._may_be_inline = most_seconds, may_be_inline
        # Limits on threads count for the thread that sets them.
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="predict", initializer=threadpool_limits, initargs=(1,)
        )
        self._given = self._done = 0
        self.seconds = 0.0
        """What one piece of work is expected to take."""

    @property
    def waiting(self) -> int:
        """Pieces of work that were given and are not done."""
        return self._given - self._done

    @property
    def wait_seconds(self) -> float:
        """How long a piece of work that came now would wait."""
        return self.waiting * self.seconds

    def check(self) -> None:
        """Refuse at once what could not be answered in time."""
        if self.waiting >= MOST_WAITING or self.wait_seconds > self._most_seconds:
            again = max(1, round(self.wait_seconds))
            raise BadRequest(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Overloaded",
                f"{self.waiting} requests wait already: try again in {again} s",
                headers={"retry-after": str(again)},
            )

    async def run(self, work: Callable[[], Result], rows: int) -> Result:
        """Do the work in its place; BadRequest with 504 when it takes too long."""
        quick = self._may_be_inline and self.seconds * rows < INLINE_SECONDS
        if quick and not self.waiting:  # never beside the thread: models need not allow that
            return work()
        self._given += 1
        future = self._thread.submit(self._timed, work)
        try:
            async with asyncio.timeout(self._most_seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise BadRequest(
                HTTPStatus.GATEWAY_TIMEOUT,
                "Timeout",
                f"no answer within {self._most_seconds:g} s: send fewer rows at a time",
            ) from error
        finally:
            if future.cancel():  # given up before it was begun
                self._given -= 1

    def _timed(self, work: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds += _MEMORY * (time.perf_counter() - began - self.seconds)
            self._done += 1
