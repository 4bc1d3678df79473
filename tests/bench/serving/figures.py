"""From samples to figures: medians over the rounds, and the comparison of each model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.serving.client import Measured
from bench.serving.samples import Sample
from bench.serving.servers import SERVERS, SHIPPED, Kind, Server, Setting

MODELS = ("logistic", "forest", "histogram", "lightgbm", "xgboost", "categories")
COMPARED = 16
"""The number of connections at which servers are compared."""
FULL = 0.9
"""A client that is busier than this may itself have been the limit."""


@dataclass(frozen=True)
class Load:
    """One server under one load: medians over its rounds, times in milliseconds."""

    rps: float
    p50: float
    p99: float
    p99_9: float
    client_busy: float
    answers: int
    """How many stand behind the times of the shortest round."""


@dataclass(frozen=True)
class Figures:
    """One server with one model: medians over all rounds that it took part in."""

    server: Server
    rounds: int
    failures: list[str]
    """Why rounds are missing; with one of them it is not compared."""
    runs: list[str] = field(default_factory=list)
    ready_seconds: float = 0.0
    memory_mb: float = 0.0
    cpu_seconds_per_1000: float = 0.0
    others_busy: float = 0.0
    loads: Mapping[int, Load] = field(default_factory=dict)
    batches: Mapping[int, float] = field(default_factory=dict)

    @property
    def rps(self) -> float:
        """Requests per second where servers are compared."""
        return self.loads[COMPARED].rps


def figures_of(samples: Sequence[Sample]) -> dict[str, list[Figures]]:
    """By model, in the order of models and servers."""
    grouped: dict[str, dict[str, list[Sample]]] = {}
    for sample in samples:
        grouped.setdefault(sample.model, {}).setdefault(sample.server, []).append(sample)
    return {
        model: [
            _of_server(server, grouped[model][server.name])
            for server in SERVERS
            if server.name in grouped[model]
        ]
        for model in MODELS
        if model in grouped
    }


def _of_server(server: Server, samples: Sequence[Sample]) -> Figures:
    good = [sample for sample in samples if not sample.failure]
    failures = [sample.failure for sample in samples if sample.failure]
    runs = sorted({sample.run for sample in samples})
    if not good:
        return Figures(server, 0, failures, runs)

    def middle(of: Callable[[Sample], float]) -> float:
        return median(map(of, good))

    ready = [sample.ready_seconds for sample in good if sample.ready_seconds is not None]
    return Figures(
        server,
        len(good),
        failures,
        runs,
        # Only a start that failed can have left none.
        median(ready) if ready else float("nan"),
        middle(lambda sample: sample.memory_mb),
        middle(lambda sample: sample.cpu_seconds_per_1000),
        middle(lambda sample: sample.others_busy),
        {count: _load([sample.loads[count] for sample in good]) for count in good[0].loads},
        {
            count: median(sample.batches[count] for sample in good)
            for count in good[0].batches
        },
    )  # fmt: skip


def _load(rounds: Sequence[Measured]) -> Load:
    def middle(of: Callable[[Measured], float]) -> float:
        return median(map(of, rounds))

    return Load(
        rps=middle(lambda one: one.rps),
        p50=middle(lambda one: one.p50),
        p99=middle(lambda one: one.p99),
        p99_9=middle(lambda one: one.p99_9),
        client_busy=middle(lambda one: one.client_busy),
        answers=min(one.counted for one in rounds),
    )


def best(figures: Sequence[Figures], kind: Kind, setting: Setting | None = None) -> Figures | None:
    """The one with the most requests per second among those that never failed."""
    fit = [
        one
        for one in figures
        if one.server.kind is kind
        and not one.failures
        and (setting is None or one.server.setting is setting)
    ]
    return max(fit, key=lambda one: one.rps, default=None)


def compare(model: str, figures: Sequence[Figures]) -> dict[str, Any]:
    """Ours as it ships, the best peer and the bound of one model; None for what is not there."""
    ours = best(figures, Kind.OURS, SHIPPED)
    peer = best(figures, Kind.PEER)
    return {
        "model": model,
        "ours": ours and ours.server.label,
        "ours_rps": _rounded(ours, _rps, 1),
        "best_peer": peer and peer.server.label,
        "best_peer_rps": _rounded(peer, _rps, 1),
        "asgi_rps": _rounded(best(figures, Kind.BOUND), _rps, 1),
        "ours_asgi_rps": _rounded(best(figures, Kind.OURS, Setting.ASGI), _rps, 1),
        "ours_quick_rps": _rounded(best(figures, Kind.OURS, Setting.QUICK), _rps, 1),
        "ours_p99_ms": _rounded(ours, lambda one: one.loads[COMPARED].p99, 3),
        "best_peer_p99_ms": _rounded(peer, lambda one: one.loads[COMPARED].p99, 3),
        "ours_cpu_seconds_per_1000": _rounded(ours, lambda one: one.cpu_seconds_per_1000, 4),
        "best_peer_cpu_seconds_per_1000": _rounded(peer, lambda one: one.cpu_seconds_per_1000, 4),
        "ready_seconds": _rounded(ours, lambda one: one.ready_seconds, 3),
        "rss_mb": _rounded(ours, lambda one: one.memory_mb, 1),
    }


def _rps(figures: Figures) -> float:
    return figures.rps


def _rounded(
    figures: Figures | None, what: Callable[[Figures], float], digits: int
) -> float | None:
    return None if figures is None else round(what(figures), digits)
