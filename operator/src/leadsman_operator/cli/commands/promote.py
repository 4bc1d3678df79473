"""`promote`: the next step, all steps, or the end of the bake."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from leadsman_operator.cli.commanding import about_candidate, add_command_arguments, ask, status_of
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Skip the step that runs now; in the bake, end the bake. With --full skip all steps: the"
        " bake stays, and with it the way back. Traffic still waits for ready pods, and for an"
        " approval where one is required."
    )
    parser.add_argument("--full", action="store_true", help="skip all steps that are left")
    add_command_arguments(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Ask for it."""
    verb = "PromoteFull" if options.full else "Promote"
    return ask(options, surroundings, verb, _full if options.full else _this_step)


def _full(manifest: Manifest) -> dict[str, Any]:
    return about_candidate(manifest)


def _this_step(manifest: Manifest) -> dict[str, Any]:
    """The step that is seen now, so that asking twice skips one."""
    rollout = status_of(manifest).get("rollout") or {}
    return {**about_candidate(manifest), "step": rollout.get("step")}
