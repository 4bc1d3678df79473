"""Which trial is concluded: the luckiest of a hundred is not the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import create_trial

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.space import Parameter
from leadsman_api.v1alpha1.trainer import Trainer
from leadsman_training import choice
from leadsman_training.candidate import Candidate
from leadsman_training.data import Split
from leadsman_training.errors import NoUse

SPACE = {"C": Parameter.model_validate({"float": [1e-6, 10.0], "log": True})}
GOOD, POOR = 0.1, 1e-6


@pytest.fixture
def candidate() -> Candidate:
    """A linear model of rows that it can tell apart, unless it is held back."""
    random = np.random.default_rng(1)
    rows = pd.DataFrame(random.normal(size=(90, 3)), columns=["a", "b", "c"])
    target = pd.Series((rows["a"] + random.normal(size=90) / 2 > 0).astype(int))
    split = Split(rows, target, rows.head(9), target.head(9), classification=True)
    return Candidate(Trainer.model_validate({"algorithm": "Linear"}), split, SPACE, 1, "log_loss")


def a_study(
    values: Sequence[tuple[float, float]], direction: Literal["minimize", "maximize"] = "minimize"
) -> optuna.Study:
    """Trials with C and the value that the search saw."""
    study = optuna.create_study(direction=direction)
    for parameter, value in values:
        study.add_trial(a_trial(parameter, value))
    return study


def a_trial(parameter: float, value: float, **more: Any) -> optuna.trial.FrozenTrial:
    """One that has ended."""
    kind = optuna.distributions.FloatDistribution(1e-6, 10.0, log=True)
    return create_trial(params={"C": parameter}, distributions={"C": kind}, value=value, **more)


def test_a_lucky_trial_does_not_win(candidate: Candidate) -> None:
    """On other folds it is worse than the second."""
    study = a_study([(POOR, 0.1), (GOOD, 0.2)])

    assert study.best_trial.params["C"] == POOR
    assert choice.best(study, candidate).params["C"] == GOOD


def test_what_leads_is_judged_and_nothing_else(candidate: Candidate) -> None:
    """Five parameters that differ: the same ones twice are one."""
    leading = [(POOR, 0.1), (POOR, 0.11), (2e-6, 0.12), (3e-6, 0.13), (4e-6, 0.14), (5e-6, 0.15)]

    assert choice.best(a_study([*leading, (GOOD, 0.5)]), candidate).params["C"] == 5e-6
    assert choice.best(a_study([*leading[:5], (GOOD, 0.5)]), candidate).params["C"] == GOOD


def test_more_is_better_where_the_study_says_so(candidate: Candidate) -> None:
    """The direction of the objective counts."""
    study = a_study([(GOOD, 0.1), (POOR, 0.2)], direction="maximize")

    assert choice.best(study, candidate).params["C"] == POOR, "log loss as if it were a gain"


def test_with_many_rows_the_search_is_sure_enough(
    candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judging again would take long."""
    monkeypatch.setattr("leadsman_training.choice.MOST_ROWS", 89)

    assert choice.best(a_study([(POOR, 0.1), (GOOD, 0.2)]), candidate).params["C"] == POOR


def test_what_breaks_a_constraint_is_not_chosen(candidate: Candidate) -> None:
    """However good it is; and without another one there is none."""
    study = a_study([])
    study.add_trial(a_trial(GOOD, 0.1, constraints={"size at most": 1.0}))
    with pytest.raises(NoUse) as refused:
        choice.best(study, candidate)
    assert refused.value.reason is Reason.NO_ELIGIBLE_TRIAL
    study.add_trial(a_trial(POOR, 0.2, constraints={"size at most": 0.0}))

    assert choice.best(study, candidate).number == 1


def test_parameters_that_fail_on_other_folds_are_passed_over(candidate: Candidate) -> None:
    """Others can be chosen; when all fail, the search's best is."""
    broken = Candidate(
        Trainer.model_validate({"algorithm": "Linear", "parameters": {"solver": "nonsense"}}),
        candidate.split, SPACE, 1, "log_loss",
    )  # fmt: skip

    assert choice.best(a_study([(POOR, 0.1), (GOOD, 0.2)]), broken).params["C"] == POOR


def test_a_choice_is_kept_until_there_are_more_trials(
    candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conclusion that is made again makes no second version of an estimator that wavers."""
    study = a_study([(POOR, 0.1), (GOOD, 0.2)])
    chosen = choice.best(study, candidate).number
    monkeypatch.setattr(Candidate, "judged_again", lambda _, trial, __: trial.params["C"])

    assert choice.best(study, candidate).number == chosen
    study.add_trial(a_trial(1.0, 0.3))
    assert choice.best(study, candidate).params["C"] == POOR
