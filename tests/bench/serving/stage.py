"""The servers of one model: started, given their turns, and ended."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.serving.measuring import SERVER_CORE, Asked, Measuring, Unfit, ask
from bench.serving.process_tree import ProcessTree, pause
from bench.serving.samples import Sample
from bench.serving.servers import Kind, Place, Server, environment, free_ports

BATCHED_MODELS = ("logistic", "forest")
_START_SECONDS = 120.0
_OK = 200
_SHOWN = 300


@dataclass(frozen=True)
class Started:
    """A server's processes and where they answer."""

    tree: ProcessTree
    port: int


@dataclass
class Stage:
    """Peers start once and stand still but for their turns, since their starts take long.

    Ours and the bound start anew for each turn: they are quick to start, and are held to it.
    """

    model: Path
    folder: Path
    pythons: dict[str, Path]
    """The interpreter of each environment by its name."""
    run: str
    seconds: float
    _started: dict[str, Started] = field(default_factory=dict)
    _given_up: dict[str, str] = field(default_factory=dict)
    """Why a server did not start, by its name: the next round does not wait for it again."""

    def __enter__(self) -> Self:
        """Nothing starts before its first turn."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all that still runs, whatever goes wrong with one of them."""
        with ExitStack() as ends:
            for started in self._started.values():
                ends.callback(started.tree.end)

    def starts(self, server: Server) -> bool:
        """Whether the next turn of a server begins with a start."""
        return server.name not in self._started

    def sample(self, server: Server, turn: int) -> Sample:
        """Measure; a server that is unfit gives a sample that says why."""
        sample = Sample(self.run, self.model.name, server.name, turn)
        try:
            if self.starts(server):
                sample = replace(sample, ready_seconds=self._ready(server))
            sample = self._measured(server, sample)
        except (Unfit, OSError, HTTPException, subprocess.SubprocessError) as error:
            self._end(server)
            return replace(sample, failure=str(error))
        if server.stands:
            self._started[server.name].tree.stand_still()
        else:
            self._end(server)
        return sample

    def _measured(self, server: Server, sample: Sample) -> Sample:
        started = self._started[server.name]
        started.tree.go_on()
        measuring = Measuring(started.tree, started.port, server.protocol, self.seconds)
        return measuring.measured(
            Asked.of(self.model),
            sample,
            checked=server.kind is not Kind.BOUND,
            batched=server.batched and self.model.name in BATCHED_MODELS,
        )

    def _ready(self, server: Server) -> float:
        """Start it; the seconds from the start of the process to its first good answer."""
        if server.name in self._given_up:
            raise Unfit(self._given_up[server.name])
        started = self._start(server)
        asked = Asked.of(self.model).many(1)
        body = server.protocol.written(asked.rows, asked.columns)
        try:
            return _until_ready(started.tree, started.port, server.protocol.path, body)
        except Unfit as error:
            self._given_up[server.name] = str(error)
            raise

    def _start(self, server: Server) -> Started:
        work = self.folder / "work" / f"{server.name}-{self.model.name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        port, *others = free_ports(3)
        python = self.pythons[server.venv]
        place = Place(self.model, work, python, port, (others[0], others[1]), server.setting)
        start = server.start(place)
        command = [str(python), *start.arguments]
        tree = ProcessTree(command, environment(place, start), work / "log", SERVER_CORE)
        # Known before it is ready: whatever happens meanwhile, it will be ended.
        self._started[server.name] = started = Started(tree, port)
        return started

    def _end(self, server: Server) -> None:
        started = self._started.pop(server.name, None)
        if started:
            started.tree.end()


def _until_ready(tree: ProcessTree, port: int, path: str, body: str) -> float:
    answer = "no answer"
    while time.perf_counter() < tree.started_at + _START_SECONDS:
        if not tree.runs:
            raise Unfit(f"it ended: {tree.last_words()}")
        try:
            status, answer = ask(port, path, body)
        except (OSError, HTTPException):
            pause()
            continue
        if status == _OK:
            return time.perf_counter() - tree.started_at
        pause()
    raise Unfit(f"not ready within {_START_SECONDS:g} s: {answer[:_SHOWN]} {tree.last_words()}")
