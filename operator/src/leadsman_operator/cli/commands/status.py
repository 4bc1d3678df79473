"""`status`: where rollouts stand, all of them or one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from leadsman_operator.cli.options import add_cluster_options, add_name, add_output
from leadsman_operator.cli.session import Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest

_LOOK_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = (
        "Show all ModelDeployments of a namespace, a line each; or one of them with its revisions,"
        " its steps and its evidence."
    )
    add_name(parser, optional=True)
    parser.add_argument(
        "-A", "--all-namespaces", action="store_true", help="those of all namespaces"
    )
    parser.add_argument(
        "-w", "--watch", action="store_true",
        help="go on until it is interrupted: on a terminal in place, in a pipe at each change",
    )  # fmt: skip
    add_output(parser)
    add_cluster_options(parser)


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Write it, once or again and again."""
    if options.name and options.all_namespaces:
        surroundings.stderr.write("give a NAME or -A, not both\n")
        return 2

    async def work(session: Session) -> int:
        before: list[Manifest] = []
        while True:
            found = await _found(options, session)
            if not options.watch or surroundings.stdout.isatty() or found != before:
                _write(options, found, session)
            if not options.watch:
                return 0
            before = found
            await surroundings.pause(_LOOK_SECONDS)

    return in_cluster(options, surroundings, work)


async def _found(options: argparse.Namespace, session: Session) -> list[Manifest]:
    if options.name:
        return [await session.deployment(options.name)]
    return await session.deployments(everywhere=options.all_namespaces)


def _write(options: argparse.Namespace, found: list[Manifest], session: Session) -> None:
    # Only here: rich takes its time to load.
    from leadsman_operator.cli.paper import as_data, show  # noqa: PLC0415
    from leadsman_operator.cli.status_view import one, summary  # noqa: PLC0415

    surroundings = session.surroundings
    if options.output != "text":
        content = [_content(manifest) for manifest in found]
        as_data(surroundings, options.output, content[0] if options.name else content)
        return
    if not found:
        where = "any namespace" if options.all_namespaces else f"namespace {session.namespace}"
        surroundings.stderr.write(f"there is no ModelDeployment in {where}\n")
        return
    now = surroundings.now()
    listed = [[summary(found, now, everywhere=options.all_namespaces)]]
    page = one(found[0], now) if options.name else listed
    show(surroundings, page, in_place=options.watch and surroundings.stdout.isatty())


def _content(manifest: Manifest) -> dict[str, object]:
    metadata = manifest["metadata"]
    return {
        "name": metadata["name"],
        "namespace": metadata.get("namespace"),
        "generation": metadata.get("generation"),
        "status": manifest.get("status", {}),
    }
