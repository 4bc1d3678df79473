"""From samples to figures: medians over the rounds, the comparison and the bars it is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.serving.measuring import CONNECTIONS, Sample
from bench.serving.servers import SERVERS, Kind, Server

COMPARED = 16
"""The number of connections at which servers are compared."""
FASTER = {"logistic": 15.0, "forest": 60.0, "histogram": 20.0, "lightgbm": 20.0, "xgboost": 20.0}
"""How many times the best peer's requests per second are promised."""
OF_ASGI = {"logistic": 0.65}
"""The promised share of the empty ASGI app's requests per second."""
P99_SHARE = 0.2
READY_SECONDS = 1.5
MEMORY_MB = 100.0


@dataclass(frozen=True)
class Figures:
    """One server with one model: medians over all rounds."""

    server: Server
    failure: str
    ready_seconds: float = 0.0
    memory_mb: float = 0.0
    cpu_seconds_per_1000: float = 0.0
    loads: Mapping[int, Mapping[str, float]] | None = None

    def load(self, what: str, connections: int = COMPARED) -> float:
        """One figure of one load."""
        return (self.loads or {})[connections][what]


def figures_of(samples: Iterable[Sample]) -> dict[str, list[Figures]]:
    """By model, in the order of the servers; a server that failed once has failed."""
    grouped: dict[str, dict[str, list[Sample]]] = {}
    for sample in samples:
        grouped.setdefault(sample.model, {}).setdefault(sample.server, []).append(sample)
    return {
        model: [_medians(server, found[server.name]) for server in SERVERS if server.name in found]
        for model, found in grouped.items()
    }


def _medians(server: Server, samples: Sequence[Sample]) -> Figures:
    failures = [sample.failure for sample in samples if sample.failure]
    if failures:
        return Figures(server, failures[0])

    def middle(of: Callable[[Sample], float]) -> float:
        return median(map(of, samples))

    loads = {
        connections: {
            what: median(sample.loads[connections][what] for sample in samples)
            for what in ("rps", "p50", "p99", "p99_9", "client_busy")
        }
        for connections in CONNECTIONS
    }
    return Figures(
        server,
        "",
        middle(lambda sample: sample.ready_seconds),
        middle(lambda sample: sample.memory_mb),
        middle(lambda sample: sample.cpu_seconds_per_1000),
        loads,
    )


def compare(model: str, figures: Sequence[Figures]) -> dict[str, Any]:
    """Ours, the best peer and the bound of one model; None for what was not measured."""
    ours = _best(figures, Kind.OURS)
    peer = _best(figures, Kind.PEER)
    bound = _best(figures, Kind.BOUND)
    return {
        "model": model,
        "ours_rps": _rounded(ours, lambda one: one.load("rps"), 1),
        "best_peer": peer and f"{peer.server.title} ({peer.server.setting})",
        "best_peer_rps": _rounded(peer, lambda one: one.load("rps"), 1),
        "asgi_rps": _rounded(bound, lambda one: one.load("rps"), 1),
        "ours_p99_ms": _rounded(ours, lambda one: one.load("p99"), 3),
        "best_peer_p99_ms": _rounded(peer, lambda one: one.load("p99"), 3),
        "ready_seconds": _rounded(ours, lambda one: one.ready_seconds, 3),
        "rss_mb": _rounded(ours, lambda one: one.memory_mb, 1),
    }


def missed(one: Mapping[str, Any]) -> list[str]:
    """The bars that one comparison misses, a sentence each; what was not measured is missed."""
    model = one["model"]
    if None in one.values():
        absent = [key for key, value in one.items() if value is None]
        return [f"{model}: not measured: {', '.join(absent)}"]
    breaches = []

    def hold(what: str, value: float, limit: float, *, at_least: bool = False) -> None:
        if (value < limit) if at_least else (value > limit):
            sign = "at least" if at_least else "at most"
            breaches.append(f"{model}: {what} is {value:.2f}, promised {sign} {limit:g}")

    if model in FASTER:
        ratio = one["ours_rps"] / one["best_peer_rps"]
        hold(f"throughput over {one['best_peer']}'s", ratio, FASTER[model], at_least=True)
    if model in OF_ASGI:
        share = one["ours_rps"] / one["asgi_rps"]
        hold("throughput over the empty ASGI app's", share, OF_ASGI[model], at_least=True)
    hold("p99 over the best peer's", one["ours_p99_ms"] / one["best_peer_p99_ms"], P99_SHARE)
    hold("start to ready in seconds", one["ready_seconds"], READY_SECONDS)
    hold("memory in MB", one["rss_mb"], MEMORY_MB)
    return breaches


def _best(figures: Sequence[Figures], kind: Kind) -> Figures | None:
    """The fastest that did not fail."""
    fit = [one for one in figures if one.server.kind is kind and not one.failure]
    return max(fit, key=lambda one: one.load("rps"), default=None)


def _rounded(
    figures: Figures | None, what: Callable[[Figures], float], digits: int
) -> float | None:
    return None if figures is None else round(what(figures), digits)
