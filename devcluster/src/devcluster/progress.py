"""Shows what is being done: a live line a step in a terminal, plain lines in a pipe or log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

__all__ = ["Progress", "Step"]

HEARTBEAT_SECONDS = 30.0
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def format_seconds(seconds: float) -> str:
    """Write a duration as people read it: `4.2 s`, `3 min 07 s`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


@dataclass
class Step:
    """One thing that is being done; `detail` is what it is at."""

    title: str
    started: float = field(default_factory=time.monotonic)
    detail: str = ""

    def show(self, text: str) -> None:
        """Say what the step is at: the last line of a program that runs, for example."""
        self.detail = text.strip()[:70]

    def line(self) -> str:
        """Return the step's state in one line."""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.title}{detail} ({format_seconds(time.monotonic() - self.started)})"


class Progress:
    """Prints steps to a stream; steps of several threads may run at once."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to standard error unless told otherwise: standard output is for results."""
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._lock = threading.RLock()
        self._steps: list[Step] = []
        self._drawn = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, text: str) -> None:
        """Print one line that stays."""
        with self._lock:
            self._erase()
            self._stream.write(text + "\n")
            self._draw()
            self._stream.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step while the block runs, then its duration, or that it failed."""
        step = Step(title)
        with self._lock:
            self._steps.append(step)
            self._start_thread()
        if not self._live:
            self.say(f"  … {title}")
        outcome = "✗"
        try:
            yield step
            outcome = "✓"
        finally:
            with self._lock:
                self._steps.remove(step)
            self.say(
                f"  {outcome} {step.title} ({format_seconds(time.monotonic() - step.started)})"
            )

    def close(self) -> None:
        """Stop the display."""
        self._ended.set()
        if self._thread:
            self._thread.join()
        with self._lock:
            self._erase()

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._refresh, daemon=True)
            self._thread.start()

    def _refresh(self) -> None:
        pause = 0.2 if self._live else HEARTBEAT_SECONDS
        while not self._ended.wait(pause):
            with self._lock:
                if self._live:
                    self._erase()
                    self._draw()
                else:
                    for step in self._steps:
                        self._stream.write(f"    still at {step.line()}\n")
                self._stream.flush()

    def _erase(self) -> None:
        if self._live and self._drawn:
            self._stream.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        if self._live:
            frame = FRAMES[int(time.monotonic() * 5) % len(FRAMES)]
            for step in self._steps:
                self._stream.write(f"  {frame} {step.line()}\n"[:200])
            self._drawn = len(self._steps)
