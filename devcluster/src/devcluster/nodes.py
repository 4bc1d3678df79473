"""The nodes of a cluster as containers: listed, started again, connected with one another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from devcluster.engine import NETWORK, Engine

__all__ = ["Node", "connect_pods", "list_nodes", "pod_network_table", "start_nodes"]

CLUSTER_LABEL = "io.x-k8s.kind.cluster"


@dataclass(frozen=True, slots=True)
class Node:
    """A node's container."""

    name: str
    role: str
    is_running: bool
    address: str
    image: str
    is_ours: bool
    """On the network that devcluster gives its clusters, so made by it."""


def list_nodes(engine: Engine, cluster: str) -> tuple[Node, ...]:
    """Return the nodes of a cluster, the control plane first; stopped ones too."""
    names = engine("ps", "--all", "--quiet", "--filter", f"label={CLUSTER_LABEL}={cluster}").split()
    if not names:
        return ()
    found = [_node(entry) for entry in json.loads(engine("inspect", *names))]
    return tuple(sorted(found, key=lambda node: (node.role != "control-plane", node.name)))


def start_nodes(engine: Engine, nodes: tuple[Node, ...]) -> None:
    """Start stopped nodes in their old order, so that the engine gives them their old addresses.

    Raises:
        CommandFailed: A container would not start.
    """
    for node in nodes:
        if not node.is_running:
            engine("start", node.name)


def pod_network_table(node: str, cidrs: dict[str, str], addresses: dict[str, str]) -> str:
    """Return the file from which a node sets its pods' network.

    Worked example: on `a`, with `{a: 10.244.0.0/24, b: 10.244.1.0/24}` and b at 172.18.0.3, the
    lines `10.244.0.0/24` and `10.244.1.0/24 172.18.0.3`.
    """
    others = [f"{cidrs[name]} {addresses[name]}" for name in sorted(cidrs) if name != node]
    return "\n".join([cidrs[node], *others]) + "\n"


def connect_pods(engine: Engine, nodes: tuple[Node, ...], cidrs: dict[str, str]) -> None:
    """Tell every running node the way to the pods of all nodes.

    Raises:
        CommandFailed: A node could not set its routes.
    """
    addresses = {node.name: node.address for node in nodes}
    for node in nodes:
        table = pod_network_table(node.name, cidrs, addresses)
        engine(
            "exec",
            "--interactive",
            node.name,
            "bash",
            "-c",
            "mkdir -p /etc/leadsman && cat >/etc/leadsman/pod-network && /kind/bin/pod-network.sh",
            stdin=table,
        )


def _node(entry: dict[str, Any]) -> Node:
    networks = entry["NetworkSettings"]["Networks"].values()
    return Node(
        name=entry["Name"].lstrip("/"),
        role=entry["Config"]["Labels"].get("io.x-k8s.kind.role", ""),
        is_running=entry["State"]["Running"],
        address=next((network["IPAddress"] for network in networks), ""),
        image=entry["Config"]["Image"],
        is_ours=NETWORK in entry["NetworkSettings"]["Networks"],
    )
