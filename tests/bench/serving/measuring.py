"""One server that answers: checked against the original model, then loaded."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import msgspec

from bench.serving.client import Load, Measured
from bench.serving.cores import Watch, others_between
from bench.serving.process_tree import ProcessTree
from bench.serving.protocols import Protocol
from bench.serving.samples import Sample

SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS = (1, 16, 64)
BATCHES = (1, 10, 100, 1000)
"""Rows of a request, where rows per second are measured."""
CHECKED_ROWS = 16
WARM_UP_SECONDS = 0.3
BATCH_SECONDS = 0.7
_BATCH_BODIES = 4
_CLIENT_SECONDS = 120.0
_ANSWER_SECONDS = 30.0
_CLIENT = Path(__file__).with_name("client.py")
_OK = 200
_SHOWN = 300


class Unfit(Exception):
    """A server that can't be measured: it does not start, or its answers are wrong."""


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

    def many(self, count: int, begin: int = 0) -> Asked:
        """So many from some place on, again from the first where they end."""
        rows = list(islice(cycle(self.rows), begin, begin + count))
        return Asked(self.columns, rows, list(islice(cycle(self.labels), begin, begin + count)))


@dataclass(frozen=True)
class Measuring:
    """How to ask one server that runs."""

    tree: ProcessTree
    port: int
    protocol: Protocol
    seconds: float

    def measured(self, asked: Asked, sample: Sample, *, checked: bool, batched: bool) -> Sample:
        """The sample with its figures; Unfit says what is wrong with the server."""
        if checked:
            for place in range(CHECKED_ROWS):
                self._check(asked.many(1, place))
        bodies = [self.protocol.written([row], asked.columns) for row in asked.rows]
        watch = Watch((SERVER_CORE, CLIENT_CORE), self.tree.cpu_seconds)
        first, cpu_before = watch.look(), self.tree.cpu_seconds()
        loads = {
            connections: self._load(bodies, connections, self.seconds)
            for connections in CONNECTIONS
        }
        cpu = self.tree.cpu_seconds() - cpu_before
        answers = sum(load.answers for load in loads.values())
        return replace(
            sample,
            loads=loads,
            cpu_seconds_per_1000=1000 * cpu / answers,
            others_busy=others_between(first, watch.look()),
            memory_mb=self.tree.memory_mb(),
            batches={count: self._batch(asked, count) for count in BATCHES} if batched else {},
        )

    def _batch(self, asked: Asked, count: int) -> float:
        """Rows per second on one connection, in requests of so many rows."""
        self._check(asked.many(count))
        parts = [asked.many(count, begin) for begin in range(_BATCH_BODIES)]
        bodies = [self.protocol.written(part.rows, part.columns) for part in parts]
        return count * self._load(bodies, 1, BATCH_SECONDS).rps

    def _check(self, asked: Asked) -> None:
        """Refuse to measure how fast a wrong answer comes."""
        status, text = ask(
            self.port, self.protocol.path, self.protocol.written(asked.rows, asked.columns)
        )
        if status != _OK:
            raise Unfit(f"status {status}: {text[:_SHOWN]}")
        try:
            found = self.protocol.labels_in(text)
        except (LookupError, TypeError, ValueError) as error:
            raise Unfit(f"no labels in {text[:_SHOWN]}") from error
        if found != asked.labels:
            raise Unfit(f"wrong: {found} where the original says {asked.labels}"[:_SHOWN])

    def _load(self, bodies: Sequence[str], connections: int, seconds: float) -> Measured:
        path = self.protocol.path
        load = Load(self.port, path, list(bodies), connections, seconds, WARM_UP_SECONDS)
        done = subprocess.run(
            ["taskset", "-c", str(CLIENT_CORE), sys.executable, "-S", str(_CLIENT)],
            input=json.dumps(asdict(load)), capture_output=True, text=True, check=False,
            timeout=load.seconds + load.warm_up_seconds + _CLIENT_SECONDS,
        )  # fmt: skip
        if done.returncode:
            raise Unfit(f"the client failed: {done.stderr.strip().splitlines()[-1]}")
        measured = msgspec.json.decode(done.stdout, type=Measured)
        if measured.errors:
            raise Unfit(f"{measured.errors} bad answers: {measured.first_error}")
        return measured


def ask(port: int, path: str, body: str) -> tuple[int, str]:
    """Status and text of one answer, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("POST", path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()
