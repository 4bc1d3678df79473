"""`explain`: why the judge says what it says, and what would change the decision."""

from __future__ import annotations

import argparse

from leadsman_operator.cli.commanding import status_of
from leadsman_operator.cli.options import add_cluster_options, add_name, add_output
from leadsman_operator.cli.session import Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Show why the judge says what it says of a rollout: what was counted, the ratio with its"
        " interval, the evidence against its bar, each condition, and what would change the"
        " decision. After a rollout it explains the last one."
    )
    add_name(parser)
    add_output(parser)
    add_cluster_options(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it."""

    async def work(session: Session) -> int:
        # Only here: rich takes its time to load.
        from leadsman_operator.cli.explain_view import explained  # noqa: PLC0415
        from leadsman_operator.cli.outlook_view import ahead_of, as_fields  # noqa: PLC0415
        from leadsman_operator.cli.paper import as_data, show  # noqa: PLC0415

        manifest, now = await session.deployment(options.name), surroundings.now()
        ahead = ahead_of(manifest, now)
        if options.output == "text":
            show(surroundings, explained(manifest, now, ahead))
            return 0
        status = status_of(manifest)
        parts = ("phase", "message", "weight", "rollout", "evidence")
        told = {part: status.get(part) for part in parts}
        told["outlook"] = as_fields(ahead, now) if ahead else None
        as_data(surroundings, options.output, told)
        return 0

    return in_cluster(options, surroundings, work)
