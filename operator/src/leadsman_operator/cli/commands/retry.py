"""`retry`: try a revision again that was rolled back."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from leadsman_operator.cli.commanding import add_command_arguments, ask, status_of, where
from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Try a revision again that was rolled back or aborted. Evidence begins anew."
    )
    add_command_arguments(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Ask for it."""
    return ask(options, surroundings, "Retry", _blocked)


def _blocked(manifest: Manifest) -> dict[str, Any]:
    """The revision that was rolled back last."""
    blocked = status_of(manifest).get("blocked") or ()
    if not blocked:
        name = manifest["metadata"]["name"]
        raise Failure(f"{name}: no revision was rolled back: {where(manifest)}")
    return {"revision": blocked[0]["name"]}
