"""A real MLflow server on this machine, for tests that need no cluster."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.waiting import eventually

START_SECONDS = 120


@dataclass(frozen=True)
class MlflowServer:
    """One that runs."""

    address: str
    process: subprocess.Popen[bytes]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes requests and answers none of them, until the block ends: then it does all."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)


@contextmanager
def running_mlflow(folder: Path) -> Iterator[MlflowServer]:
    """A server that keeps all in a folder, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port),
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(
            lambda: process.poll() is None and _answers(address),
            within_seconds=START_SECONDS,
            what=f"MLflow answers: {(folder / 'server.log').read_text()}",
        )
        yield MlflowServer(address, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """The address of such a server."""
    with running_mlflow(folder) as server:
        yield server.address


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:  # noqa: S310 - http
            return bool(answer.status == 200)
    except OSError:
        return False
