"""`status`: where rollouts stand, all of them or one."""

from __future__ import annotations

import argparse

from leadsman_operator.cli.options import add_name
from leadsman_operator.cli.session import KIND
from leadsman_operator.cli.surroundings import Surroundings
from leadsman_operator.cli.watching import Watch, add_watch_arguments

_VIEW = "leadsman_operator.cli.status_view"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Show all ModelDeployments of a namespace, a line each; or one of them with its revisions,"
        " its steps and its evidence."
    )
    add_name(parser, optional=True)
    add_watch_arguments(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it, once or again and again."""
    return Watch(options, KIND, options.name, _VIEW).run(surroundings)
