"""Brings the command-line programs that developers and tests call: helm, kubectl, kind, actionlint.

One on the PATH is taken if its version will do; else it is built. All of them are linked into one
folder, which the Makefile puts on the PATH.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from devcluster import builds, commands
from devcluster.builds import GoBuild
from devcluster.errors import Refusal
from devcluster.pins import Part, Pins, Tool
from devcluster.places import Places
from devcluster.progress import Progress
from devcluster.toolchain import find_go

__all__ = ["bring_tools", "missing_tools"]


def missing_tools(pins: Pins, places: Places, names: tuple[str, ...]) -> tuple[Tool, ...]:
    """Return those of the named tools that the tools folder lacks, or has in another version.

    Raises:
        Refusal: A name is not one of the tools.
    """
    unknown = [name for name in names if name not in pins.tools]
    if unknown:
        raise Refusal(f"there is no tool `{unknown[0]}`: choose from {', '.join(pins.tools)}")
    tools = (pins.tools[name] for name in names)
    return tuple(tool for tool in tools if not _will_do(tool, places.programs / tool.name))


def bring_tools(pins: Pins, places: Places, progress: Progress, names: tuple[str, ...]) -> None:
    """Make sure that the programs are in the tools folder.

    Raises:
        Refusal: A name is not one of the tools.
        CommandFailed: A build failed.
    """
    for tool in missing_tools(pins, places, names):
        _link(places, tool.name, _find_or_build(tool, pins, places, progress))


def _find_or_build(tool: Tool, pins: Pins, places: Places, progress: Progress) -> Path:
    whole = builds.part_folder(pins.parts[tool.part], places) / tool.name
    if whole.exists():
        return whole
    on_path = shutil.which(tool.name)
    if on_path and Path(on_path).parent != places.programs and _will_do(tool, Path(on_path)):
        return Path(on_path)
    part = alone(pins.parts[tool.part], tool.name)
    go = GoBuild(find_go(pins, places, progress), places)
    with progress.step(f"{tool.name}, which this machine lacks") as step:
        return go.build(part, step.show) / tool.name


def alone(part: Part, name: str) -> Part:
    """Return a part that builds only the one program."""
    programs = tuple(path for path in part.programs if path.endswith(f"/{name}"))
    return Part(
        name=name, folder=part.folder, programs=programs, modules=part.modules, stamps=part.stamps
    )


def _will_do(tool: Tool, program: Path) -> bool:
    if not program.exists():
        return False
    answer = commands.attempt([str(program), *tool.ask], timeout=30)
    return re.search(tool.accept, answer.stdout, re.MULTILINE) is not None


def _link(places: Places, name: str, program: Path) -> None:
    places.programs.mkdir(parents=True, exist_ok=True)
    link = places.programs / name
    link.unlink(missing_ok=True)
    link.symlink_to(program)
