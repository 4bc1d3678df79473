"""`train status`: where trainings stand, all of them or one."""

from __future__ import annotations

import argparse

from leadsman_operator.cli.session import RUN_KIND
from leadsman_operator.cli.surroundings import Surroundings
from leadsman_operator.cli.watching import Watch, add_watch_arguments

_VIEW = "leadsman_operator.cli.training_view"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Show all TrainingRuns of a namespace, a line each; or one of them with its trials, its"
        " best value and the time that is left, or with the times of its schedule."
    )
    parser.add_argument("what", choices=("status",), help="status: where trainings stand")
    # Not by add_name: it takes names of ModelDeployments, and so does its completion.
    parser.add_argument(
        "training_run", metavar="NAME", nargs="?", type=lambda given: given.removeprefix("tr/"),
        help="name of the TrainingRun, also as tr/NAME",
    )  # fmt: skip
    add_watch_arguments(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it, once or again and again."""
    return Watch(options, RUN_KIND, options.training_run, _VIEW).run(surroundings)
