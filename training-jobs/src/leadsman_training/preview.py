"""Trials of a search space before anything is trained: what a search would begin with."""

from __future__ import annotations

import json
from collections.abc import Sequence

import optuna

from leadsman_training.search_space import Space, Value, in_order, suggest

Trials = Sequence[dict[str, Value]]

_ABSENT = "-"


def sample(space: Space, *, trials: int, seed: int) -> Trials:
    """Parameters at random, as every sampler proposes them before it has learned."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    return [suggest(space, study.ask()) for _ in range(trials)]


def as_table(space: Space, trials: Trials) -> str:
    """A row for each trial; `-` where the parameter does not exist."""
    names = in_order(space)
    rows = [["trial", *names]]
    for number, trial in enumerate(trials):
        cells = [_shown(trial[name]) if name in trial else _ABSENT for name in names]
        rows.append([str(number), *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(_line(row, widths) for row in rows)


def as_json(run: str, seed: int, trials: Trials) -> str:
    """The trials as JSON, numbers in full."""
    return json.dumps({"trainingRun": run, "seed": seed, "trials": trials}, indent=2) + "\n"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip() + "\n"


def _shown(value: Value) -> str:
    """A value as it would be written in the resource, numbers to six digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)
