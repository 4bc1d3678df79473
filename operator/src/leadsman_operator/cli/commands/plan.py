"""`plan`: what a changed manifest would do, by the planner of the operator itself."""

from __future__ import annotations

import argparse

from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.options import add_cluster_options, add_output
from leadsman_operator.cli.session import Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Show what applying a manifest would change, without changing anything: the fields that"
        " differ, whether that is a new revision and so a rollout, and what the operator would do"
        " first. Its own planner decides, on what the cluster looks like now."
    )
    parser.add_argument(
        "-f", "--filename", required=True, metavar="FILE",
        help="file with ModelDeployments; - for the standard input",
    )  # fmt: skip
    parser.add_argument(
        "--version", type=_version, metavar="NUMBER",
        help="version that an alias will point at, where the operator has not seen it yet",
    )  # fmt: skip
    add_output(parser)
    add_cluster_options(parser)


def _version(given: str) -> int:
    if not given.isdigit() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given!r} is no version: write a number such as 7")
    return int(given)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it, for each ModelDeployment of the file."""
    # Only here: the planner and its schemas take their time to load.
    from leadsman_operator.cli.paper import as_data, show  # noqa: PLC0415
    from leadsman_operator.cli.plan_view import as_content, told  # noqa: PLC0415
    from leadsman_operator.cli.planning import deployments_in, foreseen  # noqa: PLC0415

    given = deployments_in(options.filename, surroundings.stdin)
    if not given:
        raise Failure(f"{options.filename}: there is no ModelDeployment in it")

    async def work(session: Session) -> int:
        found = [await foreseen(one, session, options.version) for one in given]
        if options.output != "text":
            as_data(surroundings, options.output, [as_content(one) for one in found])
            return 0
        show(surroundings, [list(told(one)) for one in found])
        return 0

    return in_cluster(options, surroundings, work)
