"""A Docker engine of our own, for machines where none runs: started, adopted, taken down whole.

It has its own socket, data and run folders. Before the first start the state of the machine that
an engine changes is written down, so that `stop` can put it back.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from devcluster import commands, firewall
from devcluster.engine import Engine
from devcluster.errors import CommandFailed, Refusal
from devcluster.pins import package_file
from devcluster.places import Places
from devcluster.waiting import wait_until

__all__ = ["client_of", "holds_nodes", "is_running", "start", "stop"]

PACKAGED_CLIENT = Path("/usr/bin/docker")  # one on the PATH may be newer than the engine
START_SECONDS = 60.0
STOP_SECONDS = 30.0
FAMILIES = ("iptables", "ip6tables")
FORWARDING = (
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv6/conf/default/forwarding",
    "/proc/sys/net/ipv6/conf/all/forwarding",
)


def client_of(places: Places) -> Engine:
    """Return the client of the private engine: Debian's own, which has BuildKit built in."""
    folder = places.run / "programs"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "docker"
    if not link.is_symlink():
        link.symlink_to(PACKAGED_CLIENT)
    return Engine(client=str(link), host=f"unix://{places.socket}", programs=folder)


def is_running(places: Places) -> bool:
    """Say whether the private engine answers."""
    return places.socket.exists() and client_of(places).succeeds("version", timeout=20)


def holds_nodes(places: Places) -> bool:
    """Say whether containers are left, of an engine that runs or one that did."""
    containers = places.engine / "data" / "containers"
    return containers.exists() and any(containers.iterdir())


def start(places: Places, *, without: tuple[str, ...]) -> Engine:
    """Start the private engine, or adopt the one that runs.

    Raises:
        Refusal: It did not come up; the message has its last words.
    """
    if is_running(places):
        return client_of(places)
    _end_processes(places)  # whatever a kill -9 has left of an earlier one
    _unmount(places)
    places.run.mkdir(parents=True, exist_ok=True)
    places.engine.mkdir(parents=True, exist_ok=True)
    _write_down(places)
    # Packets between pods of one node have to meet the rules of Services; new engines forget it.
    commands.attempt(["modprobe", "br_netfilter"])
    log = places.engine / "dockerd.log"
    with log.open("w") as kept:
        process = subprocess.Popen(
            _command_line(places, without),
            stdin=subprocess.DEVNULL,
            stdout=kept,
            stderr=kept,
            start_new_session=True,
        )
    if not wait_until(lambda: is_running(places) or process.poll() is not None, START_SECONDS) or (
        process.poll() is not None
    ):
        last = " | ".join(log.read_text().strip().splitlines()[-3:])
        stop(places)
        raise Refusal(f"the private engine did not start: {last} (all of it: {log})")
    return client_of(places)


def stop(places: Places) -> None:
    """End the private engine and put back what it changed; its data stays as a cache."""
    _end_processes(places)
    _unmount(places)
    before = _read_down(places)
    if before is not None:
        _remove_interfaces(set(before.links))
        for family, policy in before.forward_policies.items():
            _clean_firewall(family, policy)
        for path, value in before.forwarding.items():
            Path(path).write_text(value)
    shutil.rmtree(places.run, ignore_errors=True)


def _command_line(places: Places, without: tuple[str, ...]) -> list[str]:
    flags = [
        "dockerd",
        f"--host=unix://{places.socket}",
        f"--data-root={places.engine / 'data'}",
        f"--exec-root={places.run / 'exec'}",
        f"--pidfile={places.run / 'docker.pid'}",
        f"--mtu={_default_mtu()}",
        "--log-level=warn",
    ]
    if without:
        wrapper = places.run / "runc"
        script = package_file("files/runc-within-capabilities.sh").read_text()
        script = script.replace("@MISSING@", json.dumps(without))
        wrapper.write_text(script.replace("@RUNC@", shutil.which("runc") or "/usr/sbin/runc"))
        wrapper.chmod(0o755)
        flags += [
            f"--add-runtime=within-capabilities={wrapper}",
            "--default-runtime=within-capabilities",
        ]
    return flags


def _default_mtu() -> int:
    """Packets larger than the way out takes would be lost on their way to a build."""
    routes = commands.attempt(["ip", "-o", "route", "get", "192.0.2.1"]).stdout
    found = re.search(r"\bdev (\S+)", routes)
    file = Path(f"/sys/class/net/{found[1]}/mtu") if found else None
    return int(file.read_text()) if file and file.exists() else 1500


@dataclass(frozen=True, slots=True)
class _Before:
    """What an engine changes of a machine, as it was before."""

    links: list[str]
    forward_policies: dict[str, str]
    """Of the FORWARD chain, by the program that sets it."""
    forwarding: dict[str, str]
    """The kernel's switches, by path."""


def _write_down(places: Places) -> None:
    file = places.run / "before.json"
    if file.exists():  # an engine that was killed: what it changed is not the state before
        return
    state = _Before(
        links=_links(),
        forward_policies={
            family: firewall.forward_policy(commands.attempt([f"{family}-save"]).stdout)
            for family in FAMILIES
        },
        forwarding={path: Path(path).read_text() for path in FORWARDING if Path(path).exists()},
    )
    file.write_text(json.dumps(asdict(state)))


def _read_down(places: Places) -> _Before | None:
    file = places.run / "before.json"
    if not file.exists():
        return None
    state = json.loads(file.read_text())  # maybe of another version: that is no reason to fail
    return _Before(
        links=state.get("links", _links()),
        forward_policies=state.get("forward_policies", dict.fromkeys(FAMILIES, "ACCEPT")),
        forwarding=state.get("forwarding", {}),
    )


def _processes(places: Places) -> dict[int, str]:
    """Return the engine's own processes and those of its containers, with their command lines.

    A process is ours by our folders on its command line, or by a container of ours as its cgroup.
    """
    marks = (str(places.socket), str(places.run / "exec"))
    containers = places.engine / "data" / "containers"
    ids = tuple(entry.name for entry in containers.iterdir()) if containers.exists() else ()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            groups = (entry / "cgroup").read_text()
        except OSError:  # it ended meanwhile
            continue
        is_part = _program(line) in PROGRAMS and any(mark in line for mark in marks)
        if is_part or any(container in groups for container in ids):
            found[int(entry.name)] = line
    return found


PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2", "runc")


def _program(command_line: str) -> str:
    return command_line.partition(" ")[0].rpartition("/")[2]


def _end_processes(places: Places) -> None:
    """End the engine politely; it ends its containers; then kill whatever is left."""
    engines = [number for number, line in _processes(places).items() if _program(line) == "dockerd"]
    for number in engines:
        _signal(number, signal.SIGTERM)
    if engines:
        wait_until(lambda: not _processes(places), STOP_SECONDS)
    for number in _processes(places):
        _signal(number, signal.SIGKILL)
    wait_until(lambda: not _processes(places), STOP_SECONDS)


def _signal(number: int, which: signal.Signals) -> None:
    try:
        os.kill(number, which)
    except ProcessLookupError:
        return


def _unmount(places: Places) -> None:
    roots = (str(places.engine / "data"), str(places.run))
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if mount.startswith(roots):
            commands.attempt(["umount", "--lazy", mount])


def _links() -> list[str]:
    return sorted(entry.name for entry in Path("/sys/class/net").iterdir())


def _remove_interfaces(before: set[str]) -> None:
    for link in sorted(set(_links()) - before):
        if re.fullmatch(r"docker0|br-[0-9a-f]{12}|veth[0-9a-f]{7}", link):
            commands.attempt(["ip", "link", "delete", link])


def _clean_firewall(family: str, policy: str) -> None:
    saved = commands.attempt([f"{family}-save"])
    if saved.returncode or "DOCKER" not in saved.stdout:
        return
    cleaned = firewall.without_engine(saved.stdout, policy=policy)
    restored = commands.attempt([f"{family}-restore"], stdin=cleaned)
    if restored.returncode:
        raise CommandFailed([f"{family}-restore"], restored.returncode, restored.stderr)
