"""The quota and the throttling of a container, from files as kernels write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadsman_serving.cpu import (
    Throttling,
    quota_v1,
    quota_v2,
    read_quota,
    read_throttling,
    threads_for,
    throttling_of,
)

V2_STAT = """\
usage_usec 8117243
user_usec 6000712
system_usec 2116531
core_sched.force_idle_usec 0
nr_periods 1044
nr_throttled 312
throttled_usec 15728640
nr_bursts 0
burst_usec 0
"""
V2_STAT_OF_THE_ROOT = "usage_usec 8117243\nuser_usec 6000712\nsystem_usec 2116531\n"
V1_STAT = "nr_periods 1044\nnr_throttled 312\nthrottled_time 15728640123\n"
V1_OWN = """\
12:pids:/kubepods/burstable/pod1/abc
4:cpu,cpuacct:/kubepods/burstable/pod1/abc
1:name=systemd:/kubepods/burstable/pod1/abc
"""


@pytest.mark.parametrize(
    ("content", "cpus"),
    [("max 100000\n", None), ("150000 100000\n", 1.5), ("25000 100000\n", 0.25), ("4000 1000", 4)],
)
def test_quotas_of_the_second_version(content: str, cpus: float | None) -> None:
    """Quota and period stand in one file."""
    assert quota_v2(content) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1\n", None), ("50000\n", 0.5), ("200000\n", 2)])
def test_quotas_of_the_first_version(quota: str, cpus: float | None) -> None:
    """They stand in two files; no limit is a negative one."""
    assert quota_v1(quota, "100000\n") == cpus


def test_throttling_is_read_in_either_unit() -> None:
    """Microseconds in the second version, nanoseconds in the first; nothing without a quota."""
    assert throttling_of(V2_STAT) == Throttling(1044, 312, 15.72864)
    assert throttling_of(V1_STAT) == Throttling(1044, 312, 15.728640123)
    assert throttling_of(V2_STAT_OF_THE_ROOT) is None


def put(file: Path, content: str) -> Path:
    """A file with its folders."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


def test_the_cgroup_of_a_container_is_the_root(tmp_path: Path) -> None:
    """With a namespace of its own, its path is that of the root."""
    own = put(tmp_path / "own", "0::/\n")
    put(tmp_path / "cpu.max", "150000 100000\n")
    put(tmp_path / "cpu.stat", V2_STAT)
    assert read_quota(own, tmp_path) == 1.5
    assert read_throttling(own, tmp_path) == Throttling(1044, 312, 15.72864)


@pytest.mark.parametrize("place", ["system.slice/leadsman.service", ""])
def test_its_own_cgroup_comes_first_and_the_root_where_that_is_not_mounted(
    tmp_path: Path, place: str
) -> None:
    """On a node the path leads there; in a container of a node's namespace it leads nowhere."""
    own = put(tmp_path / "own", "0::/system.slice/leadsman.service\n")
    put(tmp_path / place / "cpu.max", "50000 100000\n")
    assert read_quota(own, tmp_path) == 0.5


@pytest.mark.parametrize("place", ["cpu,cpuacct/kubepods/burstable/pod1/abc", "cpu", "cpu,cpuacct"])
def test_the_first_version_has_a_folder_for_the_cpu(tmp_path: Path, place: str) -> None:
    """Named by its controllers, or by a link; with the path or, in a container, without."""
    own = put(tmp_path / "own", V1_OWN)
    put(tmp_path / place / "cpu.cfs_quota_us", "200000\n")
    put(tmp_path / place / "cpu.cfs_period_us", "100000\n")
    put(tmp_path / place / "cpu.stat", V1_STAT)
    assert read_quota(own, tmp_path) == 2
    throttling = read_throttling(own, tmp_path)
    assert throttling is not None
    assert throttling.throttled == 312


def test_a_machine_without_cgroups_has_no_limit(tmp_path: Path) -> None:
    """Nothing can be read, and nothing is raised."""
    assert read_quota(tmp_path / "own", tmp_path) is None
    assert read_throttling(tmp_path / "own", tmp_path) is None


@pytest.mark.parametrize(
    ("wanted", "quota", "threads"),
    [(1, 8.0, 1), (4, 1.0, 4), (0, None, 1), (0, 0.25, 1), (0, 1.9, 1), (0, 2.0, 2), (0, 7.5, 7)],
)
def test_threads_fit_the_quota(wanted: int, quota: float | None, threads: int) -> None:
    """Only whole CPUs count: a thread more would be stopped, and all others with it."""
    assert threads_for(wanted, quota) == threads
