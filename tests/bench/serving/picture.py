"""The comparison as a picture: requests per second of each server, on a logarithmic scale.

Written by hand as SVG, with the colours of light and dark pages in its own style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from bench.serving.figures import Figures, best
from bench.serving.servers import SHIPPED, Kind, Setting

_WIDTH, _LEFT, _RIGHT = 860, 110, 30
_TOP, _BAND, _BOTTOM = 74, 52, 40
_RADIUS = 5.5
_TIMES = "\N{MULTIPLICATION SIGN}"
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .small { font-size: 11px; fill: #57606a }
  .grid { stroke: #d0d7de } .band { fill: #f6f8fa } .line { stroke: #afb8c1; stroke-width: 2 }
  .peer { fill: #8c959f } .best { fill: #bf5b04 } .ours { fill: #0969da }
  .quick { fill: none; stroke: #0969da; stroke-width: 2.5 } .bound { fill: #24292f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .grid { stroke: #3d444d } .band { fill: #151b23 } .line { stroke: #656c76 }
    .peer { fill: #656c76 } .best { fill: #f0883e } .ours { fill: #4493f8 }
    .quick { stroke: #4493f8 } .bound { fill: #e6edf3 }
  }
"""
_LEGEND = (
    ("ours", "ours, ASGI"),
    ("quick", "ours, below ASGI"),
    ("bound", "empty ASGI app"),
    ("best", "best peer"),
    ("peer", "other peers"),
)


@dataclass(frozen=True)
class Scale:
    """Requests per second to a place on the axis; whole powers of ten at both ends."""

    low: int
    high: int

    @classmethod
    def over(cls, values: Sequence[float]) -> Scale:
        """The smallest that holds all values."""
        low = math.floor(math.log10(min(values)))
        return cls(low, max(low + 1, math.ceil(math.log10(max(values)))))

    def place(self, value: float) -> float:
        """In pixels from the left."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def drawn(figures: Mapping[str, Sequence[Figures]]) -> str:
    """The picture; empty where nothing was measured."""
    shown = {
        model: [one for one in rows if one.loads and one.server.kind is not Kind.OURS_OTHERWISE]
        for model, rows in figures.items()
    }
    shown = {model: rows for model, rows in shown.items() if rows}
    values = [one.rps for rows in shown.values() for one in rows if one.rps > 0]
    if not values:
        return ""
    scale, height = Scale.over(values), _TOP + _BAND * len(shown) + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        "<title>Requests per second by model and server, on a logarithmic scale</title>",
        f"<style>{_STYLE}</style>",
        *_legend(),
        *_ground(len(shown)),
        *_axis(scale, height),
    ]
    for number, (model, rows) in enumerate(shown.items()):
        parts += _band(number, model, rows, scale)
    return "\n".join([*parts, "</svg>\n"])


def _legend() -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="20">Requests per second, one core, 16 connections</text>'
    left = float(_LEFT + _RADIUS)
    for kind, title in _LEGEND:
        yield _mark(kind, left, 43)
        yield f'<text class="small" x="{left + 13}" y="47">{escape(title)}</text>'
        left += 42 + 7 * len(title)


def _ground(count: int) -> Iterator[str]:
    """A shade behind every other model."""
    for top in range(_TOP, _TOP + count * _BAND, 2 * _BAND):
        yield f'<rect class="band" x="0" y="{top}" width="{_WIDTH}" height="{_BAND}"/>'


def _band(number: int, model: str, rows: Sequence[Figures], scale: Scale) -> Iterator[str]:
    middle = _TOP + (number + 0.5) * _BAND
    yield f'<text x="12" y="{middle + 5}">{escape(model)}</text>'
    peer = best(rows, Kind.PEER)
    ours = best(rows, Kind.OURS, SHIPPED)
    if peer and ours:
        ends = f'x1="{scale.place(peer.rps):.1f}" x2="{scale.place(ours.rps):.1f}"'
        yield f'<line class="line" {ends} y1="{middle}" y2="{middle}"/>'
        centre = (scale.place(peer.rps) + scale.place(ours.rps)) / 2
        ratio = f"{ours.rps / peer.rps:.0f}{_TIMES}"
        yield f'<text x="{centre:.1f}" y="{middle - 7}" text-anchor="middle">{ratio}</text>'
    # The remarkable ones last, so that they lie above the others.
    for one in sorted(rows, key=lambda one: one.server.kind is not Kind.PEER or one is peer):
        yield _mark(_kind(one, is_best=one is peer), scale.place(one.rps), middle, _told(one))


def _kind(one: Figures, *, is_best: bool) -> str:
    if one.server.kind is Kind.OURS:
        return "quick" if one.server.setting is Setting.QUICK else "ours"
    if one.server.kind is Kind.BOUND:
        return "bound"
    return "best" if is_best else "peer"


def _mark(kind: str, left: float, middle: float, told: str = "") -> str:
    title = f"<title>{escape(told)}</title>" if told else ""
    if kind == "bound":
        ends = f'x="{left - 1.5:.1f}" y="{middle - 11}" width="3" height="22"'
        return f'<rect class="bound" {ends}>{title}</rect>'
    radius = _RADIUS + 2 if kind == "quick" else _RADIUS
    return f'<circle class="{kind}" cx="{left:.1f}" cy="{middle}" r="{radius}">{title}</circle>'


def _axis(scale: Scale, height: int) -> Iterator[str]:
    foot = height - _BOTTOM
    for power in range(scale.low, scale.high + 1):
        left = scale.place(10.0**power)
        yield f'<line class="grid" x1="{left}" x2="{left}" y1="{_TOP - 8}" y2="{foot + 6}"/>'
        yield (
            f'<text class="small" x="{left}" y="{foot + 22}" text-anchor="middle">'
            f"{10.0**power:,.0f}</text>"
        )


def _told(one: Figures) -> str:
    return f"{one.server.label}: {one.rps:,.0f} requests/s"
