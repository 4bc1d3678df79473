"""The end of the process at a moment, whatever it is doing then.

A replica that may not act any more must not finish what it has begun, and neither an event loop
that is busy nor a thread that waits for a server can be asked to: a thread of its own ends them.
"""

from __future__ import annotations

import logging
import os
import threading
import time

_logger = logging.getLogger(__name__)

EXIT_CODE = 1
_CHECK_SECONDS = 0.1


class Fence:
    """Ends the process when its time is over; each call of `allow` gives it more, or less."""

    def __init__(self) -> None:
        self._ends_at: float | None = None
        self._because = ""
        # A daemon: it must not keep alive what ends by itself.
        self._thread = threading.Thread(target=self._watch, name="fence", daemon=True)
        self._lifted = threading.Event()

    def allow(self, seconds: float, because: str) -> None:
        """Let the process run for so long from now on; `because` says why it ends then."""
        self._ends_at, self._because = time.monotonic() + seconds, because
        if not self._thread.is_alive():
            self._thread.start()

    def lift(self) -> None:
        """Let the process live."""
        self._lifted.set()

    def _watch(self) -> None:
        while not self._lifted.wait(_CHECK_SECONDS):
            if self._ends_at is not None and time.monotonic() > self._ends_at:
                end_now(self._because)


def end_now(because: str) -> None:
    """End the process without another word to anyone but the log."""
    _logger.critical("Ended at once: %s", because)
    logging.shutdown()
    os._exit(EXIT_CODE)
