"""A real MLflow server on this machine, for tests that need no cluster."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.web_server import WebServer, web_server


@dataclass(frozen=True)
class MlflowServer(WebServer):
    """One that runs."""

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

    def command(port: int) -> list[str]:
        return [
            sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port),
            "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination", str(folder / "artifacts"),
        ]  # fmt: skip

    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with web_server(command, folder, health="/health", environment=environment) as server:
        yield MlflowServer(server.address, server.process)


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """The address of such a server."""
    with running_mlflow(folder) as server:
        yield server.address
