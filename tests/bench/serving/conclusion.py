"""What a run leaves behind: the page, the picture, the comparison, and the verdict."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bench.serving.bars import Bar, bars_of
from bench.serving.figures import MODELS, compare, figures_of
from bench.serving.picture import drawn
from bench.serving.report import page
from bench.serving.samples import Kept

_PAGE, _PICTURE = "serving.md", "serving.svg"
_PUBLISHED = Path("docs") / "benchmarks"


def conclude(folder: Path, kept: Kept, models: Sequence[str], *, check: bool, publish: bool) -> int:
    """Write all files; 1 if the bars of some of these models are to be held and one is missed."""
    figures = figures_of(kept.samples)
    rows = [compare(model, found) for model, found in figures.items()]
    by_model = {row["model"]: row for row in rows}
    bars = [bar for model in MODELS for bar in bars_of(model, by_model.get(model, {}))]
    text = page(rows, bars, figures, kept.runs, _PICTURE)
    (folder / "serving.json").write_text(json.dumps(rows, indent=2) + "\n")
    for target in (folder, *([_PUBLISHED] if publish else [])):
        target.mkdir(parents=True, exist_ok=True)
        (target / _PAGE).write_text(text)
        (target / _PICTURE).write_text(drawn(figures))
    _say(f"\n{text}\nIn {folder}: {_PAGE}, {_PICTURE}, serving.json, serving.samples.json")
    return _verdict([bar for bar in bars if bar.model in models and not bar.holds] if check else [])


def _verdict(missed: Sequence[Bar]) -> int:
    for bar in missed:
        _say(f"MISSED {bar}")
    return 1 if missed else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command-line program prints
