"""Looks at the machine and states facts about it; decides nothing (`ways` does)."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devcluster import commands
from devcluster.places import Places

__all__ = [
    "HostFacts",
    "capabilities_missing_here",
    "is_port_free",
    "look_at_host",
    "missing_capabilities",
]

CAPABILITIES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]
"""Names by number, from the kernel's `include/uapi/linux/capability.h`."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What matters of a machine for bringing a cluster up."""

    is_root: bool
    has_apt: bool
    engine_version: str | None
    """Version of the engine that the user's docker client reaches; None without one."""
    engine_trouble: str
    """Why the user's docker client reaches no engine."""
    has_private_engine: bool
    """One runs, or holds the nodes of a cluster from before the machine was restarted."""
    missing_programs: tuple[str, ...]
    """Of the programs that a private engine and a build need."""
    companion_packages: tuple[str, ...]
    """What this release of Debian keeps apart of docker.io, or debootstrap needs elsewhere."""
    missing_capabilities: tuple[str, ...]
    missing_kernel_features: tuple[str, ...]
    cgroup_version: int
    free_bytes: int


COMPANIONS = ("docker-cli", "docker-buildx", "debian-archive-keyring")
ENGINE_PROGRAMS = ("dockerd", "docker", "containerd", "runc", "iptables", "jq", "debootstrap", "ip")


def look_at_host(places: Places, *, has_private_engine: bool) -> HostFacts:
    """Read the facts; takes well under a second."""
    version, trouble = _reachable_engine()
    return HostFacts(
        is_root=os.geteuid() == 0,
        has_apt=shutil.which("apt-get") is not None,
        engine_version=version,
        engine_trouble=trouble,
        has_private_engine=has_private_engine,
        missing_programs=tuple(name for name in ENGINE_PROGRAMS if not _find_program(name)),
        companion_packages=tuple(name for name in COMPANIONS if _is_packaged(name)),
        missing_capabilities=capabilities_missing_here(),
        missing_kernel_features=_missing_kernel_features(),
        cgroup_version=2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1,
        free_bytes=shutil.disk_usage(_existing_parent(places.cache)).free,
    )


def capabilities_missing_here() -> tuple[str, ...]:
    """Return the capabilities that this machine cannot grant to containers."""
    return missing_capabilities(
        Path("/proc/self/status").read_text(),
        int(Path("/proc/sys/kernel/cap_last_cap").read_text()),
    )


def missing_capabilities(status: str, last: int) -> tuple[str, ...]:
    """Return the capabilities up to number `last` outside the bounding set of a `/proc/…/status`.

    Worked example: a `CapBnd` of `000001fffeffffff` with `last` 40 lacks bit 24, SYS_RESOURCE.
    """
    bounding = next(int(line.split()[1], 16) for line in status.splitlines() if "CapBnd" in line)
    return tuple(
        f"CAP_{name}"
        for number, name in enumerate(CAPABILITIES[: last + 1])
        if not bounding >> number & 1
    )


def is_port_free(port: int) -> bool:
    """Say whether a program on this machine could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - a probe that is closed at once
        except PermissionError:  # a low port: the engine may take it, this user may not
            return True
        except OSError:
            return False
    return True


def _find_program(name: str) -> str | None:
    if name == "docker":  # Debian's, which belongs to Debian's engine
        return name if Path("/usr/bin/docker").exists() else None
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin:/usr/bin")


def _is_packaged(name: str) -> bool:
    return commands.attempt(["apt-cache", "show", name]).returncode == 0


def _reachable_engine() -> tuple[str | None, str]:
    if not shutil.which("docker"):
        return None, "there is no docker client"
    answer = commands.attempt(["docker", "version", "-f", "{{.Server.Version}}"], timeout=20)
    if answer.returncode == 0 and answer.stdout.strip():
        return answer.stdout.strip(), ""
    lines = answer.stderr.strip().splitlines() or ["it does not answer"]
    return None, lines[0]


def _missing_kernel_features() -> tuple[str, ...]:
    filesystems = _load_and_read("overlay", Path("/proc/filesystems"))
    missing = [] if "overlay" in filesystems else ["the overlay file system"]
    missing += _missing_controllers(("cpu", "memory", "pids"))
    if os.geteuid() == 0 and _find_program("ip"):
        missing += [f"{kind} network interfaces" for kind in ("bridge", "veth") if not _makes(kind)]
    return tuple(missing)


def _load_and_read(module: str, file: Path) -> str:
    text = file.read_text()
    if module not in text and os.geteuid() == 0:
        commands.attempt(["modprobe", module])
        text = file.read_text()
    return text


def _missing_controllers(wanted: Iterable[str]) -> list[str]:
    unified = Path("/sys/fs/cgroup/cgroup.controllers")
    text = (unified if unified.exists() else Path("/proc/cgroups")).read_text()
    return [f"the {name} cgroup controller" for name in wanted if name not in text.split()]


def _makes(kind: str) -> bool:
    name = "leadsman-probe"
    made = commands.attempt(["ip", "link", "add", name, "type", kind])
    commands.attempt(["ip", "link", "delete", name])
    return made.returncode == 0


def _existing_parent(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
