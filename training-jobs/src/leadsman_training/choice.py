"""Which trial of a search is the best, when the best few have been judged once more.

The best of a hundred values is partly the luckiest one: all trials are judged on the same few
folds. So the leading ones are judged again on folds that none of them was chosen by.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute
from leadsman_training.candidate import Candidate
from leadsman_training.errors import NoUse
from leadsman_training.study import best_first, feasible, sign_of

LEADING = 5
"""So many trials are judged again: what is worse by luck alone is seldom further down."""
REPEATS = 3
"""So often the rows are parted anew for each of them."""
MOST_ROWS = 10_000
"""With more rows the folds of the search are sure enough, and judging again takes long."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Contender:
    """A leading trial, and its objective on new folds."""

    trial: FrozenTrial
    again: float


def best(study: optuna.Study, candidate: Candidate) -> FrozenTrial:
    """The trial whose parameters are concluded; NoUse when there is none.

    Where nothing can be judged again it is the best by the study, of several objectives by the
    first of them. Asked again of the same trials it is the same one: the study keeps the choice,
    since not every estimator comes to the same twice.
    """
    leading = _leading(study)
    if not leading:
        raise NoUse(
            Reason.NO_ELIGIBLE_TRIAL,
            "no trial can be concluded: none has ended and kept the constraints",
        )
    if len(leading) == 1 or len(study.directions) > 1 or not _has_other_folds(candidate):
        return leading[0]
    trials = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    kept = study.user_attrs.get(StudyAttribute.CHOSEN, {})
    if kept.get("of") == trials:
        number: int = kept["trial"]
        return study.get_trials(deepcopy=False)[number]
    chosen = _judged_again(study, leading, candidate)
    study.set_user_attr(StudyAttribute.CHOSEN, {"trial": chosen.number, "of": trials})
    return chosen


def _judged_again(
    study: optuna.Study, leading: Sequence[FrozenTrial], candidate: Candidate
) -> FrozenTrial:
    found = [Contender(one, _again(one, candidate)) for one in leading]
    valued = [one for one in found if not math.isnan(one.again)]
    chosen = max(valued or found[:1], key=lambda one: sign_of(study) * one.again)
    _logger.info(
        "The leading trials were judged again.",
        extra={
            "chosen": chosen.trial.number,
            "leading": [
                {"trial": one.trial.number, "value": one.trial.values[0], "again": one.again}
                for one in found
            ],
        },
    )
    return chosen.trial


def one_of(trial: FrozenTrial) -> FixedTrial:
    """A trial that gives the parameters of another one."""
    return FixedTrial(trial.params, number=trial.number)


def _has_other_folds(candidate: Candidate) -> bool:
    """Whether rows may be parted anew: those in the order of their time are parted in one way."""
    parts = candidate.split
    is_built_in = candidate.trainer.entrypoint is None
    return is_built_in and not parts.by_time and len(parts.train_y) <= MOST_ROWS


def _again(trial: FrozenTrial, candidate: Candidate) -> float:
    """The objective on other folds; NaN where the parameters fit none of them."""
    try:
        return candidate.judged_again(one_of(trial), REPEATS)
    except Exception as error:  # noqa: BLE001 - whatever the estimator raises: others can be chosen
        _logger.warning("Trial %s can't be judged again: %s", trial.number, error)
        return math.nan


def _leading(study: optuna.Study) -> Sequence[FrozenTrial]:
    """The best trials with parameters of their own, the best first."""
    if len(study.directions) > 1:
        done = study.best_trials
    else:
        done = feasible(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    found: list[FrozenTrial] = []
    for trial in best_first(study, done):
        if all(trial.params != one.params for one in found):
            found.append(trial)
    return found[:LEADING]
