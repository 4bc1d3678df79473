"""`rollback`: go back to a revision that is still kept."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
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
        " is kept warm for spec.rollout.keepPrevious. Its pods take the traffic when they are as"
        " many as serve now. What is left is blocked until another version is wanted, or `retry`."
    )
    parser.add_argument(
        "--to", metavar="REVISION", help="name of a revision, or number of a version that is kept"
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
    kept = _kept(manifest)
    name = manifest["metadata"]["name"]
    if wanted is None:
        if not kept:
            raise Failure(
                f"{name}: no earlier revision is kept (spec.rollout.keepPrevious): point"
                " spec.model at the version, and it is rolled out"
            )
        return kept[0]["name"]
    for revision in kept:
        if wanted in (revision["name"], str(revision["version"])):
            return revision["name"]
    there = ", ".join(f"{one['name']} (version {one['version']})" for one in kept) or "none"
    raise Failure(
        f"{name}: {wanted} is not kept; kept are: {there}. Point spec.model at the version, and it"
        " is rolled out"
    )


def _kept(manifest: Manifest) -> list[Mapping[str, Any]]:
    """Revisions that can take the traffic."""
    status = status_of(manifest)
    found = status.get("stable" if status.get("candidate") else "previous")
    return [found] if found else []
