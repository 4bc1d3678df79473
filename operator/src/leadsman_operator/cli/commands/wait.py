"""`wait`: the end of a rollout, as an exit code."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from leadsman_operator.cli.commanding import status_of, tell_programs, where
from leadsman_operator.cli.failures import Failure
from leadsman_operator.cli.options import add_cluster_options, add_name, add_output
from leadsman_operator.cli.session import Session, in_cluster
from leadsman_operator.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest

ROLLED_BACK, TIMED_OUT, STUCK = 3, 4, 5
_OUTCOMES = {0: "Reached", ROLLED_BACK: "RolledBack", TIMED_OUT: "TimedOut", STUCK: "Stuck"}
_LOOK_SECONDS = 1.0
_EPILOG = """\
exit codes:
  0  what was waited for is so
  1  the cluster can't be asked
  2  the command line is wrong
  3  the version was rolled back or aborted
  4  the time is over
  5  it failed in another way, and only a change of the spec or the registry can help

After a change of the spec alone nothing else is needed. After a move of the alias the operator
takes some seconds to see it: give the number of the version with --version.

example:
  kubectl apply -f churn.yaml && kubectl leadsman wait churn --for promoted --timeout 45m
"""


@dataclass(frozen=True, slots=True)
class _Goal:
    """What is waited for."""

    word: str
    version: int | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be given."""
    parser.description = "Wait for the end of a rollout; each news is a line on standard error."
    parser.epilog = _EPILOG
    add_name(parser)
    parser.add_argument(
        "--for", dest="goal", choices=("promoted", "full-traffic"), default="promoted",
        help="promoted (default): it carries all of the traffic and its bake is over; "
        "full-traffic: the bake may still run",
    )  # fmt: skip
    parser.add_argument(
        "--version", type=int, dest="number", metavar="VERSION",
        help="the version that is meant (default: the one that the spec asks for now)",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=_duration, default="1h", metavar="DURATION",
        help="longest time to wait, such as 90s or 45m (default: 1h)",
    )  # fmt: skip
    add_output(parser)
    add_cluster_options(parser)


def _duration(given: str) -> timedelta:
    # Only here: it brings pydantic, which `--help` need not wait for.
    from leadsman_api.durations import parse_duration  # noqa: PLC0415

    try:
        return parse_duration(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{given!r}: write a duration such as 45m") from error


def run(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Look again and again."""
    goal = _Goal(options.goal, options.number)

    async def work(session: Session) -> int:
        until, told = surroundings.now() + options.timeout, ""
        while True:
            manifest = await session.deployment(options.name)
            status = status_of(manifest)
            news = f"{status.get('phase', 'Unknown')}: {where(manifest)}"
            if status and news != told:
                surroundings.stderr.write(f"{options.name}: {news}\n")
                told = news
            code = _code(manifest, goal)
            if code is None and surroundings.now() >= until:
                code = TIMED_OUT
            if code is not None:
                return _ended(code, news, manifest, options, surroundings)
            await surroundings.pause(_LOOK_SECONDS)

    return in_cluster(options, surroundings, work)


def _ended(
    code: int,
    news: str,
    manifest: Manifest,
    options: argparse.Namespace,
    surroundings: Surroundings,
) -> int:
    """Tell how it ended: people have read the news already."""
    status = status_of(manifest)
    parts = ("phase", "message", "weight", "stable", "candidate", "evidence")
    ended = {
        "name": options.name,
        "for": options.goal,
        "outcome": _OUTCOMES[code],
        "exitCode": code,
        "status": {part: status[part] for part in parts if part in status},
    }
    tell_programs(surroundings, options.output, ended)
    if code == TIMED_OUT:
        raise Failure(f"{options.name}: the time is over: {news}", TIMED_OUT)
    return code


def _code(manifest: Manifest, goal: _Goal) -> int | None:
    """The exit code; None to wait on."""
    status = status_of(manifest)
    seen = status.get("observedGeneration", -1)
    if seen < manifest["metadata"].get("generation", 0):
        return None
    for ends, code in ((_is_reached, 0), (_is_rolled_back, ROLLED_BACK), (_is_stuck, STUCK)):
        if ends(status, goal):
            return code
    return None


_Check = Callable[[Mapping[str, Any], _Goal], bool]


def _is_reached(status: Mapping[str, Any], goal: _Goal) -> bool:
    stable, candidate = status.get("stable") or {}, status.get("candidate")
    if goal.word == "full-traffic" and candidate and status.get("phase") == "Baking":
        return goal.version in (None, candidate["version"])
    if goal.version is not None:
        return bool(stable.get("version") == goal.version)
    if candidate is not None or status.get("phase") != "Stable":
        return False
    return _condition(status, "RolledOut") == "True"


def _is_rolled_back(status: Mapping[str, Any], goal: _Goal) -> bool:
    if goal.version is not None:
        blocked = status.get("blocked") or ()
        return any(one["version"] == goal.version for one in blocked)
    return status.get("phase") == "RolledBack"


def _is_stuck(status: Mapping[str, Any], _: _Goal) -> bool:
    return _condition(status, "Stalled") == "True" and status.get("phase") != "RolledBack"


def _condition(status: Mapping[str, Any], kind: str) -> str | None:
    conditions = status.get("conditions") or ()
    return next((one["status"] for one in conditions if one["type"] == kind), None)
