"""An event loop whose time passes at once: whoever sleeps an hour wakes in the next moment.

What waits for sockets or threads has to be tested with real time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from typing_extensions import override

__all__ = ["pass_time", "run_in_virtual_time"]

Result = TypeVar("Result")


class _Selector(selectors.SelectSelector):
    """Lets time pass instead of waiting."""

    passed = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("everything waits for something that never comes")
        if not ready:
            self.passed += max(0.0, timeout or 0.0)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    @override
    def time(self) -> float:
        return self._virtual.passed


def run_in_virtual_time(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end and return what it returns."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


async def pass_time(seconds: float) -> None:
    """Let so much time pass for whoever awaits it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()
