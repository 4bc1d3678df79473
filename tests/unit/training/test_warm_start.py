"""An earlier study's best parameters, tried before those that are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import create_trial

from leadsman_api.environment import Variable
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute
from leadsman_api.termination import ExitCode
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]
SPACE = {"C": {"float": [0.1, 10.0]}}
WIDE: dict[str, BaseDistribution] = {"C": FloatDistribution(0.001, 1000.0)}


@pytest.fixture
def earlier(studies: str, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Make a study with a trial for each value of C, each better than the one before."""

    def made(*values: float, direction: StudyDirection = StudyDirection.MAXIMIZE) -> str:
        name = f"ml/earlier/{request.node.name}"
        study = optuna.create_study(study_name=name, storage=studies, direction=direction)
        for number, value in enumerate(values):
            study.add_trial(create_trial(params={"C": value}, distributions=WIDE, value=number))
        return name

    return made


def searching(study: str, **search: Any) -> dict[str, Any]:
    """The search of a spec that begins with a study."""
    warm = {"study": study, "champion": False}
    return {"space": SPACE, "sampler": "Random", "warmStart": warm, **search}


def tried(pod: Mapping[str, str]) -> list[float]:
    """The values of C that a search has tried."""
    study = optuna.load_study(study_name=pod[Variable.STUDY], storage=pod[Variable.STUDY_URL])
    assert StudyAttribute.ROWS in study.user_attrs
    return [float(trial.params["C"]) for trial in study.trials]


@pytest.mark.parametrize("worker", ["0", "1"])
def test_the_best_parameters_of_an_earlier_study_are_tried_first(
    worker: str, pod: Pod, earlier: Callable[..., str]
) -> None:
    """Half of the trials at most, whichever worker comes first, and their values are found anew."""
    name = earlier(1.0, 2.0, 3.0, 500.0)
    made = {**pod(search=searching(name, trials=5)), str(Variable.WORKER): worker}
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.DONE, Reason.BUDGET_SPENT)
    found = tried(made)
    assert len(found) == 5
    assert found[:2] == [3.0, 2.0]
    assert 1.0 not in found


def test_trials_that_broke_a_constraint_are_not_tried_again(pod: Pod, studies: str) -> None:
    """And neither are those that failed, or asked for other parameters."""
    study = optuna.create_study(study_name="ml/constrained", storage=studies, direction="maximize")
    for value, breach in ((4.0, 1.0), (5.0, -1.0)):
        trial = study.ask()
        trial.suggest_float("C", value, value)
        trial.set_constraint("size at most", breach)
        study.tell(trial, 9.0 - value)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    other: dict[str, BaseDistribution] = {"depth": IntDistribution(1, 9)}
    study.add_trial(create_trial(params={"depth": 2}, distributions=other, value=9.0))
    made = pod(search=searching("ml/constrained", trials=8))
    assert last_words("work", made)[0] is ExitCode.DONE

    assert tried(made)[0] == 5.0
    assert 4.0 not in tried(made)


@pytest.mark.parametrize(
    ("direction", "words"),
    [
        pytest.param(None, "has no study 'ml/earlier/nowhere'", id="not there"),
        pytest.param(
            StudyDirection.MINIMIZE, "had to minimize its objective", id="another direction"
        ),
    ],
)
def test_a_study_that_is_of_no_use_is_refused(
    pod: Pod, earlier: Callable[..., str], direction: StudyDirection | None, words: str
) -> None:
    """With the field's name, before the first trial."""
    name = "ml/earlier/nowhere" if direction is None else earlier(1.0, direction=direction)
    code, said = last_words("work", pod(search=searching(name)))

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.SPEC_INVALID)
    assert said.message.startswith("spec.search.warmStart.study: ")
    assert words in said.message
