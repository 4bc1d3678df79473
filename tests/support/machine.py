"""What a cluster leaves on the machine that runs it, found by listing."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from devcluster.places import Places, find_places
from devcluster.status import find_engine

__all__ = ["devcluster", "leftovers", "node_ids", "private_processes", "status"]

CLUSTER_LABEL = "io.x-k8s.kind.cluster=leadsman"
PARTS = r"(dockerd|containerd(-shim[\w-]*)?|runc|kubelet|kube-\w[\w-]*|etcd)"


def devcluster(*arguments: str, timeout: float = 400) -> subprocess.CompletedProcess[str]:
    """Run a devcluster command, as a user would."""
    return subprocess.run(
        ["devcluster", *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )


def status() -> dict[str, Any]:
    """Return `devcluster status` as data."""
    state: dict[str, Any] = json.loads(devcluster("status", "-o", "json").stdout)
    return state


def node_ids() -> set[str]:
    """Return the ids of the nodes' containers."""
    engine = find_engine(find_places())
    if engine is None:
        return set()
    return set(engine("ps", "-aq", "--filter", f"label={CLUSTER_LABEL}").split())


def leftovers(*, private: bool) -> dict[str, list[str]]:
    """List everything of a cluster, and of a private engine, that is there now."""
    places = find_places()
    found = {"containers": sorted(node_ids()), "kubeconfig": _existing(places)}
    if private:
        found["processes"] = sorted(private_processes())
        found["mounts"] = _mounts(places)
        found["interfaces"] = [
            link.name
            for link in Path("/sys/class/net").iterdir()
            if re.fullmatch(r"docker0|br-[0-9a-f]{12}|veth[0-9a-f]{7}", link.name)
        ]
        found["chains"] = _chains()
        found["run folder"] = [str(places.run)] if places.run.exists() else []
    return {kind: entries for kind, entries in found.items() if entries}


def private_processes() -> dict[str, int]:
    """Return the running parts of engine and cluster: command line → process id.

    A part is known by its program and by our folder on its command line or a container's cgroup.
    """
    run = str(find_places().run)
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            groups = (entry / "cgroup").read_text()
        except OSError:
            continue  # it ended meanwhile
        program = line.partition(" ")[0].rpartition("/")[2]
        if re.fullmatch(PARTS, program) and (run in line or "/docker/" in groups):
            found[f"{entry.name} {line[:80]}"] = int(entry.name)
    return found


def _existing(places: Places) -> list[str]:
    file = places.kubeconfig("leadsman")
    return [str(file)] if file.exists() else []


def _mounts(places: Places) -> list[str]:
    roots = (str(places.cache), str(places.run))
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [mount for mount in mounts if mount.startswith(roots)]


def _chains() -> list[str]:
    listings = [
        subprocess.run([program], capture_output=True, text=True, check=False).stdout
        for program in ("iptables-save", "ip6tables-save")
    ]
    return re.findall(r"^:((?:DOCKER|KUBE)\S*)", "\n".join(listings), re.MULTILINE)
