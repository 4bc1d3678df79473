"""Moves images from the engine into the nodes, and of them only what a node lacks."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from devcluster import archives, commands
from devcluster.cluster import Cluster
from devcluster.errors import CommandFailed, Refusal
from devcluster.nodes import Node

__all__ = ["load_images"]

CTR = ("ctr", "--namespace", "k8s.io")


def load_images(cluster: Cluster, images: tuple[str, ...]) -> None:
    """Load images into every node of a cluster.

    Raises:
        Refusal: There is no such cluster, or the engine has no such image.
        CommandFailed: A node refused an image.
    """
    running = tuple(node for node in cluster.nodes() if node.is_running)
    if not running:
        raise Refusal(f"there is no cluster `{cluster.name}` to load into: run `devcluster up`")
    for image in images:
        found = cluster.engine.inspect("image", image)
        if found is None:
            raise Refusal(f"the engine has no image `{image}`: build it first (`make images`)")
        lacking = tuple(node for node in running if not _has(cluster, node, image, found["Id"]))
        if not lacking:
            cluster.progress.say(f"  ✓ {image}: every node has it")
            continue
        with cluster.progress.step(f"{image} into {len(lacking)} of {len(running)} nodes") as step:
            moved = _load(cluster, lacking, image)
            step.detail = ""
            step.title += f": {moved.bytes / 1e6:.1f} of {moved.of_bytes / 1e6:.1f} MB moved"


def _has(cluster: Cluster, node: Node, image: str, wanted: str) -> bool:
    """Compare contents, not names: a tag may have moved since."""
    name = archives.full_name(image)
    listed = _ctr(cluster, node, "images", "list", f"name=={name}").splitlines()[1:]
    if not listed:
        return False
    digest = next(word for word in listed[0].split() if word.startswith("sha256:"))
    if digest == wanted:  # engines that keep images in containerd call them by the manifest
        return True
    manifest = json.loads(_ctr(cluster, node, "content", "get", digest))
    return bool(manifest.get("config", {}).get("digest") == wanted)


def _load(cluster: Cluster, lacking: tuple[Node, ...], image: str) -> archives.Moved:
    work = cluster.places.work
    work.mkdir(parents=True, exist_ok=True)
    saved, archive = work / "saved.tar", work / "missing.tar"
    moved = archives.Moved(0, 0)
    try:
        cluster.engine("save", "--output", str(saved), image)
        for present, nodes in _by_contents(cluster, lacking).items():
            moved = archives.write_missing(saved, archive, image, present)
            with ThreadPoolExecutor(len(nodes)) as lanes:
                list(lanes.map(partial(_import, cluster, archive), nodes))
    finally:
        saved.unlink(missing_ok=True)
        archive.unlink(missing_ok=True)
    return moved


def _by_contents(
    cluster: Cluster, nodes: tuple[Node, ...]
) -> Mapping[frozenset[str], Sequence[Node]]:
    """Nodes by the digests of what they hold: those that hold the same lack the same."""
    found: dict[frozenset[str], list[Node]] = {}
    for node in nodes:
        present = frozenset(_ctr(cluster, node, "content", "list", "--quiet").split())
        found.setdefault(present, []).append(node)
    return found


def _import(cluster: Cluster, archive: Path, node: Node) -> None:
    command = [cluster.engine.client, "exec", "--interactive", node.name, *CTR]
    with archive.open("rb") as content:
        result = subprocess.run(
            [*command, "images", "import", "--snapshotter", "overlayfs", "-"],
            stdin=content,
            capture_output=True,
            env=commands.environment(cluster.engine.env),
            timeout=600,
            check=False,
        )
    if result.returncode:
        raise CommandFailed(command, result.returncode, result.stderr.decode(errors="replace"))


def _ctr(cluster: Cluster, node: Node, *arguments: str) -> str:
    return cluster.engine("exec", node.name, *CTR, *arguments)
