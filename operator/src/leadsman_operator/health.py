"""Whether the operator lives and is ready, as probes ask it.

A loop of events that hangs answers nothing, which a probe takes for a no: what is told here is
the other way to be of no use, that reconciles run and none of them ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from leadsman_api.ports import LIVE_PATH, READY_PATH
from leadsman_operator.side_ports import Page, Pages


@dataclass(frozen=True, slots=True)
class Health:
    """What the probes are told."""

    stuck_seconds: Callable[[], float]
    """For how long no reconcile has ended although some run."""
    patience_seconds: float
    """How long that may be."""
    leaving: Callable[[], bool]
    """Whether the process was told to end."""

    def pages(self) -> Pages:
        """The answers to the probes."""
        return {LIVE_PATH: self._live, READY_PATH: self._ready}

    def _live(self) -> Page:
        stuck = self.stuck_seconds()
        if stuck > self.patience_seconds:
            return _no(f"reconciles run and none has ended for {stuck:.0f} s")
        return Page(b"live\n")

    def _ready(self) -> Page:
        # A standby is ready too: an update must not wait until it leads.
        return _no("leaving") if self.leaving() else Page(b"ready\n")


def _no(because: str) -> Page:
    return Page(f"{because}\n".encode(), HTTPStatus.SERVICE_UNAVAILABLE)
