"""What is promised of the cost of training, and whether a run keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from typing_extensions import override

from bench.training.looks import Look
from bench.training.overhead import Round

OVERHEAD_MS = 60.0
TIMES = 3.6
RESOURCE_BYTES = 20_000
GROWTH = 2.0
"""Times the CPU of a look, for ten times as many trials."""
_LARGE = 1000


@dataclass(frozen=True)
class Measured:
    """All that one run found."""

    overhead: Mapping[str, Sequence[Round]]
    """By trainer."""
    paces: Mapping[int, Sequence[float]]
    """Trials per second, by the number of workers."""
    looks: Sequence[Look]

    @property
    def times(self) -> float | None:
        """How many times one worker's pace the most workers have."""
        if not self.paces:
            return None
        few, many = min(self.paces), max(self.paces)
        return median(self.paces[many]) / median(self.paces[few])


@dataclass(frozen=True)
class Bar:
    """One promise, with what was measured."""

    what: str
    limit: float
    measured: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether it is kept."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def promised(self) -> str:
        """As a person reads it."""
        return f"{'at least' if self.at_least else 'at most'} {self.limit:,g}"

    @property
    def found(self) -> str:
        """What was measured, as a person reads it."""
        return f"{self.measured:,.0f}" if self.measured >= _LARGE else f"{self.measured:.3g}"

    @override
    def __str__(self) -> str:
        """A sentence."""
        return f"{self.what}: {self.found}, promised {self.promised}"


def bars_of(measured: Measured) -> list[Bar]:
    """All that is promised of what was measured."""
    bars = [
        Bar(f"overhead, ms a trial, {name}", OVERHEAD_MS, median(one.overhead for one in rounds))
        for name, rounds in measured.overhead.items()
    ]
    if measured.times is not None:
        many = max(measured.paces)
        bars.append(Bar(f"{many} workers, times one worker", TIMES, measured.times, at_least=True))
    for objectives in dict.fromkeys(look.objectives for look in measured.looks):
        bars += _of_looks([one for one in measured.looks if one.objectives == objectives])
    return bars


def _of_looks(looks: Sequence[Look]) -> list[Bar]:
    few, many = looks[0], looks[-1]
    study = f"{many.trials:,} trials of {in_words(many.objectives)}"
    growth = many.milliseconds / few.milliseconds
    return [
        Bar(f"TrainingRun of {study}, bytes", RESOURCE_BYTES, many.resource_bytes),
        Bar(f"CPU of a look at {study}, times that at {few.trials:,}", GROWTH, growth),
    ]


def in_words(objectives: int) -> str:
    """One objective, or several."""
    return "one objective" if objectives == 1 else f"{objectives} objectives"
