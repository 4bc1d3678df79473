"""Asks a rollout for something, as a person, and tells what came of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.options import add_cluster_options, add_name, add_output
from leadsman_operator.cli.session import Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest

Status = Mapping[str, Any]
NO_ANSWER = 4
_PATIENCE = timedelta(seconds=30)
_LOOK_SECONDS = 0.5
EXIT_CODES = """\
exit codes:
  0  it is done
  1  it can't be done: the message says what to do instead
  2  the command line is wrong
  4  the operator has not answered in 30 seconds; what is asked for stands in the resource
"""


def add_command_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of every command that asks for something."""
    parser.epilog = EXIT_CODES
    add_name(parser)
    parser.add_argument("--because", metavar="WHY", help="a sentence for the history")
    parser.add_argument(
        "--no-wait", action="store_true", help="don't wait for the operator's answer"
    )
    add_output(parser)
    add_cluster_options(parser)


def ask(
    options: argparse.Namespace,
    surroundings: Surroundings,
    verb: str,
    about: Callable[[Manifest], Mapping[str, Any]],
) -> int:
    """Ask for a verb; `about` gives the revision that is meant, and the step where one is."""

    async def work(session: Session) -> int:
        manifest = await session.deployment(options.name)
        command: dict[str, Any] = {
            # None takes out what an earlier command has left there.
            "step": None,
            "because": options.because,
            **about(manifest),
            "id": surroundings.new_id(),
            "verb": verb,
            "by": await session.access.user_name(),
            "at": f"{surroundings.now():%Y-%m-%dT%H:%M:%SZ}",
        }
        await session.change_rollout(options.name, {"command": command})
        answer = None if options.no_wait else await _answer(session, options.name, command["id"])
        told = {"name": options.name, "command": without_gaps(command), "answer": answer}
        tell_programs(surroundings, options.output, told)
        sentence = f"asked for {verb}" if options.no_wait else _done(options.name, answer)
        if options.output == "text":
            surroundings.stdout.write(f"{options.name}: {sentence}\n")
        return 0

    return in_cluster(options, surroundings, work)


def tell_programs(surroundings: Surroundings, form: str, content: Mapping[str, Any]) -> None:
    """Write what came of a command, unless it is for people."""
    if form != "text":
        from leadsman_operator.cli.paper import as_data  # noqa: PLC0415 - it loads rich

        as_data(surroundings, form, content)


def without_gaps(written: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a merge patch that stay."""
    return {field: value for field, value in written.items() if value is not None}


def _done(name: str, answer: Status | None) -> str:
    """What the operator has done; raises Failure when it has not."""
    if answer is None:
        raise Failure(
            f"{name}: the operator has not answered yet: see whether its pods run. What is"
            " asked for stands in the resource and counts when it is back.",
            NO_ANSWER,
        )
    if answer["outcome"] != "Done":
        raise Failure(f"{name}: {answer['message']}")
    return str(answer["message"])


async def _answer(session: Session, name: str, number: str) -> Status | None:
    """What the operator says; None when it says nothing for too long."""
    surroundings = session.surroundings
    until = surroundings.now() + _PATIENCE
    while True:
        manifest = await session.deployment(name)
        for answer in status_of(manifest).get("commands", ()):
            if answer["id"] == number:
                return dict(answer)
        if surroundings.now() >= until:
            return None
        await surroundings.pause(_LOOK_SECONDS)


def status_of(manifest: Manifest) -> Status:
    """The status, which a new resource does not have yet."""
    found: Status = manifest.get("status") or {}
    return found


def weights_of(rollout: Mapping[str, Any]) -> tuple[int, ...]:
    """`Rollout.weights`, of a spec.rollout as the cluster gives it."""
    match rollout.get("strategy", "Canary"):
        case "Canary":
            return tuple(rollout.get("steps", ()))
        case "Shadow":
            return (0,)
        case _:
            return ()


def where(manifest: Manifest) -> str:
    """Where it stands, in one sentence."""
    status = status_of(manifest)
    if status.get("message"):
        return str(status["message"])
    # A spec that the operator does not understand is told by a condition alone.
    stalled = [one for one in status.get("conditions", ()) if one["status"] == "True"]
    return str(stalled[0]["message"]) if stalled else "the operator has not seen it yet"


def candidate_of(manifest: Manifest) -> Mapping[str, Any]:
    """The revision that is being tried; raises Failure when none is."""
    status, name = status_of(manifest), manifest["metadata"]["name"]
    candidate: Mapping[str, Any] | None = status.get("candidate")
    if candidate is None:
        raise Failure(f"{name}: no rollout is running: {where(manifest)}")
    return candidate


def about_candidate(manifest: Manifest) -> dict[str, Any]:
    """The candidate is meant."""
    return {"revision": candidate_of(manifest)["name"]}
