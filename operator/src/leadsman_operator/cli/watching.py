"""Shows resources of a kind, all of them or one, once or until it is interrupted."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from leadsman_operator.cli.options import add_cluster_options, add_output
from leadsman_operator.cli.session import Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from rich.table import Table

    from leadsman_operator.facts import Manifest

_LOOK_SECONDS = 2.0


class View(Protocol):
    """A module that knows how people read resources of a kind."""

    def summary(self, found: Sequence[Manifest], now: datetime, *, everywhere: bool) -> Table:
        """One line each."""

    def one(self, manifest: Manifest, now: datetime) -> list[list[Any]]:
        """A page, in blocks."""


def add_watch_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every command that shows resources."""
    parser.add_argument(
        "-A", "--all-namespaces", action="store_true", help="those of all namespaces"
    )
    parser.add_argument(
        "-w", "--watch", action="store_true",
        help="go on until it is interrupted: on a terminal in place, in a pipe at each change",
    )  # fmt: skip
    add_output(parser)
    add_cluster_options(parser)


@dataclass(frozen=True, slots=True)
class Watch:
    """What one command shows."""

    options: argparse.Namespace
    kind: str
    name: str | None
    """The only one that is meant."""
    view: str
    """The module of its view: imported when it is needed, for rich takes its time to load."""

    def run(self, surroundings: Surroundings) -> int:
        """Write it, once or again and again."""
        if self.name and self.options.all_namespaces:
            surroundings.stderr.write("give a NAME or -A, not both\n")
            return 2
        return in_cluster(self.options, surroundings, self._work)

    async def _work(self, session: Session) -> int:
        surroundings = session.surroundings
        before: list[Manifest] = []
        while True:
            found = await self._found(session)
            if not self.options.watch or surroundings.stdout.isatty() or found != before:
                self._write(found, session)
            if not self.options.watch:
                return 0
            before = found
            await surroundings.pause(_LOOK_SECONDS)

    async def _found(self, session: Session) -> list[Manifest]:
        if self.name:
            return [await session.one(self.kind, self.name)]
        return await session.all_of(self.kind, everywhere=self.options.all_namespaces)

    def _write(self, found: list[Manifest], session: Session) -> None:
        from leadsman_operator.cli.paper import as_data, show  # noqa: PLC0415 - it loads rich

        surroundings, everywhere = session.surroundings, self.options.all_namespaces
        if self.options.output != "text":
            content = [_content(manifest) for manifest in found]
            as_data(surroundings, self.options.output, content[0] if self.name else content)
            return
        if not found:
            where = "any namespace" if everywhere else f"namespace {session.namespace}"
            surroundings.stderr.write(f"there is no {self.kind} in {where}\n")
            return
        view, now = cast("View", import_module(self.view)), surroundings.now()
        listed = [[view.summary(found, now, everywhere=everywhere)]]
        page = view.one(found[0], now) if self.name else listed
        show(surroundings, page, in_place=self.options.watch and surroundings.stdout.isatty())


def _content(manifest: Manifest) -> dict[str, object]:
    metadata = manifest["metadata"]
    return {
        "name": metadata["name"],
        "namespace": metadata.get("namespace"),
        "generation": metadata.get("generation"),
        "status": manifest.get("status", {}),
    }
