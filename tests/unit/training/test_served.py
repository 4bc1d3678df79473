"""Models of other flavors than scikit-learn's: kept by own code, judged as they will be served."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient

from leadsman_api.conclusion import Conclusion
from leadsman_api.environment import Variable
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.termination import ExitCode, Termination
from leadsman_training.served import flavor_of
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]

NET = """
import mlflow.pyfunc
import numpy as np

class Net(mlflow.pyfunc.PythonModel):
    "A layer that is learnt by steps down the gradient, as networks are."

    def __init__(self, columns, classes, softmax=True):
        self.weights = np.zeros((columns + 1, classes))
        self.softmax = softmax

    def scores(self, rows):
        rows = np.column_stack([rows, np.ones(len(rows))]) / 10
        return rows @ self.weights

    def shares(self, rows):
        raised = np.exp(self.scores(rows))
        return raised / raised.sum(axis=1, keepdims=True)

    def step(self, rows, truth):
        missed = np.eye(self.weights.shape[1])[truth] - self.shares(rows)
        self.weights += np.column_stack([rows, np.ones(len(rows))]).T @ missed / len(rows)

    def predict(self, context, model_input, params=None):
        rows = model_input.to_numpy(dtype=float)
        return self.shares(rows) if self.softmax else self.scores(rows)

def trained(run, **more):
    x, y = run.train
    net = Net(x.shape[1], 2, **more)
    for _ in range(60):
        net.step(x.to_numpy(dtype=float), y.to_numpy())
    run.keep(net)
    return float((net.scores(x.to_numpy(dtype=float)).argmax(axis=1) == y).mean())

def objective(trial, run):
    return trained(run)

def without_softmax(trial, run):
    return trained(run, softmax=False)

def booster(trial, run):
    import lightgbm
    x, y = run.train
    rows = lightgbm.Dataset(x, y)
    quick = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 2}
    run.keep(lightgbm.train(quick, rows, 5), flavor="lightgbm")
    return 1.0

def unknown(trial, run):
    run.keep(object())
    return 1.0
"""


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own code that can be imported."""
    (tmp_path / f"{tmp_path.name}.py").write_text(NET)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def trained(tmp_path: Path, pod: Pod) -> Callable[..., tuple[dict[str, str], Termination]]:
    """Search and conclude with a function of the module above."""

    def made(name: str, **spec: Any) -> tuple[dict[str, str], Termination]:
        trainer = {"entrypoint": f"{tmp_path.name}:{name}"}
        pod_of = pod(trainer=trainer, search={"trials": 1, "maxFailedTrials": 0}, **spec)
        assert last_words("work", pod_of)[0] is ExitCode.DONE
        return pod_of, last_words("conclude", pod_of)[1]

    return made


def concluded(pod: Mapping[str, str], client: MlflowClient) -> Conclusion:
    """What the conclude Job has found."""
    found = Conclusion.from_text(client.get_run(pod[Variable.PARENT_RUN]).data.tags[Tag.CONCLUSION])
    assert found is not None
    return found


def folder_of(model: str, tmp_path: Path) -> Path:
    """The files of version 1."""
    return Path(mlflow.artifacts.download_artifacts(f"models:/{model}/1", dst_path=str(tmp_path)))


GATE = {"rules": [{"metric": "log_loss", "direction": "minimize", "margin": -0.1}]}


def test_a_network_is_judged_by_its_probabilities_and_served_by_mlflow(
    trained: Callable[..., tuple[dict[str, str], Termination]],
    client: MlflowClient, tmp_path: Path,
) -> None:  # fmt: skip
    """First alone, then beside itself as the champion, and the version is a pyfunc."""
    pod, said = trained("objective", model={"name": "net"}, gate=GATE)
    assert said.reason is Reason.REGISTERED, said
    assert concluded(pod, client).gate.passed
    client.set_registered_model_alias("net", "champion", "1")
    pod, said = trained("objective", model={"name": "net"}, gate=GATE)
    (check, *_) = concluded(pod, client).gate.checks

    assert check.champion == check.challenger
    assert (check.challenger or 1) < 0.6
    folder = folder_of("net", tmp_path)
    assert "python_function:" in (folder / "MLmodel").read_text()
    example = json.loads((folder / "serving_input_example.json").read_text())
    assert example["dataframe_split"]["columns"] == ["noise", "telling"]
    shares = mlflow.pyfunc.load_model(str(folder)).predict(
        mlflow.models.Model.load(str(folder)).load_input_example(str(folder))
    )
    assert np.allclose(np.asarray(shares).sum(axis=1), 1)


@pytest.mark.usefixtures("client")
def test_a_version_brings_what_it_needs_and_nothing_else(
    trained: Callable[..., tuple[dict[str, str], Termination]], tmp_path: Path
) -> None:
    """The module of the user's own, and the packages that this one imports."""
    trained("objective", model={"name": "bringing"})
    folder = folder_of("bringing", tmp_path / "files")

    assert (folder / "code" / f"{tmp_path.name}.py").read_text() == NET
    needed = {line.partition("==")[0] for line in (folder / "requirements.txt").read_text().split()}
    assert {"numpy", "pandas", "cloudpickle", "mlflow", "lightgbm"} <= needed
    assert not {"scikit-learn", "skops", "xgboost-cpu", "optuna"} & needed


def test_a_bare_booster_is_kept_in_its_flavor(
    trained: Callable[..., tuple[dict[str, str], Termination]], tmp_path: Path
) -> None:
    """It gives a number for each row, as LightGBM does; the version is LightGBM's own file."""
    objective = {"metric": "rmse", "direction": "minimize"}
    _, said = trained("booster", model={"name": "boosted"}, objective=objective)

    assert said.reason is Reason.REGISTERED, said
    folder = folder_of("boosted", tmp_path)
    assert "lightgbm:" in (folder / "MLmodel").read_text()
    assert "sklearn:" not in (folder / "MLmodel").read_text()


def test_scores_that_are_no_probabilities_are_refused(
    trained: Callable[..., tuple[dict[str, str], Termination]],
) -> None:
    """Each metric of chances would be wrong, and each of classes a guess."""
    _, said = trained("without_softmax")

    assert said.reason is Reason.ENTRYPOINT_INVALID
    assert said.message.endswith("have it end with a softmax, or give the class itself")


def test_what_does_not_predict_has_to_name_its_flavor(
    trained: Callable[..., tuple[dict[str, str], Termination]],
) -> None:
    """It is said in the first trial, not when the search has ended."""
    _, said = trained("unknown")

    assert said.reason is Reason.NO_ELIGIBLE_TRIAL
    with pytest.raises(ValueError, match=r"object does not predict: name its flavor in MLflow"):
        flavor_of(object(), None)
    with pytest.raises(ValueError, match=r"MLflow has no flavor 'torchlight'"):
        flavor_of(object(), "torchlight")
    assert flavor_of(object(), "pytorch") == "pytorch"
