"""How the process ends: told once it drains, told twice it hurries."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable

from leadsman_serving.lifecycle import Lifecycle
from leadsman_serving.watch import Watch

_LOOK_SECONDS = 0.05
_logger = logging.getLogger(__name__)


class Ending:
    """Waits for the signals of a running event loop."""

    def __init__(self, lifecycle: Lifecycle, on_hurry: Callable[[], None]) -> None:
        """`on_hurry` is called at the second signal."""
        self._lifecycle, self._on_hurry = lifecycle, on_hurry
        self._told, self.hurried = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self._lifecycle.draining:
            self._on_hurry()
            self.hurried.set()
        self._lifecycle.draining = True
        self._told.set()

    async def drained(self, seconds: float) -> None:
        """Return when the port may close: so long after the first signal, or with the second."""
        await self._told.wait()
        _logger.info(
            "Draining: requests are still accepted.",
            extra={"seconds": seconds, "in_flight": self._lifecycle.in_flight},
        )
        await self._hurry_within(seconds)
        _logger.info("Closing the port.", extra={"in_flight": self._lifecycle.in_flight})

    async def flushed(self, watch: Watch, seconds: float) -> None:
        """Return when all that waits was sent, when the time is over, or with the second signal."""
        watch.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not (watch.is_done or self.hurried.is_set() or loop.time() >= until):
            await self._hurry_within(_LOOK_SECONDS)
        if not watch.is_done:
            _logger.warning("Ended before all was sent.", extra={"waiting": watch.waiting})

    async def _hurry_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.hurried.wait(), seconds)
