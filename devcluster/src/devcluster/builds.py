"""Builds the Go parts, each once for its content: sources, checksums and flags make the key.

Go's own cache lets an interrupted build go on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from devcluster import commands
from devcluster.pins import Part, package_file
from devcluster.places import Places

__all__ = ["GoBuild", "is_built", "part_folder"]


def part_folder(part: Part, places: Places) -> Path:
    """Return the folder of a part's programs; it exists when the part is built."""
    digest = hashlib.sha256(json.dumps(_flags(part)).encode())
    digest.update(json.dumps(part.programs).encode())
    for file in sorted(_sources(part).rglob("*")):
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return places.parts / f"{part.name}-{digest.hexdigest()[:12]}"


def is_built(part: Part, places: Places) -> bool:
    """Say whether the part is in the cache."""
    return part_folder(part, places).exists()


class GoBuild:
    """Builds parts with one toolchain and one pair of caches."""

    def __init__(self, go: str, places: Places) -> None:
        """Take the toolchain; the caches lie in the cache folder, apart from the user's."""
        self._go = go
        self._places = places
        self._env = {
            "CGO_ENABLED": "0",  # static programs: they run in empty images
            "GOCACHE": str(places.go / "build"),
            "GOMODCACHE": str(places.go / "mod"),
            "GOGC": "400",  # memory for time: the compilers collect garbage less often
            "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }

    def build(self, part: Part, show: Callable[[str], None]) -> Path:
        """Build a part unless the cache has it; `show` gets how far it is. Returns its folder.

        Raises:
            CommandFailed: A download or the compiler failed.
        """
        done = part_folder(part, self._places)
        if done.exists():
            return done
        made = self._places.work / done.name
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        log = self._places.logs / f"{part.name}.log"
        show("downloading modules")
        total = len(self._list_packages(part).splitlines())
        counter = _Counter(total, show)
        commands.follow(
            [self._go, "build", "-v", *_flags(part), "-o", f"{made}{os.sep}", *part.programs],
            cwd=_sources(part),
            env=self._env,
            log=log,
            on_line=counter.count,
        )
        _rename(part, made)
        done.parent.mkdir(parents=True, exist_ok=True)
        made.rename(done)  # whole or not at all
        return done

    def module_folder(self, part: Part, module: str) -> Path:
        """Return where the sources of one of a part's modules lie, downloading them if need be.

        Raises:
            CommandFailed: The download failed.
        """
        printed = commands.run(
            [self._go, "-C", str(_sources(part)), "mod", "download", "-json", module],
            env=self._env,
        )
        return Path(json.loads(printed)["Dir"])

    def _list_packages(self, part: Part) -> str:
        return commands.run(
            [self._go, "-C", str(_sources(part)), "list", *_tags(part), "-deps", *part.programs],
            env=self._env,
            timeout=1800,
        )


class _Counter:
    """Turns the compiler's lines, one a package, into `812 of about 2,301 packages`."""

    def __init__(self, total: int, show: Callable[[str], None]) -> None:
        self._seen = 0
        self._total = total
        self._show = show

    def count(self, line: str) -> None:
        if re.fullmatch(r"[\w./~+-]+", line):
            self._seen += 1
            self._show(f"compiled {self._seen:,} of at most {self._total:,} packages")


def _sources(part: Part) -> Path:
    return package_file("parts") / part.folder


def _flags(part: Part) -> list[str]:
    link = ["-s", "-w", *(f"-X {name}={value}" for name, value in part.stamps.items())]
    return ["-trimpath", f"-ldflags={' '.join(link)}", *_tags(part)]


def _tags(part: Part) -> list[str]:
    return [f"-tags={','.join(part.tags)}"] if part.tags else []


def _rename(part: Part, folder: Path) -> None:
    for old, new in part.rename.items():
        (folder / old).rename(folder / new)
