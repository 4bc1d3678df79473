"""`devcluster status`: what is there, in a table for people or as JSON."""

from __future__ import annotations

import os
from typing import Any

from devcluster import commands, private_engine
from devcluster.cluster import ADDONS, Cluster
from devcluster.engine import Engine
from devcluster.pins import Pins
from devcluster.places import Places
from devcluster.progress import Progress
from devcluster.ways import EngineKind

__all__ = ["look", "render"]


def look(pins: Pins, places: Places, progress: Progress, name: str) -> dict[str, Any]:
    """Return the state of the engine, the nodes and the add-ons."""
    engine = find_engine(places)
    if engine is None:
        return {"cluster": name, "engine": None, "nodes": [], "addons": {}, "ready": False}
    cluster = Cluster(name, engine, pins, places, progress)
    nodes = cluster.nodes()
    answers = bool(nodes) and cluster.kubeconfig.exists() and cluster.answers()
    addons = {addon: _is_available(cluster, space, addon) for space, addon in ADDONS if answers}
    return {
        "cluster": name,
        "engine": str(EngineKind.PRIVATE if engine.is_private else EngineKind.USERS),
        "nodes": [
            {"name": node.name, "role": node.role, "running": node.is_running} for node in nodes
        ],
        "api": answers,
        "addons": addons,
        "kubeconfig": str(cluster.kubeconfig) if answers else None,
        "memory": _memory(engine, [node.name for node in nodes if node.is_running]),
        "ready": answers and all(addons.values()) and all(node.is_running for node in nodes),
    }


def find_engine(places: Places) -> Engine | None:
    """Return the engine that answers now, ours first; starts nothing."""
    if os.geteuid() == 0 and private_engine.is_running(places):
        return private_engine.client_of(places)
    if commands.attempt(["docker", "version"], timeout=20).returncode == 0:
        return Engine("docker", None, places.programs)
    return None


def render(state: dict[str, Any]) -> str:
    """Write the state for a person."""
    if not state["nodes"]:
        return f"cluster `{state['cluster']}`: none (`devcluster up` makes one)"
    readiness = "Ready" if state["ready"] else "not Ready"
    lines = [f"cluster `{state['cluster']}`: {readiness}, on {state['engine']}"]
    for node in state["nodes"]:
        memory = state["memory"].get(node["name"], "")
        running = "running" if node["running"] else "stopped"
        lines.append(f"  {node['name']:<28} {node['role']:<14} {running:<8} {memory}")
    lines += [
        f"  {name:<28} add-on         {'Ready' if ready else 'not Ready'}"
        for name, ready in state["addons"].items()
    ]
    if state["kubeconfig"]:
        lines.append(f"export KUBECONFIG={state['kubeconfig']}")
    return "\n".join(lines)


def _is_available(cluster: Cluster, namespace: str, name: str) -> bool:
    available = cluster.kubectl(
        "-n",
        namespace,
        "get",
        "deployment",
        name,
        "--ignore-not-found",
        "-o",
        "jsonpath={.status.availableReplicas}",
    )
    return available.strip() not in ("", "0")


def _memory(engine: Engine, names: list[str]) -> dict[str, str]:
    if not names:
        return {}
    listing = engine("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *names)
    return dict(line.split(" ", 1) for line in listing.strip().splitlines())
