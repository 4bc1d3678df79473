"""The figures as a page of Markdown."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.serving.figures import COMPARED, Figures
from bench.serving.measuring import CONNECTIONS
from bench.serving.servers import Kind

_SHOWN = 120
_BUSY = 0.95
_HEAD = """# Serving, measured side by side

One row a request, each row another one, kept connections; the server with all its processes on
one core, the client on another. A figure is the median of {rounds} rounds of {seconds:g} s, in
which the servers took turns. Times are p50 / p99 / p99.9 in milliseconds; ready is the time from
the start of the process to the first good answer; memory is the proportional set size of all
processes after the load; CPU is seconds per 1,000 requests over all loads. Each server's answers
were compared with the original model's before it was measured.

Machine: {machine}
"""


def page(
    figures: Mapping[str, Sequence[Figures]],
    versions: Mapping[str, Mapping[str, str]],
    rounds: int,
    seconds: float,
) -> str:
    """The whole page."""
    parts = [_HEAD.format(rounds=rounds, seconds=seconds, machine=_machine())]
    parts += [_table(model, rows) for model, rows in figures.items()]
    parts.append("## Versions\n\n" + "".join(_versions(versions)))
    return "\n".join(parts)


def _table(model: str, rows: Sequence[Figures]) -> str:
    loads = [f"{count} conn.: req/s | ms" for count in CONNECTIONS]
    titles = ["server", "setting", *" | ".join(loads).split(" | ")]
    titles += ["ready, s", "memory, MB", "CPU, s"]
    lines = [f"## {model}\n", _line(titles), _line(["---"] * len(titles))]
    peers = [one for one in rows if one.server.kind is Kind.PEER and not one.failure]
    best = max(peers, key=lambda one: one.load("rps"), default=None)
    lines += [_line(_cells(one, len(titles), is_best=one is best)) for one in rows]
    return "\n".join(lines) + "\n" + _footnotes(rows)


def _cells(one: Figures, width: int, *, is_best: bool) -> list[str]:
    title = f"**{one.server.title}**" if is_best else one.server.title
    cells = [title, str(one.server.setting)]
    if one.failure:
        cells.append("not measured")
        return cells + [""] * (width - len(cells))
    for count in CONNECTIONS:
        times = " / ".join(f"{one.load(what, count):.3g}" for what in ("p50", "p99", "p99_9"))
        cells += [f"{one.load('rps', count):,.0f}", times]
    return [
        *cells,
        f"{one.ready_seconds:.2f}",
        f"{one.memory_mb:.0f}",
        f"{one.cpu_seconds_per_1000:.3f}",
    ]


def _footnotes(rows: Sequence[Figures]) -> str:
    notes = []
    for one in rows:
        name = f"{one.server.title}, {one.server.setting}"
        if one.failure:
            said = " ".join(one.failure.split()).replace(str(Path.home()), "~")
            notes.append(f"- {name}: {said[:_SHOWN]}\n")
        elif one.load("client_busy", COMPARED) > _BUSY:
            notes.append(f"- {name}: the client's core was full, the server may be faster\n")
    return "\n" + "".join(notes) if notes else ""


def _versions(versions: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [
        f"- {name}: {', '.join(f'{package} {number}' for package, number in found.items())}\n"
        for name, found in versions.items()
    ]


def _machine() -> str:
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    name = models[0] if models else platform.machine()
    return f"{name}, {len(models)} cores, Python {platform.python_version()}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
