"""A server with all its helper processes: started on one core, watched and ended as one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_END_SECONDS = 10.0
_PAUSE_SECONDS = 0.01
_LOG_LINES = 8
# Places in /proc/PID/stat, counted behind the program's name, which may hold blanks.
_PARENT, _SESSION, _TIMES = 1, 3, slice(11, 15)


class ProcessTree:
    """A program and everything that it starts."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, core: int
    ) -> None:
        """Start it."""
        self.started_at = time.perf_counter()
        self._log = log
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=log.parent,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        """Whether the program itself has not ended."""
        return self._process.poll() is None

    def last_words(self) -> str:
        """The end of what it printed."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])

    def cpu_seconds(self) -> float:
        """What all its processes have used, those that have ended included."""
        return sum(sum(int(tick) for tick in stat[_TIMES]) for stat in self._stats()) / _TICKS

    def memory_mb(self) -> float:
        """Resident memory, with shared pages divided among those that share them."""
        return sum(map(_proportional_kb, self._members())) / 1024

    def stand_still(self) -> None:
        """Use no more of the processor until `go_on`."""
        self._tell(signal.SIGSTOP)

    def go_on(self) -> None:
        """Run again."""
        self._tell(signal.SIGCONT)

    def _tell(self, what: signal.Signals) -> None:
        for member in self._members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, what)

    def end(self) -> None:
        """Ask it to end, then insist; no process stays."""
        self.go_on()
        members = self._members()
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        for member in {*members, *self._members()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        self._process.wait()
        deadline = time.monotonic() + _END_SECONDS
        while any(map(_is_alive, members)) and time.monotonic() < deadline:
            pause()

    def _members(self) -> list[int]:
        return list(self._by_id())

    def _stats(self) -> list[list[str]]:
        return list(self._by_id().values())

    def _by_id(self) -> dict[int, list[str]]:
        """Those of our session and those that come from one of ours."""
        everybody = {
            int(entry.name): stat
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and (stat := _stat(int(entry.name)))
        }
        leader = self._process.pid
        found = {
            number
            for number, stat in everybody.items()
            if number == leader or int(stat[_SESSION]) == leader
        }
        while more := {
            number
            for number, stat in everybody.items()
            if int(stat[_PARENT]) in found and number not in found
        }:
            found |= more
        return {number: everybody[number] for number in found if number in everybody}


def pause() -> None:
    """Wait a moment before looking again."""
    threading.Event().wait(_PAUSE_SECONDS)


def _stat(number: int) -> list[str]:
    try:
        text = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _is_alive(number: int) -> bool:
    stat = _stat(number)
    return bool(stat) and stat[0] != "Z"


def _proportional_kb(number: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{number}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
