"""The figures as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.serving.bars import Bar
from bench.serving.figures import COMPARED, FULL, MODELS, Figures, best
from bench.serving.measuring import BATCH_SECONDS, BATCHES, CONNECTIONS
from bench.serving.samples import Run
from bench.serving.servers import SHIPPED, Kind

_NONE, _TIMES = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"
_SHOWN = 160
_DISTURBED = 0.1
_FEW = 1000
"""With fewer answers in a round, one in a thousand is no figure."""
_HEAD = f"""# Serving, measured side by side

Our serving runtime, the servers that people use in its place, and the bound: an empty app that
reads nothing and always answers the same. `make bench-serving` measures and writes this page.

## How to read it

- One row a request, each row another one, on connections that are kept. The server with all its
  processes has one core, the client another. Each server's answers were compared with the
  original model's before it was loaded.
- A figure is the median of the rounds of one run; the servers of a model take turns in each round.
  Peers start once for each model and stand still while others have their turn; ours and the bound
  start anew for each turn.
- **tuned** is a peer as somebody sets it up who wants it fast: one process, no access log, no
  compression, no tracing, one thread for numbers, arrays in place of tables where that works.
  **defaults** is how its documentation starts it.
- **ASGI** is ours with its hot path as an app of the ASGI server, **below ASGI** with usual
  requests answered by the HTTP protocol itself. What ships is *{SHIPPED}*; it is what is compared.
- Times are p50 / p99 / p99.9 in milliseconds (p99.9 only where a round had {_FEW:,} answers).
  Ready is from the start of the process to its first good answer. Memory is the proportional set
  size of all processes after the load. CPU is seconds of all processes per 1,000 requests over all
  loads: the figure that a busy machine changes least.
- Best peer is the one with the most requests per second at {COMPARED} connections, tuned or not.
"""


def page(
    rows: Sequence[Mapping[str, Any]],
    bars: Sequence[Bar],
    figures: Mapping[str, Sequence[Figures]],
    runs: Mapping[str, Run],
    picture: str,
) -> str:
    """The whole page; `picture` is the name of the file beside it."""
    parts = [_HEAD, _summary(rows, picture), _promises(bars)]
    parts += [_model(model, figures[model], runs) for model in MODELS if model in figures]
    parts += [_protocols(figures), _batches(figures), _runs(runs)]
    return "\n".join(part for part in parts if part)


def _summary(rows: Sequence[Mapping[str, Any]], picture: str) -> str:
    titles = ["model", "ours, req/s", "best peer, req/s", "best peer", "ratio", "empty ASGI app"]
    titles += ["p99, ms: ours", "best peer"]
    lines = [
        "## In short\n",
        f"At {COMPARED} connections.\n",
        *_table(
            titles,
            (
                [
                    str(row["model"]),
                    _number(row["ours_rps"]),
                    _number(row["best_peer_rps"]),
                    row["best_peer"] or _NONE,
                    _ratio(row["ours_rps"], row["best_peer_rps"]),
                    _number(row["asgi_rps"]),
                    _digits(row["ours_p99_ms"]),
                    _digits(row["best_peer_p99_ms"]),
                ]
                for row in rows
            ),
        ),
        f"\n![Requests per second by model and server, on a logarithmic scale]({picture})\n",
    ]
    return "\n".join(lines)


def _promises(bars: Sequence[Bar]) -> str:
    missed = sum(not bar.holds for bar in bars)
    said = f"{len(bars) - missed} of {len(bars)} are kept, {missed} are not or were not measured."
    lines = (
        [bar.model, bar.what, bar.promised, _digits(bar.measured), _verdict(bar)] for bar in bars
    )
    table = _table(["model", "what", "promised", "measured", ""], lines)
    return "\n".join(["## What is promised\n", f"{said}\n", *table, ""])


def _verdict(bar: Bar) -> str:
    if bar.measured is None:
        return "**not measured**"
    return "kept" if bar.holds else "**missed**"


def _model(model: str, rows: Sequence[Figures], runs: Mapping[str, Run]) -> str:
    titles = ["server", "setting"]
    for count in CONNECTIONS:
        titles += [f"{count} conn.: req/s", "ms"]
    titles += ["ready, s", "memory, MB", "CPU, s"]
    peer = best(rows, Kind.PEER)
    shown = [one for one in rows if one.server.kind is not Kind.OURS_OTHERWISE]
    lines = _table(titles, (_cells(one, len(titles), is_best=one is peer) for one in shown))
    used = sorted({run for one in rows for run in one.runs})
    told = "; ".join(
        f"{began}, {runs[began].rounds} rounds of {runs[began].seconds:g} s" for began in used
    )
    mixed = " The rows are not all of one run: compare them with care." if len(used) > 1 else ""
    return "\n".join([f"## {model}\n", f"Measured {told}.{mixed}\n", *lines, *_notes(rows), ""])


def _cells(one: Figures, width: int, *, is_best: bool) -> list[str]:
    title = f"**{one.server.title}**" if is_best else one.server.title
    cells = [title, str(one.server.setting)]
    if not one.loads:
        return [*cells, "not measured", *[""] * (width - len(cells) - 1)]
    for count in CONNECTIONS:
        load = one.loads[count]
        last = f" / {load.p99_9:.3g}" if load.answers >= _FEW else ""
        full = " (client full)" if load.client_busy > FULL else ""
        cells += [f"{load.rps:,.0f}{full}", f"{load.p50:.3g} / {load.p99:.3g}{last}"]
    return [
        *cells,
        f"{one.ready_seconds:.2f}",
        f"{one.memory_mb:.0f}",
        f"{one.cpu_seconds_per_1000:.3f}",
    ]


def _notes(rows: Sequence[Figures]) -> Iterator[str]:
    """What a reader should know of single rows."""
    yield ""
    for one in rows:
        if one.failures:
            said = " ".join(one.failures[0].split()).replace(str(Path.home()), "~")[:_SHOWN]
            yield f"- {one.server.label} failed in {len(one.failures)} rounds: {said}"
        if one.others_busy > _DISTURBED:
            yield (
                f"- {one.server.label}: other programs used {one.others_busy:.0%} of a core "
                "meanwhile, so that it may be faster"
            )


def _protocols(figures: Mapping[str, Sequence[Figures]]) -> str:
    """Ours beside the best peer that speaks the same protocol."""
    lines = []
    for model, rows in figures.items():
        for ours in (one for one in rows if one.server.kind is Kind.OURS_OTHERWISE):
            title = ours.server.protocol.title
            peer = best([one for one in rows if one.server.protocol.title == title], Kind.PEER)
            lines.append(_side_by_side(model, title, ours, peer))
    if not lines:
        return ""
    titles = ["model", "protocol", "ours, req/s", "CPU, s", "peer", "req/s", "CPU, s", "ratio"]
    said = f"Ours as it ships, at {COMPARED} connections, beside the best peer of the protocol.\n"
    return "\n".join(["## Protocol by protocol\n", said, *_table(titles, lines), ""])


def _side_by_side(model: str, title: str, ours: Figures, peer: Figures | None) -> list[str]:
    cells = [model, title]
    cells += _speed(ours) if ours.loads else ["not measured", ""]
    cells += [peer.server.label, *_speed(peer)] if peer else [_NONE, "", ""]
    ratio = _ratio(ours.rps, peer.rps) if ours.loads and peer else _NONE
    return [*cells, ratio]


def _speed(one: Figures) -> list[str]:
    return [f"{one.rps:,.0f}", f"{one.cpu_seconds_per_1000:.3f}"]


def _batches(figures: Mapping[str, Sequence[Figures]]) -> str:
    lines = [
        [model, one.server.label, *(f"{one.batches[count]:,.0f}" for count in BATCHES)]
        for model, rows in figures.items()
        for one in rows
        if one.batches
    ]
    if not lines:
        return ""
    titles = ["model", "server", *(f"{count:,} a request" for count in BATCHES)]
    said = f"Rows per second on one connection, loads of {BATCH_SECONDS:g} s.\n"
    return "\n".join(["## Many rows a request\n", said, *_table(titles, lines), ""])


def _runs(runs: Mapping[str, Run]) -> str:
    lines = ["## Runs and versions\n"]
    for began, run in runs.items():
        lines += [f"Run of {began}, revision {run.revision}, on {run.machine}:\n"]
        lines += [
            f"- {name}: {', '.join(f'{package} {number}' for package, number in found.items())}"
            for name, found in run.versions.items()
        ]
        lines.append("")
    return "\n".join(lines)


def _table(
    titles: Sequence[str], lines: Sequence[Sequence[str]] | Iterator[list[str]]
) -> list[str]:
    return [_line(titles), _line(["---"] * len(titles)), *map(_line, lines)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:,.0f}"


def _digits(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3g}"


def _ratio(above: float | None, below: float | None) -> str:
    return f"{above / below:.1f}{_TIMES}" if above is not None and below else _NONE
