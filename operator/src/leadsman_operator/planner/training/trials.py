"""What the trials of a study amount to: counts, the best, the Pareto front, the time left."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from operator import ge, itemgetter, mul

from leadsman_api.studies import StudyAttribute
from leadsman_api.v1alpha1.objective import Direction, Objective
from leadsman_api.v1alpha1.training_run_status import TrialCounts, TrialSummary
from leadsman_operator.facts import StudyFacts, TrialFacts

MOST_ON_THE_FRONT = 20
COMPLETE, PRUNED, FAILED, RUNNING = "COMPLETE", "PRUNED", "FAIL", "RUNNING"
"""Optuna's own words."""
_SMALLEST_STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a search stands."""

    counts: TrialCounts
    best: TrialSummary | None
    pareto_front: tuple[TrialSummary, ...]
    baseline: float | None
    improvement: float | None
    mean_trial: timedelta | None

    @property
    def finished(self) -> int:
        """Trials that spent a part of the budget."""
        return finished(self.counts)


def standing(study: StudyFacts, objective: Objective, trials: int) -> Standing:
    """Sum a study up; `trials` are all that are to be run."""
    best = best_of(study, objective)
    baseline = _baseline(study)
    return Standing(
        counts=counted(study, trials),
        best=_summary(best, objective) if best else None,
        pareto_front=_front(study, objective),
        baseline=baseline,
        improvement=_improvement(best, baseline, objective),
        mean_trial=_mean(study),
    )


def counted(study: StudyFacts, trials: int) -> TrialCounts:
    """How many trials there are in each state; the disrupted ones count for nothing."""
    numbers = Counter(trial.state for trial in study.trials)
    disrupted = sum(is_disrupted(trial) for trial in study.trials) if numbers[FAILED] else 0
    counts = TrialCounts(
        complete=numbers[COMPLETE],
        pruned=numbers[PRUNED],
        failed=numbers[FAILED] - disrupted,
        running=numbers[RUNNING],
        disrupted=disrupted,
    )
    return counts.model_copy(update={"progress": f"{finished(counts)}/{trials}"})


def finished(counts: TrialCounts) -> int:
    """Trials that spent a part of the budget."""
    return counts.complete + counts.pruned + counts.failed


def is_disrupted(trial: TrialFacts) -> bool:
    """Whether it ended because its pod was taken away."""
    return trial.state == FAILED and trial.disrupted


def short_of_memory(study: StudyFacts) -> list[TrialFacts]:
    """Trials that are to be run again with more memory, which nobody does yet."""
    again = {trial.retry_of for trial in study.trials}
    return [
        trial
        for trial in study.trials
        if trial.doublings and is_disrupted(trial) and trial.number not in again
    ]


def last_error(study: StudyFacts) -> str | None:
    """What the failed trial with the highest number said."""
    said = [
        trial.error
        for trial in study.trials
        if trial.state == FAILED and not trial.disrupted and trial.error
    ]
    return said[-1] if said else None


def best_of(study: StudyFacts, objective: Objective) -> TrialFacts | None:
    """The eligible trial with the best value of the first objective; of equals the first."""
    sign = _sign(objective.direction)
    return max(_eligible(study, objective), key=lambda trial: sign * trial.values[0], default=None)


def remaining(
    standing: Standing, trials: int, workers: int, time_left: timedelta | None
) -> timedelta | None:
    """Time until the budget is likely spent; in whole minutes where the clock ends it.

    60 of 100 trials of 30 s each are left on 4 workers: 60 / 4 * 30 s, 7.5 minutes.
    """
    if standing.mean_trial is None or workers < 1:
        return None
    rounds = math.ceil(max(0, trials - standing.finished) / workers)
    estimate = rounds * standing.mean_trial
    if time_left is None or estimate <= time_left:
        return _whole_seconds(estimate)
    return max(timedelta(0), math.ceil(time_left / _SMALLEST_STEP) * _SMALLEST_STEP)


def _eligible(study: StudyFacts, objective: Objective) -> list[TrialFacts]:
    """Trials that ended with every value and kept the constraints."""
    wanted = 1 + len(objective.additional)
    return [
        trial
        for trial in study.trials
        if trial.state == COMPLETE
        and trial.feasible
        and len(trial.values) == wanted
        and all(map(math.isfinite, trial.values))
    ]


def _front(study: StudyFacts, objective: Objective) -> tuple[TrialSummary, ...]:
    """The trials that no other one beats in everything, the best of the first objective first.

    In the order of their values no trial is beaten by a later one: each is held against those of
    the front before it alone, and the rest is not looked at once there are enough.
    """
    if not objective.additional:
        return ()
    directions = [objective.direction, *(one.direction for one in objective.additional)]
    signs = [_sign(direction) for direction in directions]
    found = [(tuple(map(mul, signs, one.values)), one) for one in _eligible(study, objective)]
    found.sort(key=itemgetter(0), reverse=True)
    front: list[tuple[tuple[float, ...], TrialFacts]] = []
    for gains, trial in found:
        if len(front) == MOST_ON_THE_FRONT:
            break
        if not any(_beats(before, gains) for before, _ in front):
            front.append((gains, trial))
    return tuple(_summary(trial, objective) for _, trial in front)


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether one is as good in everything and better in something."""
    return one != other and all(map(ge, one, other))


def _summary(trial: TrialFacts, objective: Objective) -> TrialSummary:
    metrics = [objective.metric, *(one.metric for one in objective.additional)]
    values: Mapping[str, float] = (
        dict(zip(metrics, trial.values, strict=True)) if objective.additional else {}
    )
    return TrialSummary(
        number=trial.number,
        value=trial.values[0],
        values=values,
        parameters=dict(trial.parameters),
        run_id=trial.run_id,
    )


def _baseline(study: StudyFacts) -> float | None:
    found = study.attributes.get(StudyAttribute.BASELINE)
    is_number = isinstance(found, int | float) and math.isfinite(found)
    return float(found) if is_number and found is not None else None


def _improvement(
    best: TrialFacts | None, baseline: float | None, objective: Objective
) -> float | None:
    """How much better than the baseline, positive whichever way is better."""
    if best is None or baseline is None:
        return None
    return _sign(objective.direction) * (best.values[0] - baseline)


def _sign(direction: Direction) -> int:
    return 1 if direction is Direction.MAXIMIZE else -1


def _mean(study: StudyFacts) -> timedelta | None:
    """Mean time of the trials that ran to their end, or to where they were stopped."""
    took = _seconds(trial for trial in study.trials if trial.state in (COMPLETE, PRUNED))
    if not took:
        return None
    return timedelta(milliseconds=round(1000 * sum(took) / len(took)))


def _seconds(trials: Iterable[TrialFacts]) -> list[float]:
    return [trial.seconds for trial in trials if trial.seconds is not None]


def _whole_seconds(duration: timedelta) -> timedelta:
    return timedelta(seconds=round(duration.total_seconds()))
