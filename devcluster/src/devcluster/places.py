"""Where devcluster keeps things: one cache folder, safe to delete, and one folder for a boot.

Everything slow to build lies in the cache, keyed by its content; sockets and process ids lie in
the run folder, which a restart of the machine may empty.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Places", "find_places"]


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of devcluster on this machine."""

    cache: Path
    run: Path

    @property
    def programs(self) -> Path:
        """Links to the command-line programs, for the PATH."""
        return self.cache / "bin"

    @property
    def parts(self) -> Path:
        """Built programs, a folder for each part and content key."""
        return self.cache / "parts"

    @property
    def go(self) -> Path:
        """Go's module and build caches, apart from the user's own."""
        return self.cache / "go"

    @property
    def engine(self) -> Path:
        """The private engine's data and log."""
        return self.cache / "engine"

    @property
    def socket(self) -> Path:
        """The private engine's socket."""
        return self.run / "docker.sock"

    @property
    def logs(self) -> Path:
        """What the builds and tools printed."""
        return self.cache / "logs"

    @property
    def work(self) -> Path:
        """Half-made things; whatever lies here may be thrown away."""
        return self.cache / "work"

    def kubeconfig(self, cluster: str) -> Path:
        """The file that points kubectl at a cluster."""
        return self.cache / "clusters" / cluster / "kubeconfig"


def find_places() -> Places:
    """Find the folders: `LEADSMAN_CACHE` or the user's cache folder, and `/run` for root."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("LEADSMAN_CACHE") or Path(home) / "leadsman").absolute()
    runtime = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")  # noqa: S108
    return Places(cache=cache, run=Path(runtime) / "leadsman-devcluster")
