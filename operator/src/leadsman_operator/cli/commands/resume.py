"""`resume`: go on after a pause, whoever made it."""

from __future__ import annotations

import argparse

from leadsman_operator.cli.commanding import (
    about_candidate,
    add_command_arguments,
    ask,
    candidate_of,
)
from leadsman_operator.cli.session import Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Go on after a pause, as if no time had passed. A pause by spec.rollout.paused ends too:"
        " where a repository keeps that field, change it there."
    )
    add_command_arguments(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Let go what holds it."""
    in_cluster(options, surroundings, lambda session: _let_go(options, session))
    return ask(options, surroundings, "Resume", about_candidate)


async def _let_go(options: argparse.Namespace, session: Session) -> int:
    """End the pause of the spec: no command could do that."""
    name, surroundings = options.name, session.surroundings
    manifest = await session.deployment(name)
    candidate_of(manifest)
    if manifest["spec"].get("rollout", {}).get("paused"):
        await session.change_rollout(name, {"paused": False})
        # Programs read one document, which is the answer to the command.
        told = surroundings.stdout if options.output == "text" else surroundings.stderr
        told.write(f"{name}: spec.rollout.paused is false now\n")
    return 0
