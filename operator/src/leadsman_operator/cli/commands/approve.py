"""`approve`: say yes to a step, a promotion or a version that waits for it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from leadsman_operator.cli.commanding import (
    candidate_of,
    status_of,
    tell_programs,
    weights_of,
    where,
    without_gaps,
)
from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.options import Named, add_cluster_options, add_output, add_resource
from leadsman_operator.cli.session import KIND, RUN_KIND, Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest

_FULL = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Write your approval, under your own name: of the candidate of a ModelDeployment, as far as"
        " spec.rollout.approval.before asks for it, for the next step or for the version; of the"
        " version of a TrainingRun that passed its gate and waits for its alias."
    )
    add_resource(parser)
    parser.add_argument(
        "--version", type=int, dest="number", metavar="VERSION",
        help="refuse if another version is being tried, or waits",
    )  # fmt: skip
    add_output(parser)
    add_cluster_options(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it."""
    kind, name = options.resource

    async def work(session: Session) -> int:
        manifest = await _read(session, options.resource)
        grant_of, part = _GRANTS[kind]
        grant = grant_of(manifest, options.number)
        grant["by"] = await session.access.user_name()
        grant["at"] = f"{surroundings.now():%Y-%m-%dT%H:%M:%SZ}"
        await session.change(kind, name, {part: {"approval": {"granted": grant}}})
        step = f" to get {grant['step']} percent of the traffic" if grant["step"] else ""
        tell_programs(surroundings, options.output, {"name": name, "granted": without_gaps(grant)})
        if options.output == "text":
            approved = f"version {grant['version']} is approved by {grant['by']}{step}"
            surroundings.stdout.write(f"{name}: {approved}\n")
        return 0

    return in_cluster(options, surroundings, work)


async def _read(session: Session, resource: Named) -> Manifest:
    """The resource; who forgot to say that it is a TrainingRun is told so."""
    kind, name = resource
    try:
        return await session.one(kind, name)
    except Failure as failure:
        if kind == KIND and await session.access.read(session.ref(name, RUN_KIND)) is not None:
            message = f"no ModelDeployment {name} in namespace {session.namespace}"
            raise Failure(f"{message}, but a TrainingRun: write tr/{name}") from failure
        raise


def _of_candidate(manifest: Manifest, number: int | None) -> dict[str, Any]:
    name, candidate = manifest["metadata"]["name"], candidate_of(manifest)
    approval = _asked_for(manifest, "rollout")
    if number is not None and number != candidate["version"]:
        raise Failure(
            f"{name}: version {candidate['version']} is being tried, not {number}: look at it with"
            f" `explain {name}` and approve that one if it is meant"
        )
    step = _next_weight(manifest) if approval.get("before") == "EveryStep" else None
    return {"version": candidate["version"], "step": step}


def _of_trained(manifest: Manifest, number: int | None) -> dict[str, Any]:
    name, status = manifest["metadata"]["name"], status_of(manifest)
    _asked_for(manifest, "promotion")
    # Before that the gate may still refuse it, or the champion change.
    if status.get("phase") != "WaitingForApproval":
        raise Failure(f"{name}: no version waits for an approval: {where(manifest)}")
    version = status["modelVersion"]
    if number is not None and number != version:
        raise Failure(
            f"{name}: version {version} waits for an approval, not {number}: look at it with"
            f" `train status {name}` and approve that one if it is meant"
        )
    # None takes out a step, which is none of a TrainingRun.
    return {"version": version, "step": None}


_GRANTS = {KIND: (_of_candidate, "rollout"), RUN_KIND: (_of_trained, "promotion")}
"""By kind: what is approved, and the part of the spec that has the approval."""


def _asked_for(manifest: Manifest, part: str) -> dict[str, Any]:
    """The approval of a part of the spec; raises Failure when nobody wants one."""
    approval: dict[str, Any] = manifest["spec"].get(part, {}).get("approval", {})
    if not approval.get("required"):
        name = manifest["metadata"]["name"]
        raise Failure(f"{name}: no approval is asked for: spec.{part}.approval.required is false")
    return approval


def _next_weight(manifest: Manifest) -> int | None:
    """The weight that the rollout asks for now; None for copies, which are no part of it."""
    weights = weights_of(manifest["spec"]["rollout"])
    step = int((status_of(manifest).get("rollout") or {}).get("step", 0))
    return (weights[step] or None) if step < len(weights) else _FULL
