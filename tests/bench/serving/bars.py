"""What is promised of our server, and whether the comparison of a model keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

FASTER = {"logistic": 15.0, "forest": 60.0, "histogram": 20.0, "lightgbm": 20.0, "xgboost": 20.0}
"""How many times the best peer's requests per second are promised."""
OF_ASGI = 0.65
"""The promised share of the empty ASGI app's requests per second, for the logistic model."""
OF_ASGI_BELOW_IT = 1.0
P99_SHARE = 0.2
READY_SECONDS = 1.5
MEMORY_MB = 100.0


@dataclass(frozen=True)
class Bar:
    """One promise about one model, with what was measured."""

    model: str
    what: str
    limit: float
    measured: float | None
    """None where it was not measured: that is no promise kept."""
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the promise is kept; not by a figure that is no number either."""
        if self.measured is None:
            return False
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def promised(self) -> str:
        """As a person reads it."""
        return f"{'at least' if self.at_least else 'at most'} {self.limit:g}"

    @override
    def __str__(self) -> str:
        """A sentence."""
        found = "not measured" if self.measured is None else f"{self.measured:.3g}"
        return f"{self.model}: {self.what}: {found}, promised {self.promised}"


def bars_of(model: str, row: Mapping[str, Any]) -> list[Bar]:
    """All that is promised of one model; `row` is its comparison, empty if there is none."""

    def over(above: str, below: str) -> float | None:
        first, second = row.get(above), row.get(below)
        return None if first is None or not second else first / second

    bars = []
    if model in FASTER:
        faster = over("ours_rps", "best_peer_rps")
        bars.append(
            Bar(model, "requests/s over the best peer's", FASTER[model], faster, at_least=True)
        )
    if model == "logistic":
        share = over("ours_asgi_rps", "asgi_rps")
        what = "requests/s through ASGI over the empty ASGI app's"
        bars.append(Bar(model, what, OF_ASGI, share, at_least=True))
        share = over("ours_quick_rps", "asgi_rps")
        what = "requests/s below ASGI over the empty ASGI app's"
        bars.append(Bar(model, what, OF_ASGI_BELOW_IT, share, at_least=True))
    tail = over("ours_p99_ms", "best_peer_p99_ms")
    return [
        *bars,
        Bar(model, "p99 over the best peer's", P99_SHARE, tail),
        Bar(model, "start to ready, s", READY_SECONDS, row.get("ready_seconds")),
        Bar(model, "memory, MB", MEMORY_MB, row.get("rss_mb")),
    ]
