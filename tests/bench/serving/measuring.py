"""One server with one model: started, checked, loaded and ended."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.serving.client import Load
from bench.serving.process_tree import ProcessTree, pause
from bench.serving.protocols import label_of
from bench.serving.servers import Place, Server, environment, free_ports

SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS = (1, 16, 64)
CHECKED_ROWS = 16
_START_SECONDS = 120.0
_ANSWER_SECONDS = 30.0
_CLIENT = Path(__file__).with_name("client.py")
_OK = 200
_SHOWN = 300


class Unfit(Exception):
    """A server that can't be measured: it does not start, or its answers are wrong."""


@dataclass
class Sample:
    """One server with one model in one round."""

    model: str
    server: str
    ready_seconds: float = 0.0
    memory_mb: float = 0.0
    cpu_seconds_per_1000: float = 0.0
    loads: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What the client measured, by the number of connections."""
    failure: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Asked:
    """The rows to ask for, with the labels that the original gives them."""

    columns: list[str]
    rows: list[list[Any]]
    labels: list[int]

    @classmethod
    def of(cls, model: Path) -> Asked:
        """Those that were saved with a model."""
        return cls(**json.loads((model / "rows.json").read_text()))


@dataclass(frozen=True)
class Bench:
    """How a server is measured."""

    seconds: float
    folder: Path
    pythons: dict[str, Path]
    """The interpreter of each environment by its name."""

    def sample(self, server: Server, model: Path) -> Sample:
        """Measure; a server that is unfit gives a sample that says why."""
        sample = Sample(model.name, server.name)
        work = self.folder / "work" / f"{server.name}-{model.name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        port, *others = free_ports(3)
        python = self.pythons[server.venv]
        place = Place(model, work, python, port, (others[0], others[1]), server.setting)
        start = server.start(place)
        command = [str(python), *start.arguments]
        tree = ProcessTree(command, environment(place, start), work / "log", SERVER_CORE)
        try:
            self._measure(server, tree, Asked.of(model), port, sample)
        except (Unfit, OSError, subprocess.SubprocessError) as error:
            sample.failure = str(error)
        finally:
            tree.end()
        return sample

    def _measure(
        self, server: Server, tree: ProcessTree, asked: Asked, port: int, sample: Sample
    ) -> None:
        bodies = [server.protocol.written(row, asked.columns) for row in asked.rows]
        sample.ready_seconds = _until_ready(tree, port, server.protocol.path, bodies[0])
        if server.kind != "bound":
            _check(server, port, bodies, asked)
        cpu_before, answers = tree.cpu_seconds(), 0
        for connections in CONNECTIONS:
            warm_up = min(1.0, self.seconds / 2)
            load = Load(port, server.protocol.path, bodies, connections, self.seconds, warm_up)
            measured = _client(load)
            if measured["errors"]:
                raise Unfit(f"{measured['errors']} bad answers: {measured['first_error']}")
            answers += measured["answers"]
            sample.loads[connections] = measured
        sample.cpu_seconds_per_1000 = 1000 * (tree.cpu_seconds() - cpu_before) / answers
        sample.memory_mb = tree.memory_mb()


def _until_ready(tree: ProcessTree, port: int, path: str, body: str) -> float:
    """Seconds from the start of the process to the first good answer."""
    answer = "no answer"
    while time.perf_counter() < tree.started_at + _START_SECONDS:
        if not tree.runs:
            raise Unfit(f"it ended: {tree.last_words()}")
        try:
            status, answer = _ask(port, path, body)
        except (OSError, http.client.HTTPException):
            pause()
            continue
        if status == _OK:
            return time.perf_counter() - tree.started_at
        pause()
    raise Unfit(f"not ready within {_START_SECONDS:g} s: {answer[:_SHOWN]} {tree.last_words()}")


def _check(server: Server, port: int, bodies: list[str], asked: Asked) -> None:
    """Refuse to measure how fast a wrong answer comes."""
    for body, label in list(zip(bodies, asked.labels, strict=True))[:CHECKED_ROWS]:
        status, text = _ask(port, server.protocol.path, body)
        if status != _OK:
            raise Unfit(f"status {status}: {text[:_SHOWN]}")
        found = label_of(server.protocol.label(json.loads(text)))
        if found != label:
            raise Unfit(f"wrong: {found} where the original says {label}")


def _ask(port: int, path: str, body: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("POST", path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


def _client(load: Load) -> dict[str, Any]:
    done = subprocess.run(
        ["taskset", "-c", str(CLIENT_CORE), sys.executable, "-S", str(_CLIENT)],
        input=json.dumps(asdict(load)), capture_output=True, text=True, check=False,
        timeout=load.seconds + load.warm_up_seconds + 2 * _START_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise Unfit(f"the client failed: {done.stderr.strip().splitlines()[-1]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured
