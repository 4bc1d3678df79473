"""`rollback`: go back to a revision that served before."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from leadsman_operator.cli.commanding import add_command_arguments, ask, status_of
from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Go back to the revision before: in a rollout to the stable one, after it to the one that"
        " served last. While that is kept warm (spec.rollout.keepPrevious) its pods take the"
        " traffic when they are as many as serve now; later, and of older ones, they start from the"
        " record that is kept (spec.revisionHistoryLimit), take all of the traffic in one step and"
        " bake. What is left is blocked until another version is wanted, or `retry`."
    )
    parser.add_argument(
        "--to",
        metavar="REVISION",
        help="name of a revision that is kept, or number of its version: `history` lists them",
    )
    add_command_arguments(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Ask for it."""
    return ask(
        options,
        surroundings,
        "RollBack",
        lambda manifest: {"revision": _goal(manifest, options.to)},
    )


def _goal(manifest: Manifest, wanted: str | None) -> Any:  # noqa: ANN401 - text of a JSON document
    status = status_of(manifest)
    kept, stable = status.get("kept") or [], status.get("stable")
    beside = [stable] if stable and status.get("candidate") else []
    if wanted is None:
        return beside[0]["name"] if beside else _served_last(manifest, kept)
    known = [*beside, *kept]
    for revision in known:
        if wanted in (revision["name"], str(revision["version"])):
            return revision["name"]
    raise Failure(
        f"{manifest['metadata']['name']}: {wanted} is not kept; kept are: {_listed(known)}. Point"
        " spec.model at the version, and it is rolled out"
    )


def _served_last(manifest: Manifest, kept: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - as above
    """The revision before, unless somebody has gone back from it."""
    name = manifest["metadata"]["name"]
    if not kept:
        raise Failure(
            f"{name}: no earlier revision is kept (spec.revisionHistoryLimit): point spec.model at"
            " the version, and it is rolled out"
        )
    blocked = {one["name"] for one in status_of(manifest).get("blocked") or ()}
    if kept[0].get("leftBy") or kept[0]["name"] in blocked:
        raise Failure(
            f"{name}: version {kept[0]['version']} served last, and somebody went back from it:"
            f" say which one is meant with --to; kept are: {_listed(kept)}"
        )
    return kept[0]["name"]


def _listed(kept: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['name']} (version {one['version']})" for one in kept) or "none"
