"""The serving runtime as a process of its own, on ports that were free."""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

__all__ = ["Answer", "ServingProcess"]

DEADLINE_SECONDS = 60
"""For what takes a second on an idle machine."""


class Answer:
    """A whole HTTP answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def body(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)


class ServingProcess:
    """Starts the program, collects its log and ends it with the block."""

    def __init__(self, **variables: str) -> None:
        settings = {
            "LEADSMAN_PORT_HTTP": "0",
            "LEADSMAN_PORT_SIDE": "0",
            "LEADSMAN_PORT_GRPC": "0",
            **variables,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "leadsman_serving"],
            env={**os.environ, **settings},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """Wait until both ports are open."""
        started = self.wait_for_line("Serving")
        self.port, self.side_port = started["port_http"], started["port_side"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave no process behind."""
        self.close()

    def close(self) -> None:
        """End the process if it has not ended."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
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

    def wait_for_exit(self) -> int:
        """The exit code."""
        code = self._process.wait(timeout=DEADLINE_SECONDS)
        self._reader.join()
        return code

    @property
    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def accepts_connections(self) -> bool:
        """Whether the HTTP port is open."""
        try:
            self.connect().close()
        except ConnectionRefusedError:
            return False
        return True

    def connect(self) -> socket.socket:
        """A connection to the HTTP port."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_SECONDS)

    def get(self, path: str, *, port: int | None = None) -> Answer:
        """GET from the side port, or from another."""
        return self.ask("GET", path, port or self.side_port, None, {})

    def post(self, path: str, body: str, **headers: str) -> Answer:
        """POST to the HTTP port."""
        return self.ask("POST", path, self.port, body, headers)

    @staticmethod
    def ask(
        method: str,
        path: str,
        port: int,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request of any kind, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()
