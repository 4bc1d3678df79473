"""Workers from their environment to their last words, with a registry and a study in files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from optuna.trial import FrozenTrial

from leadsman_api.environment import Variable
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute, TrialAttribute
from leadsman_api.termination import ExitCode
from leadsman_training import job
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]

OWN_CODE = """
import os
import signal

import optuna
from mlflow import MlflowClient

def two(trial, run):
    x = trial.suggest_int("x", 0, 100)
    run.log_metric("size", 100.0 - x)
    return float(x)

def no_size(trial, run):
    trial.suggest_int("x", 0, 100)
    if trial.number == 0:
        run.log_metric("size", float("nan"))
        return 1.0
    return float("nan")

def worse_and_worse(trial, run):
    for step in range(5):
        run.report(step, trial.number * step)
    return 1.0

def told_to_go(trial, run):
    trial.suggest_int("x", 0, 100)
    if trial.number == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    return 1.0

def looks_at_its_run(trial, run):
    run.report(3, 0.5)
    run_id = trial.user_attrs["leadsman:run_id"]
    return float(len(MlflowClient().get_metric_history(run_id, "accuracy_so_far")))

def bears_everything(trial, run):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except Exception:
        pass
    return 1.0

def given(trial, run):
    if trial.number == 0:
        run.report(0, 0.0)
    trial.suggest_int("own", 3, 3)
    run.log_metric("depth", run.parameters["depth"])
    return float(run.parameters["kind"] is True)

def reaped(trial, run):
    if trial.number == 0:
        trial.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return 1.0
"""


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own code that can be imported, no long waits."""
    (tmp_path / f"{tmp_path.name}.py").write_text(OWN_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("leadsman_training.worker._WAIT_SECONDS", 0.01)
    monkeypatch.setattr("leadsman_training.patience.PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr("leadsman_training.patience._PAUSE_SECONDS", 0.01)


def study_of(pod: Mapping[str, str]) -> optuna.Study:
    """The study of a pod."""
    return optuna.load_study(study_name=pod[Variable.STUDY], storage=pod[Variable.STUDY_URL])


def run_of(trial: FrozenTrial, client: MlflowClient) -> Run:
    """What a trial left in MLflow."""
    return client.get_run(trial.user_attrs[TrialAttribute.RUN_ID])


def of_own_code(tmp_path: Path, name: str) -> dict[str, str]:
    """A trainer that is a function of the user's own."""
    return {"entrypoint": f"{tmp_path.name}:{name}"}


TWO = {
    "metric": "accuracy", "additional": [{"metric": "size", "direction": "minimize"}],
}  # fmt: skip


def test_several_objectives_have_a_value_each(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """In their directions, and in MLflow by their names."""
    made = pod(trainer=of_own_code(tmp_path, "two"), objective=TWO, search={"trials": 3})
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.DONE, Reason.BUDGET_SPENT)
    assert said.message == "the search ended after 3 trials"
    study = study_of(made)
    assert study.trials[0].user_attrs[TrialAttribute.METRICS] == {
        "accuracy": study.trials[0].values[0],
        "size": study.trials[0].values[1],
    }
    assert [one.name for one in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    for trial in study.trials:
        x = float(trial.params["x"])
        assert trial.values == [x, 100.0 - x]
        run = run_of(trial, client)
        assert run.data.metrics == {"accuracy": x, "size": 100.0 - x}
        assert run.data.params == {"x": str(trial.params["x"])}
    assert StudyAttribute.BASELINE not in study.user_attrs


def test_own_code_is_given_the_parameters_of_the_spec(
    tmp_path: Path, pod: Pod, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the space as the trial has them, and those that are fixed; it may ask for more."""
    monkeypatch.setattr("leadsman_training.tracking.STEPS_SECONDS", 0.0)
    made = pod(
        trainer={**of_own_code(tmp_path, "given"), "parameters": {"depth": 7}},
        search={"sampler": "BruteForce", "space": {"kind": {"categorical": [1, True]}}},
    )
    assert last_words("work", made)[0] is ExitCode.DONE

    trials = study_of(made).trials
    assert sorted(trial.value for trial in trials if trial.value is not None) == [0.0, 1.0]
    for trial in trials:
        data = run_of(trial, client).data
        assert data.params == {"kind": str(trial.value == 1.0 or 1), "own": "3", "depth": "7"}
        assert data.metrics["depth"] == 7.0


@pytest.mark.parametrize(
    "objective",
    [
        pytest.param(
            {"metric": "accuracy", "additional": [{"metric": "speed"}]}, id="a further objective"
        ),
        pytest.param(
            {"metric": "accuracy", "constraints": [{"metric": "speed", "min": 1}]},
            id="a constraint",
        ),
    ],
)
def test_a_metric_that_no_trial_has_ends_the_search(
    tmp_path: Path, pod: Pod, client: MlflowClient, objective: Mapping[str, Any]
) -> None:
    """Each further trial would be without it too."""
    made = pod(trainer=of_own_code(tmp_path, "two"), objective=objective)
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.SPEC_INVALID)
    assert said.message == "the trials have no metric speed"
    (trial,) = study_of(made).trials
    assert trial.state.name == "FAIL"
    assert trial.user_attrs[TrialAttribute.ERROR] == said.message
    assert run_of(trial, client).info.status == "FAILED"


def test_a_metric_without_a_value_fails_its_trial(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """NaN is no value, neither of the objective nor of a further one; the trial says which."""
    made = pod(trainer=of_own_code(tmp_path, "no_size"), objective=TWO)
    assert last_words("work", made)[1].reason is Reason.BUDGET_SPENT

    trials = study_of(made).trials
    assert [trial.state.name for trial in trials] == ["FAIL", "FAIL"]
    assert [trial.user_attrs[TrialAttribute.ERROR] for trial in trials] == [
        "ValueError: size has no value on these folds",
        "ValueError: accuracy has no value on these folds",
    ]
    assert {run_of(trial, client).info.status for trial in trials} == {"FAILED"}


def test_trials_that_break_a_constraint_are_not_concluded(tmp_path: Path, pod: Pod) -> None:
    """They count for the budget; when there are no others, the search was in vain."""
    constraints = [{"metric": "size", "min": 1000.0}, {"metric": "accuracy", "max": 1e9}]
    objective = {"metric": "accuracy", "constraints": constraints}
    made = pod(trainer=of_own_code(tmp_path, "two"), objective=objective)
    assert last_words("work", made)[1].reason is Reason.BUDGET_SPENT

    code, said = last_words("conclude", made)
    assert (code, said.reason) == (ExitCode.NO_USE, Reason.NO_ELIGIBLE_TRIAL)
    assert said.message.startswith("no trial can be concluded: ")


def test_a_hopeless_trial_is_stopped_and_its_run_says_so(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """What it had reported stays in MLflow."""
    search = {"trials": 2, "pruner": "Threshold", "prunerOptions": {"upper": 1.0}}
    made = pod(
        trainer=of_own_code(tmp_path, "worse_and_worse"), search=search,
    )  # fmt: skip
    assert last_words("work", made)[0] is ExitCode.DONE

    fine, stopped = study_of(made).trials
    assert (fine.state.name, stopped.state.name) == ("COMPLETE", "PRUNED")
    run = run_of(stopped, client)
    assert run.info.status == "FINISHED"
    assert run.data.tags["leadsman.error"] == "pruned: hopeless so far"
    history = client.get_metric_history(run.info.run_id, "accuracy_so_far")
    assert [(one.step, one.value) for one in history] == [(0, 0.0), (1, 1.0), (2, 2.0)]


def test_a_worker_that_is_told_to_go_leaves_its_trial_to_others(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """It counts for nothing: the budget is spent without it."""
    made = pod(trainer=of_own_code(tmp_path, "told_to_go"))
    code, said = last_words("work", made)
    assert (code, said.reason) == (ExitCode.PREEMPTED, Reason.PREEMPTED)

    assert last_words("work", made)[1].message == "the search ended after 2 trials"
    gone, *others = study_of(made).trials
    assert [trial.state.name for trial in (gone, *others)] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert gone.user_attrs[TrialAttribute.DISRUPTED] is True
    assert run_of(gone, client).info.status == "KILLED"


def test_no_code_keeps_a_worker_from_going(tmp_path: Path, pod: Pod) -> None:
    """MLflow's client is such code too: it makes an error of its own of every other one."""
    made = pod(trainer=of_own_code(tmp_path, "bears_everything"))

    assert last_words("work", made)[0] is ExitCode.PREEMPTED
    (trial,) = study_of(made).trials
    assert (trial.state.name, trial.user_attrs[TrialAttribute.DISRUPTED]) == ("FAIL", True)


@pytest.mark.parametrize(("waits", "seen"), [(0.0, 1.0), (60.0, 0.0)])
def test_intermediate_values_wait_for_a_while_at_most(
    waits: float, seen: float,
    tmp_path: Path, pod: Pod, client: MlflowClient, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Those of a long trial are seen while it runs, those of a quick one come with its end."""
    monkeypatch.setattr("leadsman_training.tracking.STEPS_SECONDS", waits)
    made = pod(trainer=of_own_code(tmp_path, "looks_at_its_run"), search={"trials": 1})
    assert last_words("work", made)[0] is ExitCode.DONE

    (trial,) = study_of(made).trials
    assert trial.value == seen
    history = client.get_metric_history(run_of(trial, client).info.run_id, "accuracy_so_far")
    assert [(one.step, one.value) for one in history] == [(3, 0.5)]


def test_a_grid_ends_when_each_combination_was_tried(pod: Pod) -> None:
    """However many trials the budget still has."""
    space = {"C": {"categorical": [0.1, 1.0]}, "max_iter": {"int": [100, 200], "step": 100}}
    made = pod(search={"trials": 50, "sampler": "Grid", "space": space})
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.DONE, Reason.BUDGET_SPENT)
    study = study_of(made)
    found = [(trial.params["C"], trial.params["max_iter"]) for trial in study.trials]
    assert sorted(found) == [(0.1, 100), (0.1, 200), (1.0, 100), (1.0, 200)]
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}
    assert study.user_attrs[StudyAttribute.END] == Reason.BUDGET_SPENT


@pytest.mark.parametrize(
    "search",
    [
        pytest.param({"trials": 3}, id="the budget"),
        pytest.param(
            {"sampler": "Grid", "trials": 9, "space": {"C": {"int": [1, 3]}}}, id="the grid"
        ),
    ],
)
def test_what_others_run_is_waited_for(pod: Pod, search: Mapping[str, Any]) -> None:
    """The search has not ended while another worker's trial may still fail."""
    made = pod(search={"space": {"C": {"int": [1, 3]}}, "sampler": "Random", **search})
    study = optuna.create_study(
        study_name=made[Variable.STUDY], storage=made[Variable.STUDY_URL], direction="maximize"
    )
    study.enqueue_trial({"C": 2})
    other = study.ask()
    other.set_user_attr(TrialAttribute.POD_UID, "pod-2")
    other.suggest_int("C", 1, 3)
    ended = threading.Event()

    def end_it() -> None:
        while len([one for one in study.get_trials() if one.state.is_finished()]) < 2:
            ended.wait(0.02)
        assert len(study.trials) == 3
        ended.wait(0.2)
        assert StudyAttribute.END not in study.user_attrs
        study.tell(other, 0.5)

    thread = threading.Thread(target=end_it)
    thread.start()
    assert last_words("work", made)[1].message == "the search ended after 3 trials"
    thread.join()
    assert len(study.trials) == 3


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        (
            {"gate": {"rules": [{"metric": "charm", "min": 1}]}},
            Reason.SPEC_INVALID, "there is no metric 'charm'",
        ),
        (
            {"gate": {"rules": [{"metric": "f1", "min": 0, "sliceBy": "region"}]}},
            Reason.DATA_INVALID, "spec.gate.rules[0].sliceBy: the model sees no column 'region'",
        ),
        ({"search": {"sampler": "GP"}}, Reason.SPEC_INVALID, "spec.search.sampler: GP needs"),
        ({"search": {"trials": 1}, "objective": {"metric": "x", "goal": 1}}, Reason.SPEC_INVALID,
         "there is no metric 'x'"),
    ],
)  # fmt: skip
def test_what_can_never_work_is_said_before_the_first_trial(
    pod: Pod, spec: Mapping[str, Any], reason: Reason, words: str
) -> None:
    """Exit code 42: the Job does not try again."""
    code, said = last_words("work", pod(**spec))

    assert (code, said.reason) == (ExitCode.NO_USE, reason)
    assert said.message.startswith(words)


@pytest.mark.parametrize(
    ("algorithm", "parameters"),
    [
        pytest.param("LightGBM", {"objective": "nonsense"}, id="an error of the library's own"),
        pytest.param("Linear", {"penalty": "nonsense"}, id="a wrong value"),
    ],
)
def test_a_baseline_that_fails_is_left_out(
    pod: Pod, algorithm: str, parameters: Mapping[str, Any]
) -> None:
    """The trials fail too, and they are counted."""
    made = pod(
        trainer={"algorithm": algorithm, "parameters": parameters},
        search={"maxFailedTrials": 0, "space": {"random_state": {"int": [1, 9]}}},
    )
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.DONE, Reason.TOO_MANY_FAILURES)
    study = study_of(made)
    assert StudyAttribute.BASELINE not in study.user_attrs
    assert "nonsense" in study.trials[0].user_attrs[TrialAttribute.ERROR]


@pytest.mark.parametrize(
    ("direction", "goal", "count"), [("minimize", 1.0, 1), ("minimize", -1.0, 3)]
)
def test_a_goal_goes_by_the_direction(pod: Pod, direction: str, goal: float, count: int) -> None:
    """Less is better here."""
    objective = {"metric": "log_loss", "direction": direction, "goal": goal}
    made = pod(objective=objective, search={"trials": 3, "patience": 100})

    assert last_words("work", made)[1].message == f"the search ended after {count} trials"


def test_a_study_that_cant_be_reached_ends_this_worker_only(pod: Pod) -> None:
    """Exit code 43, and the address in the last words."""
    made = pod()
    made[Variable.STUDY_URL] = "sqlite:////nowhere/study.db"
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.THIS_WORKER, Reason.STUDY_UNREACHABLE)
    assert "/nowhere/study.db" in said.message


def test_without_a_file_for_the_last_words_the_exit_code_says_enough(
    pod: Pod, tmp_path: Path
) -> None:
    """As on a machine of one's own."""
    made = pod(objective={"metric": "beauty"})
    made["LEADSMAN_TERMINATION_PATH"] = str(tmp_path / "nowhere" / "said")

    assert job.run("work", made) == ExitCode.NO_USE
    assert not (tmp_path / "nowhere").exists()


def test_a_trial_that_somebody_else_has_ended_is_let_go(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """The operator took its pod for dead: what it came to is not told any more."""
    made = pod(trainer=of_own_code(tmp_path, "reaped"))
    code, said = last_words("work", made)

    assert (code, said.message) == (ExitCode.DONE, "the search ended after 2 trials")
    assert [trial.state.name for trial in study_of(made).trials] == ["FAIL", "COMPLETE"]
    gone = run_of(study_of(made).trials[0], client)
    assert gone.info.status == "RUNNING", "the conclusion ends it, as the study says"


def test_trials_that_lost_their_worker_are_ended_by_the_next(pod: Pod) -> None:
    """One was asked for and names no pod, one names this pod: both count for nothing."""
    made = pod(search={"trials": 1, "space": {"C": {"int": [1, 3]}}})
    study = optuna.create_study(
        study_name=made[Variable.STUDY], storage=made[Variable.STUDY_URL], direction="maximize"
    )
    study.ask()
    study.ask().set_user_attr(TrialAttribute.POD_UID, made[Variable.POD_UID])

    assert last_words("work", made)[1].message == "the search ended after 1 trials"
    *lost, last = study.trials
    assert [trial.state.name for trial in (*lost, last)] == ["FAIL", "FAIL", "COMPLETE"]
    assert all(trial.user_attrs[TrialAttribute.DISRUPTED] for trial in lost)
