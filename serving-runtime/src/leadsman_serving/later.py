"""An app that is made when somebody first asks it.

What few pods are ever asked for costs no pod its start, and no pod that is not asked its memory.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class Later:
    """Stands for the app until it is there."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        """`make` may take its time: it runs apart from the event loop, and once."""
        self._make, self._lock = make, threading.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        app = self._app
        if app is None:
            app = await asyncio.to_thread(self._made)
        await app(scope, receive, send)

    def _made(self) -> ASGIApp:
        with self._lock:  # of several that ask at once the first makes it
            if self._app is None:
                self._app = self._make()
            return self._app
