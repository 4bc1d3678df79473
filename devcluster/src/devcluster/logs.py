"""`devcluster logs`: everything that helps to find out why something did not work."""

from __future__ import annotations

import shutil
from pathlib import Path

from devcluster import commands
from devcluster.cluster import Cluster

__all__ = ["collect"]


def collect(cluster: Cluster, folder: Path) -> Path:
    """Write kind's export of nodes and pods, the builds' logs and the engine's into a folder.

    Raises:
        CommandFailed: kind could not read the nodes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kind = str(cluster.places.programs / "kind")
    if cluster.nodes():
        with cluster.progress.step("logs of nodes and pods"):
            commands.run(
                [kind, "export", "logs", str(folder), "--name", cluster.name],
                env=cluster.engine.env,
            )
    shutil.copytree(cluster.places.logs, folder / "devcluster", dirs_exist_ok=True)
    engine_log = cluster.places.engine / "dockerd.log"
    if engine_log.exists():
        shutil.copy(engine_log, folder / "dockerd.log")
    return folder
