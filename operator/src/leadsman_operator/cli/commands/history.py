"""`history`: what has happened, the latest last, and who asked for it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from leadsman_operator.cli.commanding import status_of
from leadsman_operator.cli.options import add_cluster_options, add_name, add_output
from leadsman_operator.cli.session import Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Show the last things that happened to a ModelDeployment, the latest last, with what"
        " people asked for in vain, and the revisions that `rollback` can go back to. The status"
        " keeps 20 of each thing, and spec.revisionHistoryLimit revisions."
    )
    add_name(parser)
    add_output(parser)
    add_cluster_options(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it."""

    async def work(session: Session) -> int:
        manifest = await session.deployment(options.name)
        if options.output == "text":
            _write(manifest, surroundings)
        else:
            from leadsman_operator.cli.paper import as_data  # noqa: PLC0415 - brings rich

            status = status_of(manifest)
            parts = ("history", "commands", "aliasHistory", "kept")
            as_data(surroundings, options.output, {part: status.get(part, []) for part in parts})
        return 0

    return in_cluster(options, surroundings, work)


def _write(manifest: Manifest, surroundings: Surroundings) -> None:
    from leadsman_operator.cli.paper import moment, show, table, word  # noqa: PLC0415 - brings rich

    told = table("TIME", "WHAT", "WEIGHT", "VERDICT", "BY", "MESSAGE")
    for one in sorted(_happened(manifest), key=lambda one: str(moment(one["at"]))):
        weight = one.get("weight")
        told.add_row(
            _time(one["at"]),
            one["reason"],
            "" if weight is None else f"{weight}%",
            word(one.get("verdict")),
            one.get("by", ""),
            one["message"],
        )
    kept = table("KEPT", "VERSION", "SERVED UNTIL", "PODS")
    status = status_of(manifest)
    warm = (status.get("previous") or {}).get("name")
    for one in status.get("kept", ()):
        pods = "warm" if one["name"] == warm else "start from its record"
        kept.add_row(one["name"], str(one["version"]), _time(one.get("since", "")), pods)
    happened = [told if told.row_count else "nothing has happened yet"]
    show(surroundings, [happened, [kept] if kept.row_count else []])


def _time(written: str) -> str:
    """In whole seconds, as people read it."""
    return written.replace("T", " ").removesuffix("Z")[:19]


def _happened(manifest: Manifest) -> list[Mapping[str, Any]]:
    """History and refused commands, the oldest of each first."""
    status = status_of(manifest)
    refused = [
        {**one, "reason": "Refused", "message": f"{one['verb']}: {one['message']}"}
        for one in status.get("commands", ())
        if one["outcome"] == "Refused"
    ]
    return [*reversed(status.get("history", ())), *reversed(refused)]
