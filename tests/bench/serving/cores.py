"""How much of the machine others used while something was measured."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# Columns of a processor's line in /proc/stat. Interrupts are left out: those of the loopback
# device are the measured programs' own, and no program is charged for them.
_USER, _NICE, _SYSTEM, _STEAL = 0, 1, 2, 7


@dataclass(frozen=True)
class Look:
    """Seconds of the processor up to a moment."""

    at: float
    all_programs: float
    own: float


@dataclass(frozen=True)
class Watch:
    """Looks at some cores; what the watched server and our children use counts as our own."""

    cores: Sequence[int]
    server_seconds: Callable[[], float]

    def look(self) -> Look:
        """The present moment."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = self.server_seconds() + children.ru_utime + children.ru_stime
        stat = Path("/proc/stat").read_text()
        return Look(time.perf_counter(), busy_seconds(stat, self.cores), own + time.process_time())


def others_between(first: Look, last: Look) -> float:
    """How many cores' worth of time other programs used; never below 0."""
    others = (last.all_programs - first.all_programs) - (last.own - first.own)
    return max(0.0, others / (last.at - first.at))


def busy_seconds(stat: str, cores: Sequence[int]) -> float:
    """What the text of /proc/stat says that programs used of some cores, other guests included."""
    wanted = {f"cpu{core}" for core in cores}
    busy = 0
    for line in stat.splitlines():
        name, *columns = line.split()
        if name in wanted:
            busy += sum(int(columns[place]) for place in (_USER, _NICE, _SYSTEM, _STEAL))
    return busy / _TICKS
