"""`devcluster down`: takes away what `up` made, and nothing that it did not make."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from devcluster import commands, private_engine
from devcluster.cluster import Cluster
from devcluster.debian import installed_by_us
from devcluster.engine import Engine
from devcluster.errors import Refusal
from devcluster.nodes import CLUSTER_LABEL
from devcluster.pins import Pins
from devcluster.places import Places
from devcluster.progress import Progress

__all__ = ["take_down"]

NETWORK = "leadsman"
IMAGES = "leadsman-dev/*"


def take_down(
    pins: Pins, places: Places, progress: Progress, *, name: str, everything: bool
) -> None:
    """Delete a cluster; with the last one its network and a private engine; maybe the caches too.

    Raises:
        Refusal: There are things of a private engine and this user may not touch them.
        CommandFailed: The engine refused.
    """
    engine = _engine(places, progress)
    if engine:
        cluster = Cluster(name, engine, pins, places, progress)
        with progress.step(f"cluster `{name}`: nodes, volumes, kubeconfig"):
            cluster.delete()
        if not engine("ps", "--all", "--quiet", "--filter", f"label={CLUSTER_LABEL}").split():
            engine.succeeds("network", "rm", NETWORK)
        if everything and not engine.is_private:
            _remove_images(engine)
    if places.run.exists() and not (
        engine and engine.is_private and engine("ps", "--all", "--quiet").split()
    ):
        with progress.step("private engine: processes, mounts, interfaces, firewall rules"):
            private_engine.stop(places)
    if everything:
        packages = " ".join(installed_by_us(places))
        with progress.step(f"caches in {places.cache}"):
            remove_folder(places.cache)
        if packages:
            progress.say(f"still installed: {packages} (`apt-get purge {packages}` removes them)")


def _engine(places: Places, progress: Progress) -> Engine | None:
    """Return the engine that may hold clusters: ours if it holds something, else the user's."""
    containers = places.engine / "data" / "containers"
    if places.run.exists() or containers.exists():
        if os.geteuid() != 0:
            raise Refusal("the engine was started by root: run `devcluster down` as root")
        if private_engine.is_running(places):
            return private_engine.client_of(places)
        if any(containers.iterdir()) if containers.exists() else False:
            with progress.step("private engine, to take its containers away"):
                return private_engine.start(places, without=private_engine.missing_here())
    if commands.attempt(["docker", "version"], timeout=20).returncode:
        return None
    return Engine("docker", None, places.programs)


def _remove_images(engine: Engine) -> None:
    for name in engine("images", "--format", "{{.Repository}}:{{.Tag}}", IMAGES).split():
        engine("image", "rm", "--force", name)


def remove_folder(folder: Path) -> None:
    """Remove a folder, read-only parts included: Go's module cache is made of them."""
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(parent) / name
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
