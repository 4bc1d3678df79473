"""How long the rest of a run will take, from how long its turns took so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.serving.measuring import BATCH_SECONDS, BATCHES, CONNECTIONS, WARM_UP_SECONDS
from bench.serving.servers import Kind, Server

_START_SECONDS = {Kind.PEER: 8.0}
"""Before the first turn has shown it; what others take is within a second."""
_LOAD_OVERHEAD_SECONDS = 0.15


@dataclass(frozen=True)
class Turn:
    """One turn that is still to come."""

    server: Server
    starts: bool
    batched: bool


@dataclass
class Pace:
    """What turns took, by the server and whether it was started."""

    seconds: float
    known: dict[tuple[str, bool], float] = field(default_factory=dict)

    def note(self, turn: Turn, seconds: float) -> None:
        """What a turn really took."""
        self.known[turn.server.name, turn.starts] = seconds

    def left(self, turns: Iterable[Turn]) -> float:
        """Seconds that some turns will take."""
        return sum(map(self._expected, turns))

    def _expected(self, turn: Turn) -> float:
        known = self.known.get((turn.server.name, turn.starts))
        if known is not None:
            return known
        overhead = WARM_UP_SECONDS + _LOAD_OVERHEAD_SECONDS
        loads = len(CONNECTIONS) * (self.seconds + overhead)
        batches = len(BATCHES) * (BATCH_SECONDS + overhead) if turn.batched else 0.0
        start = _START_SECONDS.get(turn.server.kind, 1.0) if turn.starts else 0.0
        return start + loads + batches


def in_words(seconds: float) -> str:
    """Minutes, or seconds below two of them."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
