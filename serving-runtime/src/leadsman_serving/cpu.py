"""What the container may use of the CPU, and how often it was held back: from its cgroup.

Both versions of cgroups are read. Libraries that count the node's cores themselves start as many
threads as those, which a quota then stops all at once: hence it is asked here and they are told.
https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
_NO_QUOTA = ("max", "-1")


@dataclass(frozen=True, slots=True)
class Throttling:
    """What the scheduler counts of a cgroup with a quota, since it was made."""

    periods: int
    """Periods, of usually 0.1 s, in which it wanted to run."""
    throttled: int
    """Those in which its quota was used up before their end."""
    seconds: float
    """How long its threads were held back, all together."""


def quota_v2(cpu_max: str) -> float | None:
    """CPUs, from `cpu.max`, such as `150000 100000`; None for no limit."""
    quota, period = cpu_max.split()
    return None if quota in _NO_QUOTA else int(quota) / int(period)


def quota_v1(quota_us: str, period_us: str) -> float | None:
    """CPUs, from `cpu.cfs_quota_us` and `cpu.cfs_period_us`; None for no limit."""
    quota = quota_us.strip()
    return None if quota in _NO_QUOTA else int(quota) / int(period_us)


def throttling_of(cpu_stat: str) -> Throttling | None:
    """From `cpu.stat` of either version; None where no quota is counted."""
    lines = (line.split() for line in cpu_stat.splitlines())
    known = {parts[0]: int(parts[1]) for parts in lines if len(parts) == 2}  # noqa: PLR2004 - name, number
    if "nr_periods" not in known:
        return None
    seconds = (
        known["throttled_usec"] / 1e6
        if "throttled_usec" in known
        else known.get("throttled_time", 0) / 1e9
    )
    return Throttling(known["nr_periods"], known.get("nr_throttled", 0), seconds)


def folders(own: str, root: Path = ROOT) -> Iterator[Path]:
    """Where the files of this process's cgroup may be, from `/proc/self/cgroup`.

    In a container the path is often that of the node, which is not mounted: the root then is
    the container's own.
    """
    for line in own.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            yield root / path.lstrip("/")
        elif "cpu" in controllers.split(","):
            for name in (controllers, "cpu"):
                yield root / name / path.lstrip("/")
                yield root / name
    yield root


def read_quota(own: Path = OWN, root: Path = ROOT) -> float | None:
    """CPUs that this process may use; None where there is no limit, or none that can be read."""
    for folder in folders(_text(own) or "", root):
        limit = _text(folder / "cpu.max")
        if limit is not None:
            return quota_v2(limit)
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        if quota is not None and period is not None:
            return quota_v1(quota, period)
    return None


def read_throttling(own: Path = OWN, root: Path = ROOT) -> Throttling | None:
    """What is counted of this process's cgroup; None where nothing is."""
    for folder in folders(_text(own) or "", root):
        content = _text(folder / "cpu.stat")
        if content is not None:
            return throttling_of(content)
    return None


def threads_for(wanted: int, quota: float | None) -> int:
    """Threads for one piece of work: as many as wanted, or for 0 the whole CPUs of the quota.

    Without a quota that is one and not the node's: others run there as well.
    """
    return wanted or max(1, int(quota or 1))


def _text(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:
        return None
