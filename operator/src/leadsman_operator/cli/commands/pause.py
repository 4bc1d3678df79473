"""`pause`: stop a rollout where it stands."""

from __future__ import annotations

import argparse

from leadsman_operator.cli.commanding import about_candidate, add_command_arguments, ask
from leadsman_operator.cli.surroundings import Surroundings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Stop a rollout where it stands. Evidence still counts: a bad candidate still loses its"
        " traffic. The pause ends with `resume`, or with the rollout."
    )
    add_command_arguments(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Ask for it."""
    return ask(options, surroundings, "Pause", about_candidate)
