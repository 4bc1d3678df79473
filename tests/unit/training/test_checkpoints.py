"""A trial whose pod has died goes on where it was, and so does the last training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from mlflow import MlflowClient

from leadsman_api.environment import Variable
from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute
from leadsman_api.termination import ExitCode
from leadsman_training import checkpoints
from leadsman_training.checkpoints import FOLDER, Checkpoint, NoCheckpoints, RunCheckpoints
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]

OWN_LOOP = """
import os
import pickle
import signal

import numpy as np
from sklearn.linear_model import SGDClassifier

EPOCHS = 6

def objective(trial, run):
    x, y = run.train
    model = SGDClassifier(alpha=trial.suggest_float("alpha", 0.001, 0.01), random_state=run.seed)
    begin, kept = 0, run.resume()
    if kept is not None:
        begin, model = kept.step + 1, pickle.loads(kept.state)
    trained = 0
    for epoch in range(begin, EPOCHS):
        model.partial_fit(x, y, classes=np.unique(y))
        trained += 1
        run.checkpoint(epoch, pickle.dumps(model))
        with open(__file__ + ".epochs", "a") as file:
            file.write("e")
        if DIES and epoch == 3 and kept is None:
            os.kill(os.getpid(), signal.SIGTERM)
    run.log_metric("trained", trained)
    run.keep(model)
    return float(model.score(x, y))
"""


@pytest.fixture
def own_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """A trainer of epochs, whose pod is told to go in its fourth where a condition holds.

    It needs no more of a library than PyTorch gives: a state as bytes.
    """
    monkeypatch.syspath_prepend(tmp_path)

    def made(dies: str) -> dict[str, str]:
        (tmp_path / f"{tmp_path.name}.py").write_text(OWN_LOOP.replace("DIES", dies))
        return {"entrypoint": f"{tmp_path.name}:objective"}

    return made


def run_again(study: optuna.Study, number: int) -> None:
    """Enqueue a trial that was disrupted, as the operator does."""
    again = {str(TrialAttribute.RETRY_OF): number}
    study.enqueue_trial(study.trials[number].params, user_attrs=again)


@pytest.fixture
def new_run(client: MlflowClient) -> Callable[[], str]:
    """Make a run."""
    experiment = client.get_experiment_by_name("t")
    assert experiment is not None
    return lambda: str(client.create_run(experiment.experiment_id).info.run_id)


def test_a_trial_that_is_run_again_goes_on_where_its_pod_died(
    pod: Pod, own_loop: Callable[[str], dict[str, str]]
) -> None:
    """Four of six epochs are trained before, two after; another trial begins from the start."""
    made = pod(trainer=own_loop("trial.number == 0"))
    assert last_words("work", made)[1].reason is Reason.PREEMPTED
    study = optuna.load_study(study_name=made[Variable.STUDY], storage=made[Variable.STUDY_URL])
    run_again(study, 0)
    assert last_words("work", made)[0] is ExitCode.DONE

    gone, again, other = study.trials
    assert gone.user_attrs[TrialAttribute.DISRUPTED] is True
    assert again.params == gone.params
    assert again.user_attrs[TrialAttribute.METRICS]["trained"] == 2
    assert other.user_attrs[TrialAttribute.METRICS]["trained"] == 6


def test_the_retry_of_a_retry_finds_the_first_try(
    client: MlflowClient, new_run: Callable[[], str]
) -> None:
    """The second try died before it had kept anything."""
    first, second, third = (new_run() for _ in range(3))
    study = optuna.create_study()
    study.add_trial(optuna.trial.create_trial(value=0.0, user_attrs=attributes(first)))
    study.add_trial(optuna.trial.create_trial(value=0.0, user_attrs=attributes(second, 0)))
    study.enqueue_trial({}, user_attrs=attributes(None, 1))
    RunCheckpoints(client, first).save(4, b"so far")
    runs = checkpoints.earlier_runs(study, study.ask())

    assert runs == (second, first)
    assert RunCheckpoints(client, third, runs).last() == Checkpoint(4, b"so far")


def test_what_lies_in_another_folder_is_not_gone_on_with(
    client: MlflowClient, new_run: Callable[[], str]
) -> None:
    """A fit begins where it was, and not where another one or its trial was."""
    run = new_run()
    RunCheckpoints(client, run).save(4, b"a trial")
    fit = RunCheckpoints(client, run, folder=f"{FOLDER}-fit-3")
    assert fit.last() is None

    fit.save(2, b"a fit")
    assert fit.last() == Checkpoint(2, b"a fit")
    assert RunCheckpoints(client, run).last() == Checkpoint(4, b"a trial")


def attributes(run_id: str | None, retry_of: int | None = None) -> dict[str, object]:
    """What is known of a trial."""
    known = {TrialAttribute.RUN_ID: run_id, TrialAttribute.RETRY_OF: retry_of}
    return {str(name): value for name, value in known.items() if value is not None}


def test_a_checkpoint_that_is_not_whole_is_passed_over(
    client: MlflowClient, new_run: Callable[[], str], tmp_path: Path
) -> None:
    """Its writer died: the one before it is still there."""
    run = new_run()
    kept = RunCheckpoints(client, run)
    for step in range(3):
        kept.save(step, bytes([step]) * 100)
    newest = Path(client.download_artifacts(run, f"{FOLDER}/0", str(tmp_path)))
    newest.write_bytes(newest.read_bytes()[:-1])
    client.log_artifact(run, str(newest), FOLDER)

    assert len(client.list_artifacts(run, FOLDER)) == 2, "two files, however many checkpoints"
    assert RunCheckpoints(client, run).last() == Checkpoint(1, bytes([1]) * 100)


def test_where_nothing_was_kept_training_begins(
    client: MlflowClient, new_run: Callable[[], str]
) -> None:
    """There is no checkpoint, which is no error."""
    assert RunCheckpoints(client, new_run(), (new_run(),)).last() is None


@pytest.mark.parametrize("kept", [False, True], ids=["nowhere", "on a run"])
def test_a_checkpoint_has_a_largest_size(
    client: MlflowClient, new_run: Callable[[], str], monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    """It would fill the memory of MLflow's server; the trial fails, and says why."""
    monkeypatch.setattr("leadsman_training.checkpoints.LARGEST", 3)
    place = RunCheckpoints(client, new_run()) if kept else NoCheckpoints()
    place.save(0, b"abc")

    with pytest.raises(ValueError, match="a checkpoint of 4 bytes is more than 3"):
        place.save(0, b"abcd")


def test_the_last_training_goes_on_as_well(
    pod: Pod, own_loop: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    """The conclude Job's pod was told to go when it had trained four of six epochs."""
    made = pod(trainer=own_loop("not hasattr(trial, 'study')"), search={"trials": 1})
    assert last_words("work", made)[0] is ExitCode.DONE
    assert last_words("conclude", made)[0] is ExitCode.PREEMPTED
    assert last_words("conclude", made)[1].reason is Reason.REGISTERED

    (epochs,) = tmp_path.glob("*.epochs")
    assert len(epochs.read_text()) == 6 + 4 + 2
