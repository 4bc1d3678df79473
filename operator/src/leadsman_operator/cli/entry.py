"""The programs `leadsman` and `kubectl-leadsman`: commands with the real outside."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from leadsman_operator.cli.program import run
from leadsman_operator.cli.surroundings import Connection, Surroundings, Target


def main() -> int:
    """Run with the arguments and streams of the process."""
    return run(sys.argv[1:], _surroundings(Path(sys.argv[0]).name))


def complete() -> int:
    """Answer kubectl, which calls `kubectl_complete-leadsman` with the words typed so far."""
    surroundings = _surroundings("kubectl-leadsman")
    return run(["completion", "words", "--", *sys.argv[1:]], surroundings)


def _surroundings(called: str) -> Surroundings:
    return Surroundings(
        stdin=sys.stdin,
        stdout=sys.stdout,
        stderr=sys.stderr,
        connect=_connect,
        now=_now,
        pause=asyncio.sleep,
        new_id=lambda: str(uuid4()),
        program="kubectl leadsman" if called.startswith("kubectl-") else "leadsman",
        environment=os.environ,
    )


def _now() -> datetime:
    return datetime.now(tz=UTC)  # noqa: TID251 - the clock that the commands are handed


@asynccontextmanager
async def _connect(target: Target) -> AsyncIterator[Connection]:
    # Only here: the client takes a second to load, which `--help` need not wait for.
    from leadsman_operator.adapters.user_connection import connect_as_user  # noqa: PLC0415

    async with connect_as_user(target.kubeconfig, target.context) as (access, namespace):
        yield Connection(access, namespace)
