"""The operator as a process of its own, whose log is read line by line."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["OperatorProcess"]

DEADLINE_SECONDS = 90
"""For what takes seconds on an idle machine: libraries are loaded."""


class OperatorProcess:
    """Starts `leadsman-operator run`, collects its log and ends it with the block."""

    def __init__(self, kubeconfig: Path, identity: str, **variables: str) -> None:
        settings = {
            "KUBECONFIG": str(kubeconfig),
            "LEADSMAN_IDENTITY": identity,
            "LEADSMAN_PORT_HEALTH": "0",
            "LEADSMAN_PORT_METRICS": "0",
            **variables,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "leadsman_operator", "run"],
            env={**os.environ, **settings},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """The process, which starts."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave no process behind."""
        self.kill()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            # A line that is no JSON ends the thread, and pytest reports why.
            entry = json.loads(line)
            self.log.append(entry)
            self._lines.put(entry)
        self._lines.put(None)

    def wait_for_line(self, beginning: str) -> dict[str, Any]:
        """The next log line whose message begins like this."""
        while entry := self._lines.get(timeout=DEADLINE_SECONDS):
            if entry["message"].startswith(beginning):
                return entry
        raise AssertionError(f"the process ended without a line {beginning!r}: {self.log}")

    def terminate(self) -> None:
        """Send SIGTERM, as the kubelet does."""
        self._process.send_signal(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop it from running, without its knowing."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def wait_for_exit(self) -> int:
        """The exit code."""
        code = self._process.wait(timeout=DEADLINE_SECONDS)
        self._reader.join()
        return code

    def get(self, port: int, path: str) -> tuple[int, str]:
        """Status and body of an answer of a side port."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
