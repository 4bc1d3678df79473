"""`abort`: end a rollout."""

from __future__ import annotations

import argparse

from leadsman_operator.cli.commanding import about_candidate, add_command_arguments, ask
from leadsman_operator.cli.surroundings import Surroundings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Give all traffic back to the stable revision, also in the bake. The candidate is not"
        " tried again until another version is wanted, or `retry`."
    )
    add_command_arguments(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Ask for it."""
    return ask(options, surroundings, "Abort", about_candidate)
