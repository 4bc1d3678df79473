"""`devcluster down`: takes away what `up` made, and nothing that it did not make."""

from __future__ import annotations

import os
import shutil

from devcluster import private_engine
from devcluster.cluster import Cluster
from devcluster.debian import installed_by_us
from devcluster.engine import NETWORK, Engine
from devcluster.errors import Refusal
from devcluster.host import capabilities_missing_here
from devcluster.pins import Pins
from devcluster.places import Places
from devcluster.progress import Progress
from devcluster.status import find_engine

__all__ = ["take_down"]

IMAGES = ("leadsman-dev/*", "leadsman/*", "leadsman-stack/*")
OWN = (
    "bin", "clusters", "engine", "go", "logs", "parts", "toolchain", "uv", "work",
    "installed-packages", "lock",
)  # fmt: skip
"""What devcluster and `make` put into the cache folder."""


def take_down(
    pins: Pins, places: Places, progress: Progress, *, name: str, everything: bool
) -> None:
    """Delete a cluster; with the last one its network and a private engine; maybe the caches too.

    Raises:
        Refusal: There are things of a private engine and this user may not touch them.
        CommandFailed: The engine refused.
    """
    engine = None if everything and _has_private(places) else _engine(places, progress)
    if engine is not None:
        names = _clusters(places, name) if everything else (name,)
        for each in names:
            with progress.step(f"cluster `{each}`: nodes, volumes, kubeconfig"):
                Cluster(each, engine, pins, places, progress).delete()
        if not engine("ps", "--all", "--quiet", "--filter", f"network={NETWORK}").split():
            engine.succeeds("network", "rm", NETWORK)
        if everything:
            _remove_images(engine)
    others = engine is not None and engine.is_private and engine("ps", "--all", "--quiet").split()
    if places.run.exists() and not others:
        with progress.step("private engine: processes, mounts, interfaces, firewall rules"):
            private_engine.stop(places)
    if everything:
        _remove_caches(places, progress)


def _has_private(places: Places) -> bool:
    """Say whether there is a private engine's data, which goes whole: no need to ask the engine."""
    if (places.engine / "data").exists() and os.geteuid() != 0:
        raise Refusal("the engine was started by root: run `devcluster down --all` as root")
    return (places.engine / "data").exists()


def _clusters(places: Places, name: str) -> tuple[str, ...]:
    known = places.cache / "clusters"
    return tuple({name, *(entry.name for entry in known.iterdir())} if known.exists() else {name})


def _engine(places: Places, progress: Progress) -> Engine | None:
    """Return the engine that may hold clusters: ours if it holds something, else the user's."""
    if places.run.exists() or private_engine.holds_nodes(places):
        if os.geteuid() != 0:
            raise Refusal("the engine was started by root: run `devcluster down` as root")
        if private_engine.is_running(places):
            return private_engine.client_of(places)
        if private_engine.holds_nodes(places):
            with progress.step("private engine, to take its containers away"):
                return private_engine.start(places, without=capabilities_missing_here())
    return find_engine(places)


def _remove_images(engine: Engine) -> None:
    for pattern in IMAGES:
        listed = engine("images", "--format", "{{.Repository}}:{{.Tag}}", pattern)
        for image in listed.split():
            engine.succeeds("image", "rm", "--force", image)


def _remove_caches(places: Places, progress: Progress) -> None:
    """Remove what devcluster keeps, by name: the folder may be one that the user chose."""
    packages = " ".join(installed_by_us(places))
    with progress.step(f"caches in {places.cache}"):
        for name in OWN:
            path = places.cache / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if places.cache.exists() and not any(places.cache.iterdir()):
            places.cache.rmdir()
    if packages:
        progress.say(f"still installed: {packages} (`apt-get purge {packages}` removes them)")
