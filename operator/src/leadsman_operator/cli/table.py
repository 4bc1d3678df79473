"""Which commands `kubectl leadsman` has; a new one is a line here and a module that offers two.

    def add_arguments(parser: argparse.ArgumentParser) -> None
    def run(options: argparse.Namespace, surroundings: Surroundings) -> int

A module is imported only when its command is called, so what it imports at its top is what its
`--help` costs: everything slow is imported in `run`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from leadsman_operator.cli.surroundings import Surroundings

Run = Callable[[argparse.Namespace, "Surroundings"], int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One command."""

    name: str
    does: str
    """What it does, as `--help` lists it."""
    module: str
    """Name of its module."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Give a parser the arguments of the command."""
        import_module(self.module).add_arguments(parser)

    def run(self, options: argparse.Namespace, surroundings: Surroundings) -> int:
        """Carry it out; gives the exit code."""
        command = cast("Run", import_module(self.module).run)
        return command(options, surroundings)


_COMMANDS = "leadsman_operator.cli.commands"

ENTRIES: tuple[Entry, ...] = (
    Entry("status", "show where rollouts stand", f"{_COMMANDS}.status"),
    Entry("history", "show what has happened, and who asked for it", f"{_COMMANDS}.history"),
    Entry("explain", "show why the judge says what it says", f"{_COMMANDS}.explain"),
    Entry("plan", "show what applying a manifest would do", f"{_COMMANDS}.plan"),
    Entry("train", "show where trainings stand", f"{_COMMANDS}.train"),
    Entry("lineage", "show what a version was made from", f"{_COMMANDS}.lineage"),
    Entry("promote", "skip the current step, or all of them", f"{_COMMANDS}.promote"),
    Entry("pause", "stop a rollout where it stands", f"{_COMMANDS}.pause"),
    Entry("resume", "go on after a pause", f"{_COMMANDS}.resume"),
    Entry("abort", "give all traffic back to the stable revision", f"{_COMMANDS}.abort"),
    Entry("retry", "try a revision again that was rolled back", f"{_COMMANDS}.retry"),
    Entry("rollback", "go back to a revision that served before", f"{_COMMANDS}.rollback"),
    Entry("approve", "say yes to what waits for an approval", f"{_COMMANDS}.approve"),
    Entry("wait", "wait for the end of a rollout, for CI", f"{_COMMANDS}.wait"),
    Entry("simulate", "try a rollout on traffic to come", f"{_COMMANDS}.simulate"),
    Entry("completion", "print the completion for a shell", f"{_COMMANDS}.completion"),
)


def entry_of(name: str) -> Entry | None:
    """The command of a name."""
    return next((entry for entry in ENTRIES if entry.name == name), None)
