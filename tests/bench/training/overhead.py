"""What a trial costs with our worker, beside the same study with bare Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from optuna.trial import FrozenTrial

from bench.training.stage import BARE, OURS, Stage

SEED = 7
_WARM = 10
"""Trials at the start that don't count: connections and caches are made there."""
_SEARCH = {"parallelism": 1, "seed": SEED, "pruner": "Median"}
TRAINERS: dict[str, dict[str, Any]] = {
    "own code that takes no time": {
        "data": {"source": {"uri": "sklearn://iris"}, "target": "target"},
        "objective": {"metric": "accuracy"},
        "trainer": {"entrypoint": "bench.training.trials:quick"},
    },
    "a logistic regression on three folds": {
        "data": {"source": {"uri": "sklearn://breast_cancer"}, "target": "target"},
        "objective": {"metric": "roc_auc"},
        "trainer": {"algorithm": "Linear"},
    },
}


@dataclass(frozen=True)
class Round:
    """One search with each, right after each other; milliseconds from trial to trial, medians."""

    ours: float
    bare: float

    @property
    def overhead(self) -> float:
        """What ours takes longer, in milliseconds a trial."""
        return self.ours - self.bare


def measured(stage: Stage, trainer: str, number: int, trials: int) -> Round:
    """One round; who begins changes with its number."""
    spec = {**TRAINERS[trainer], "search": {**_SEARCH, "trials": trials}}
    place = [*TRAINERS].index(trainer)
    programs = {"ours": OURS, "bare": BARE}
    found = {}
    for name in sorted(programs, reverse=number % 2 == 0):
        found[name] = stage.search(f"{name}-{place}-{number}", spec, programs[name])
    _compare(found["ours"], found["bare"])
    return Round(_period(found["ours"]), _period(found["bare"]))


def _period(trials: Sequence[FrozenTrial]) -> float:
    """Milliseconds from the start of a trial to that of the next: all that it costs is in it."""
    starts = sorted(trial.datetime_start for trial in trials if trial.datetime_start)[_WARM:]
    return 1000 * median((after - before).total_seconds() for before, after in pairwise(starts))


def _compare(ours: Sequence[FrozenTrial], bare: Sequence[FrozenTrial]) -> None:
    """Both must have tried the same, else they are not compared."""
    for one, other in zip(ours, bare, strict=True):
        if (one.params, one.values, one.state) != (other.params, other.values, other.state):
            raise RuntimeError(f"trial {one.number} is another one: {one} {other}")
