"""`approve`: say yes to a step or a promotion that waits for it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from leadsman_operator.cli.commanding import (
    candidate_of,
    status_of,
    tell_programs,
    weights_of,
    without_gaps,
)
from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.options import add_cluster_options, add_name, add_output
from leadsman_operator.cli.session import Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest

_FULL = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Write your approval of the candidate, under your own name, as far as"
        " spec.rollout.approval.before asks for it: for the next step, or for the version."
    )
    add_name(parser)
    parser.add_argument(
        "--version", type=int, dest="number", metavar="VERSION",
        help="refuse if another version is being tried",
    )  # fmt: skip
    add_output(parser)
    add_cluster_options(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it."""

    async def work(session: Session) -> int:
        manifest = await session.deployment(options.name)
        grant = _grant(manifest, options.number)
        grant["by"] = await session.access.user_name()
        grant["at"] = f"{surroundings.now():%Y-%m-%dT%H:%M:%SZ}"
        await session.change_rollout(options.name, {"approval": {"granted": grant}})
        step = f" to get {grant['step']} percent of the traffic" if grant["step"] else ""
        granted = {"name": options.name, "granted": without_gaps(grant)}
        tell_programs(surroundings, options.output, granted)
        if options.output == "text":
            approved = f"version {grant['version']} is approved by {grant['by']}{step}"
            surroundings.stdout.write(f"{options.name}: {approved}\n")
        return 0

    return in_cluster(options, surroundings, work)


def _grant(manifest: Manifest, number: int | None) -> dict[str, Any]:
    name, candidate = manifest["metadata"]["name"], candidate_of(manifest)
    approval = manifest["spec"].get("rollout", {}).get("approval", {})
    if not approval.get("required"):
        raise Failure(f"{name}: no approval is asked for: spec.rollout.approval.required is false")
    if number is not None and number != candidate["version"]:
        raise Failure(
            f"{name}: version {candidate['version']} is being tried, not {number}: look at it with"
            f" `explain {name}` and approve that one if it is meant"
        )
    step = _next_weight(manifest) if approval.get("before") == "EveryStep" else None
    return {"version": candidate["version"], "step": step}


def _next_weight(manifest: Manifest) -> int | None:
    """The weight that the rollout asks for now; None for copies, which are no part of it."""
    weights = weights_of(manifest["spec"]["rollout"])
    step = int((status_of(manifest).get("rollout") or {}).get("step", 0))
    return (weights[step] or None) if step < len(weights) else _FULL
