"""Trials that ran out of memory: their place is kept, and a worker with more memory runs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from leadsman_api.environment import Variable
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute, TrialAttribute
from leadsman_api.termination import ExitCode
from leadsman_training.study import connect, run_again, short_of_memory
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]
WIDE = FloatDistribution(0.1, 10.0)
SPACE = {"C": {"float": [0.1, 10.0]}}


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long waits."""
    monkeypatch.setattr("leadsman_training.worker._WAIT_SECONDS", 0.01)


def out_of_memory(value: float, doublings: int = 1, space: BaseDistribution = WIDE) -> FrozenTrial:
    """A trial as the operator ends it."""
    return create_trial(
        state=TrialState.FAIL,
        params={"C": value},
        distributions={"C": space},
        user_attrs={TrialAttribute.DISRUPTED: True, TrialAttribute.DOUBLINGS: doublings},
    )


def begun(pod: Mapping[str, str], *trials: FrozenTrial) -> optuna.Study:
    """The study of a pod, with these trials."""
    study = optuna.create_study(
        study_name=pod[Variable.STUDY], storage=pod[Variable.STUDY_URL], direction="maximize"
    )
    study.add_trials(trials)
    return study


def test_a_worker_with_more_memory_runs_what_ran_out_of_it(pod: Pod) -> None:
    """With its parameters, once, and nothing else; the search goes on without this worker."""
    made = pod(search={"trials": 9, "space": SPACE, "sampler": "Random"})
    study = begun(made, out_of_memory(2.5, 1), out_of_memory(3.5, 2))
    code, said = last_words("work", {**made, str(Variable.DOUBLINGS): "1"})

    assert (code, said.reason) == (ExitCode.DONE, Reason.SEARCHING)
    assert said.message == "no trial waits for more memory"
    again = study.trials[2]
    assert (len(study.trials), again.params, again.state.name) == (3, {"C": 2.5}, "COMPLETE")
    assert again.user_attrs[TrialAttribute.RETRY_OF] == 0
    assert again.user_attrs[TrialAttribute.DOUBLINGS] == 1
    assert [trial.number for trial in short_of_memory(study.trials)] == [1]
    assert StudyAttribute.END not in study.user_attrs


@pytest.mark.parametrize(
    ("search", "space"),
    [
        pytest.param({"sampler": "Random", "trials": 3}, WIDE, id="the budget"),
        pytest.param(
            {"sampler": "Grid", "trials": 9, "space": {"C": {"int": [1, 3]}}},
            IntDistribution(1, 3),
            id="the grid",
        ),
    ],
)
def test_the_place_of_what_ran_out_of_memory_is_kept(
    pod: Pod, search: Mapping[str, object], space: BaseDistribution
) -> None:
    """No trial is run beyond the budget, and the search does not end without it."""
    made = pod(search={"space": SPACE, **search})
    study = begun(made, out_of_memory(2, space=space))
    storage = connect(made[Variable.STUDY_URL])
    ended = threading.Event()

    def run_it_again() -> None:
        while sum(one.state is TrialState.COMPLETE for one in study.get_trials()) < 2:
            ended.wait(0.02)
        ended.wait(0.2)
        assert len(study.trials) == 3
        assert StudyAttribute.END not in study.user_attrs
        attributes = {str(TrialAttribute.POD_UID): "pod-2"}
        again = run_again(storage, study, study.trials[0], attributes)
        is_whole = isinstance(space, IntDistribution)
        ask = again.suggest_int if is_whole else again.suggest_float
        assert ask("C", 1, 3) == 2
        study.tell(again, 0.5)

    thread = threading.Thread(target=run_it_again)
    thread.start()
    assert last_words("work", made)[1].message == "the search ended after 3 trials"
    thread.join()
    storage.engine.dispose()
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3]
    assert study.user_attrs[StudyAttribute.END] == Reason.BUDGET_SPENT
