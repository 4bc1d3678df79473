"""A program that serves HTTP on this machine, started by a test and ended with it."""

from __future__ import annotations

import os
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.waiting import eventually

START_SECONDS = 120


@dataclass(frozen=True)
class WebServer:
    """One that runs."""

    address: str
    process: subprocess.Popen[bytes]


@contextmanager
def web_server(
    command: Callable[[int], Sequence[str]],
    folder: Path,
    *,
    health: str,
    environment: Mapping[str, str],
) -> Iterator[WebServer]:
    """Run a program on a free port until the block ends; it is there when `health` answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    said = folder / "server.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            command(port), env={**os.environ, **environment}, stdout=log, stderr=log, cwd=folder,
            start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(
            lambda: _answers(process, f"{address}{health}", said),
            within_seconds=START_SECONDS,
            what=f"an answer of {' '.join(process.args)}",  # type: ignore[arg-type]
        )
        yield WebServer(address, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _answers(process: subprocess.Popen[bytes], address: str, said: Path) -> bool:
    assert process.poll() is None, said.read_text()
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 - http
            return bool(answer.status == 200)
    except OSError:
        return False
