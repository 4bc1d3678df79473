"""Runs other programs: quietly with their output kept, or line by line for a progress display."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devcluster.errors import CommandFailed

__all__ = ["attempt", "end_all", "environment", "follow", "run"]

_followed: set[int] = set()
_ended = threading.Event()


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with additions."""
    return {**os.environ, **(env or {})}


def end_all() -> None:
    """End every long program with its children, in whichever thread it is followed.

    None is begun afterwards: `follow` raises instead.
    """
    _ended.set()
    for group in tuple(_followed):
        _end(group)


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGTERM)
    except ProcessLookupError:
        return


def attempt(
    command: Sequence[str],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
) -> subprocess.CompletedProcess[str]:
    """Run a program whose failure is an answer; a missing program ends with code 127."""
    try:
        return subprocess.run(
            list(command),
            input=stdin,
            env=environment(env),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(list(command), 127, "", f"{command[0]}: not found")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(
            list(command), 124, "", f"{command[0]}: no answer within {timeout:.0f} s"
        )


def run(
    command: Sequence[str],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
) -> str:
    """Run a program that has to succeed; return what it printed.

    Raises:
        CommandFailed: It ended with another code than 0.
    """
    result = attempt(command, stdin=stdin, env=env, timeout=timeout)
    if result.returncode:
        raise CommandFailed(list(command), result.returncode, result.stderr or result.stdout)
    return result.stdout


def follow(
    command: Sequence[str],
    *,
    log: Path,
    on_line: Callable[[str], None] = lambda _line: None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a long program, keep all that it prints in `log` and hand each line to `on_line`.

    Raises:
        CommandFailed: It ended with another code than 0; the message has its last lines.
    """
    if _ended.is_set():
        raise CommandFailed(list(command), 130, "interrupted")
    log.parent.mkdir(parents=True, exist_ok=True)
    last: deque[str] = deque(maxlen=20)
    with (
        log.open("w") as kept,
        subprocess.Popen(
            list(command),
            cwd=cwd,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # so that an interruption can end its children as well
        ) as process,
    ):
        _followed.add(process.pid)
        try:
            for line in process.stdout or ():
                kept.write(line)
                last.append(line)
                on_line(line.rstrip())
            code = process.wait()
        except BaseException:
            _end(process.pid)
            raise
        finally:
            _followed.discard(process.pid)
    if code:
        raise CommandFailed(list(command), code, "".join(last), log)
