"""How a search went, trial by trial, as numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import TrialState


@dataclass(frozen=True, slots=True)
class Point:
    """A trial that was finished."""

    number: int
    values: tuple[float, ...]
    """One for each objective."""
    on_front: bool
    """Whether no other trial beats it in everything; of one objective, whether it is the best."""


@dataclass(frozen=True, slots=True)
class Course:
    """The trials of a study, in their order."""

    objectives: tuple[str, ...]
    maximizes: bool
    """Whether more is better, by the first objective."""
    points: tuple[Point, ...]
    pruned: tuple[int, ...]
    """Numbers of the trials that were given up early."""
    failed: tuple[int, ...]

    @property
    def best_so_far(self) -> tuple[float, ...]:
        """The best value of the first objective after each of the points."""
        values = [point.values[0] for point in self.points]
        best = np.maximum.accumulate(values) if self.maximizes else np.minimum.accumulate(values)
        return tuple(best.tolist())


def course_of(study: optuna.Study, objectives: tuple[str, ...]) -> Course:
    """Read it off a study; trials without a finite value count as failed."""
    trials = study.get_trials(deepcopy=False)
    finished = {
        trial.number: tuple(trial.values)
        for trial in trials
        if trial.state is TrialState.COMPLETE and all(map(math.isfinite, trial.values))
    }
    ends = (TrialState.COMPLETE, TrialState.FAIL)
    return Course(
        objectives=objectives,
        maximizes=study.directions[0] is StudyDirection.MAXIMIZE,
        points=tuple(_points(finished, study.directions)),
        pruned=tuple(trial.number for trial in trials if trial.state is TrialState.PRUNED),
        failed=tuple(
            trial.number for trial in trials if trial.state in ends and trial.number not in finished
        ),
    )


def _points(
    finished: Mapping[int, tuple[float, ...]], directions: Sequence[StudyDirection]
) -> Iterator[Point]:
    signs = [1 if one is StudyDirection.MAXIMIZE else -1 for one in directions]
    goodness = np.array(list(finished.values())).reshape(-1, len(signs)) * signs
    for (number, values), good in zip(finished.items(), goodness, strict=True):
        beats = (goodness >= good).all(axis=1) & (goodness > good).any(axis=1)
        yield Point(number, values, on_front=not beats.any())
