"""What was measured, and the file that keeps it between runs.

A sample is written as soon as it is there, so that an interruption loses one at most. Newer
samples of a server with a model displace those of an earlier run; others stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from bench.serving.client import Measured


@dataclass(frozen=True)
class Run:
    """How, where and with what some samples were measured."""

    began: str
    """Date and time, in UTC; what tells it from other runs."""
    machine: str
    revision: str
    """The commit that was measured; with a plus behind it where files differed."""
    seconds: float
    """Length of each load."""
    rounds: int
    models: list[str]
    servers: list[str]
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    """By environment, of the packages that decide about speed."""

    def continues(self, earlier: Run) -> bool:
        """Whether its samples may stand beside those of an earlier run as if of one."""
        return replace(self, began=earlier.began) == earlier


@dataclass(frozen=True)
class Sample:
    """One server with one model in one round."""

    run: str
    """When the run began that it is of."""
    model: str
    server: str
    round: int
    failure: str = ""
    """Why there are no figures; empty where there are."""
    ready_seconds: float | None = None
    """None in rounds in which the server was not started anew."""
    memory_mb: float = 0.0
    cpu_seconds_per_1000: float = 0.0
    others_busy: float = 0.0
    """How much of a core other programs used meanwhile; near 0 on a quiet machine."""
    loads: dict[int, Measured] = field(default_factory=dict)
    """By the number of connections."""
    batches: dict[int, float] = field(default_factory=dict)
    """Rows per second by the rows of a request, where that was measured."""


@dataclass(frozen=True)
class Kept:
    """All samples that there are, with the runs that they are of."""

    runs: dict[str, Run] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def latest(self) -> Run | None:
        """The run that began last."""
        return self.runs[max(self.runs)] if self.runs else None

    def has(self, run: Run, model: str, server: str, turn: int) -> bool:
        """Whether a run has got this far."""
        wanted = (run.began, model, server, turn)
        return any((one.run, one.model, one.server, one.round) == wanted for one in self.samples)


def merged(kept: Kept, run: Run, sample: Sample) -> Kept:
    """With one sample more: what an earlier run says of the same server and model goes."""

    def stays(one: Sample) -> bool:
        if (one.model, one.server) != (sample.model, sample.server):
            return True
        return one.run == sample.run and one.round != sample.round

    samples = [*filter(stays, kept.samples), sample]
    told = {one.run for one in samples}
    runs = {began: one for began, one in {**kept.runs, run.began: run}.items() if began in told}
    return Kept(runs, samples)


def read(path: Path) -> Kept:
    """What a file keeps; nothing where there is no file yet."""
    return msgspec.json.decode(path.read_bytes(), type=Kept) if path.exists() else Kept()


def write(path: Path, kept: Kept) -> None:
    """Replace the file in one step: it is whole at any moment."""
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1))
    beside.replace(path)
