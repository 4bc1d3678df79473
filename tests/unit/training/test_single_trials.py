"""A pod for one trial: it runs one at most, and says whether the search goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from leadsman_api.environment import Variable
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute, TrialAttribute
from leadsman_api.termination import ExitCode
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]
SEARCH: dict[str, Any] = {
    "trials": 3,
    "mode": "JobPerTrial",
    "sampler": "Random",
    "seed": 5,
    "space": {"C": {"float": [0.1, 10.0]}},
    "warmStart": {"champion": False},
}


def study_of(pod: dict[str, str]) -> optuna.Study:
    """The study of a pod."""
    return optuna.load_study(study_name=pod[Variable.STUDY], storage=pod[Variable.STUDY_URL])


def test_each_pod_runs_one_trial_and_the_last_one_sees_the_end(pod: Pod) -> None:
    """One more finds nothing to claim."""
    made = pod(search=SEARCH)
    said = []
    for number in range(4):
        code, words = last_words("work", {**made, Variable.POD_UID: f"pod-{number}"})
        assert code is ExitCode.DONE
        said.append(words.reason)

    assert said == [Reason.SEARCHING, Reason.SEARCHING, Reason.BUDGET_SPENT, Reason.BUDGET_SPENT]
    study = study_of(made)
    pods = [trial.user_attrs[TrialAttribute.POD_UID] for trial in study.trials]
    assert pods == ["pod-0", "pod-1", "pod-2"]
    assert study.user_attrs[StudyAttribute.END] == Reason.BUDGET_SPENT


def test_pods_of_one_seed_draw_different_parameters(pod: Pod) -> None:
    """The same ones in each search of that seed."""
    drawn = []
    for _ in range(2):
        made = pod(search=SEARCH)
        for _ in range(3):
            last_words("work", made)
        drawn.append([trial.params["C"] for trial in study_of(made).trials])

    assert len(set(drawn[0])) == 3
    assert drawn[0] == drawn[1]


def test_a_pod_with_more_memory_runs_one_trial_as_well(pod: Pod) -> None:
    """Another one waits for the next pod."""
    made = pod(search={**SEARCH, "trials": 9})
    study = optuna.create_study(
        study_name=made[Variable.STUDY], storage=made[Variable.STUDY_URL], direction="maximize"
    )
    for value in (2.5, 3.5):
        lost = create_trial(
            state=TrialState.FAIL,
            params={"C": value},
            distributions={"C": FloatDistribution(0.1, 10.0)},
            user_attrs={TrialAttribute.DISRUPTED: True, TrialAttribute.DOUBLINGS: 1},
        )
        study.add_trial(lost)
    code, said = last_words("work", {**made, str(Variable.DOUBLINGS): "1"})

    assert (code, said.reason) == (ExitCode.DONE, Reason.SEARCHING)
    assert [trial.params["C"] for trial in study.trials] == [2.5, 3.5, 2.5]


def test_a_trial_whose_study_went_away_is_given_back(
    tmp_path: Path, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else of this pod would come and end it."""
    (tmp_path / "lost_code.py").write_text(
        "import optuna\n"
        "def objective(trial, run):\n"
        "    trial.suggest_float('C', 0.1, 10.0)\n"
        "    raise optuna.exceptions.StorageInternalError\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    made = pod(search=SEARCH, trainer={"entrypoint": "lost_code:objective"})
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.DONE, Reason.SEARCHING)
    (trial,) = study_of(made).trials
    assert trial.state is TrialState.FAIL
    assert trial.user_attrs[TrialAttribute.DISRUPTED] is True
