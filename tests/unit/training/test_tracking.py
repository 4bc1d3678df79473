"""The mirror of a search in MLflow: what dead pods left open there, and what is sent but once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import optuna
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from optuna.trial import TrialState

from leadsman_api.environment import MlflowVariable
from leadsman_api.labels import Tag
from leadsman_api.studies import TrialAttribute
from leadsman_training.tracking import once, settle

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
UID = "u-settled"
Begin = Callable[[], str]


@pytest.fixture
def begin(client: MlflowClient) -> Begin:
    """Make a run of the training, and give its id."""
    experiment = client.get_experiment_by_name("t")
    assert experiment is not None

    def made() -> str:
        run = client.create_run(experiment.experiment_id, tags={str(Tag.TRAINING_RUN_UID): UID})
        return str(run.info.run_id)

    return made


def test_what_dead_pods_left_open_ends_as_the_study_says(
    client: MlflowClient, begin: Begin
) -> None:
    """With what was measured; the runs that no trial knows of are nobody's."""
    study = optuna.create_study(direction="maximize")

    def of_a_trial(state: TrialState, **attributes: object) -> str:
        trial, run_id = study.ask(), begin()
        trial.set_user_attr(TrialAttribute.RUN_ID, run_id)
        for name, value in attributes.items():
            trial.set_user_attr(TrialAttribute[name], value)
        study.tell(trial, 0.75 if state is TrialState.COMPLETE else None, state)
        return run_id

    parent, orphan = begin(), begin()
    complete = of_a_trial(TrialState.COMPLETE, METRICS={"roc_auc": 0.75, "f1": float("nan")})
    pruned = of_a_trial(TrialState.PRUNED, METRICS={})
    failed = of_a_trial(TrialState.FAIL, ERROR="it broke")
    taken = of_a_trial(TrialState.FAIL, ERROR="its pod is gone", DISRUPTED=True)
    settle(client, parent, UID, study)

    def seen(run_id: str) -> Run:
        return client.get_run(run_id)

    statuses = [seen(one).info.status for one in (complete, pruned, failed, taken, orphan, parent)]
    assert statuses == ["FINISHED", "FINISHED", "FAILED", "KILLED", "KILLED", "RUNNING"]
    assert seen(complete).data.metrics == {"roc_auc": 0.75}
    assert seen(failed).data.tags["leadsman.error"] == "it broke"
    assert seen(taken).data.tags["leadsman.error"] == "its pod is gone"


def test_what_has_ended_is_left_as_it_is(client: MlflowClient, begin: Begin) -> None:
    """Somebody else wrote it, and knew more."""
    parent, ended = begin(), begin()
    client.set_terminated(ended, "FINISHED")
    settle(client, parent, UID, optuna.create_study())

    assert client.get_run(ended).info.status == "FINISHED"


@pytest.fixture
def deaf() -> Iterator[tuple[str, list[int]]]:
    """A server that takes each request and hangs up, and how many it has taken."""
    taken: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    if not connection.recv(4096):
                        return
                    taken.append(1)

        thread = threading.Thread(target=listen)
        thread.start()
        host, port = listener.getsockname()
        yield f"http://{host}:{port}", taken
        socket.create_connection((host, port)).close()
        thread.join()


def test_a_request_that_may_have_been_heard_is_not_repeated(
    deaf: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or there would be two versions; what the environment says holds again afterwards."""
    address, taken = deaf
    monkeypatch.setenv(str(MlflowVariable.RETRIES), "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    asked = MlflowClient(address)
    with pytest.raises(MlflowException), once():
        asked.create_registered_model("twice")
    assert len(taken) == 1

    with pytest.raises(MlflowException):
        asked.create_registered_model("twice")
    assert len(taken) == 3
