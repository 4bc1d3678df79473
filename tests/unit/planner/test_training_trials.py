"""What the trials of a study amount to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from leadsman_api.v1alpha1.objective import Objective
from leadsman_operator.facts import StudyFacts, TrialFacts
from leadsman_operator.planner.training.trials import (
    Standing,
    last_error,
    remaining,
    standing,
)
from support.trainings import a_trial

ACCURATE = Objective(metric="roc_auc")
QUICK = Objective.model_validate({"metric": "seconds", "direction": "minimize"})
BOTH = Objective.model_validate(
    {"metric": "roc_auc", "additional": [{"metric": "seconds", "direction": "minimize"}]}
)


def of(
    *trials: TrialFacts,
    objective: Objective = ACCURATE,
    baseline: Any = 0.5,
    trials_in_all: int = 10,
) -> Standing:
    """Where a search stands."""
    return standing(StudyFacts(trials, {"leadsman:baseline": baseline}), objective, trials_in_all)


@pytest.mark.parametrize(
    ("objective", "values", "best", "improvement"),
    [
        pytest.param(ACCURATE, [0.7, 0.9, 0.8], 1, 0.4, id="more is better"),
        pytest.param(QUICK, [0.7, 0.4, 0.8], 1, 0.1, id="less is better"),
        pytest.param(QUICK, [0.7], 0, -0.2, id="worse than the baseline"),
        pytest.param(ACCURATE, [0.9, 0.9], 0, 0.4, id="of equals the first"),
        pytest.param(ACCURATE, [float("nan"), 0.6], 1, 0.1, id="what is no number"),
    ],
)
def test_the_best_trial(
    objective: Objective, values: list[float], best: int, improvement: float
) -> None:
    """By the objective's direction; the gain is positive whichever way is better."""
    trials = [a_trial(number, values=(value,)) for number, value in enumerate(values)]
    stands = of(*trials, objective=objective)
    assert stands.best is not None
    assert stands.best.number == best
    assert stands.improvement == pytest.approx(improvement)
    assert stands.pareto_front == ()


@pytest.mark.parametrize(
    "baseline",
    [
        pytest.param(None, id="not measured"),
        pytest.param("0.5", id="no number"),
        pytest.param(float("nan"), id="no value"),
    ],
)
def test_no_gain_without_a_baseline(baseline: Any) -> None:
    """Nothing is compared with nothing."""
    stands = of(a_trial(0), baseline=baseline)
    assert (stands.baseline, stands.improvement) == (None, None)


@pytest.mark.parametrize(
    "trial",
    [
        pytest.param(a_trial(0, state="PRUNED"), id="it was pruned"),
        pytest.param(a_trial(0, feasible=False), id="it broke a constraint"),
        pytest.param(a_trial(0, values=()), id="it has no value"),
        pytest.param(a_trial(0, values=(1.0, 2.0)), id="it has values of another objective"),
    ],
)
def test_what_is_not_eligible_is_never_the_best(trial: TrialFacts) -> None:
    """Its parameters must not be fitted."""
    assert of(trial).best is None


def test_the_pareto_front() -> None:
    """Trials that no other one beats in everything, the best of the first objective first."""
    values = [(0.9, 5.0), (0.8, 1.0), (0.8, 2.0), (0.95, 9.0), (0.9, 6.0), (0.8, 1.0)]
    trials = [a_trial(number, values=pair) for number, pair in enumerate(values)]
    stands = of(*trials, objective=BOTH)
    assert [one.number for one in stands.pareto_front] == [3, 0, 1, 5]
    assert stands.best is not None
    assert stands.best.values == {"roc_auc": 0.95, "seconds": 9.0}


def test_the_pareto_front_is_cut() -> None:
    """Status holds twenty; all of them are in MLflow."""
    trials = [a_trial(number, values=(float(number), float(number))) for number in range(30)]
    front = of(*trials, objective=BOTH).pareto_front
    assert [one.number for one in front] == list(range(29, 9, -1))


@pytest.mark.parametrize(
    ("finished", "trials", "workers", "left", "expected"),
    [
        pytest.param(40, 100, 4, None, timedelta(minutes=7, seconds=30), id="60 trials on 4"),
        pytest.param(40, 101, 4, None, timedelta(minutes=8), id="the last one alone"),
        pytest.param(40, 40, 4, None, timedelta(0), id="all are run"),
        pytest.param(40, 30, 4, None, timedelta(0), id="more than asked for"),
        pytest.param(40, 100, 0, None, None, id="nobody works"),
        pytest.param(0, 100, 4, None, None, id="none has ended yet"),
        pytest.param(40, 100, 4, timedelta(hours=1), timedelta(minutes=7, seconds=30), id="early"),
        pytest.param(
            40, 100, 4, timedelta(seconds=90), timedelta(minutes=2), id="the clock ends it"
        ),
        pytest.param(40, 100, 4, timedelta(0), timedelta(0), id="time is up"),
    ],
)
def test_the_time_that_is_left(
    finished: int, trials: int, workers: int, left: timedelta | None, expected: timedelta | None
) -> None:
    """Rounds of trials times their mean, never more than the clock leaves."""
    stands = of(*(a_trial(number) for number in range(finished)), trials_in_all=trials)
    assert remaining(stands, trials, workers, left) == expected


def test_the_last_error_is_that_of_the_last_trial_that_failed_by_itself() -> None:
    """A pod that was taken away says nothing of the data."""
    trials = (
        a_trial(0, state="FAIL", error="first"),
        a_trial(1, state="FAIL", error="second"),
        a_trial(2, state="FAIL", error="gone", disrupted=True),
        a_trial(3, state="FAIL"),
    )
    assert last_error(StudyFacts(trials)) == "second"
    assert last_error(StudyFacts()) is None


def test_only_known_states_are_counted() -> None:
    """A trial that waits is not there yet."""
    stands = of(a_trial(0, state="WAITING"), a_trial(1, state="RUNNING"), a_trial(2))
    assert stands.counts.progress == "1/10"
    assert stands.finished == 1
