"""A real MLflow server on this machine, for tests that need no cluster."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.waiting import eventually

START_SECONDS = 120


class MlflowServer:
    """One that keeps all in a folder, and may be stopped and started again at its address."""

    def __init__(self, folder: Path) -> None:
        """Take a free port."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Run it, and wait until it answers."""
        folder = self._folder
        command = [
            sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(self._port),
            "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination", str(folder / "artifacts"),
        ]  # fmt: skip
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (folder / "server.log").open("w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        self._process = process
        eventually(
            lambda: process.poll() is None and _answers(self.address),
            within_seconds=START_SECONDS,
            what=f"MLflow answers: {(folder / 'server.log').read_text()}",
        )

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """The address of a server that keeps all in a folder, until the block ends."""
    server = MlflowServer(folder)
    try:
        server.start()
        yield server.address
    finally:
        server.stop()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:  # noqa: S310 - http
            return bool(answer.status == 200)
    except OSError:
        return False
