"""The champion's part in a search: tried first, judged beside, and never in the way."""

from __future__ import annotations

import json
import subprocess
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mlflow
import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.models import infer_signature

from leadsman_api.conclusion import Conclusion
from leadsman_api.environment import Variable
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.recorded_spec import RecordedSpec
from leadsman_api.termination import ExitCode
from leadsman_api.v1alpha1.training_run_status import GateStatus
from leadsman_training.provenance import FILE
from leadsman_training.search import prepare
from leadsman_training.settings import read_settings
from leadsman_training.warm_start import enqueue_champion
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]
MODEL = "bought"
SPACE = {"C": {"float": [0.1, 10.0]}, "solver": {"categorical": ["lbfgs", "newton-cg"]}}

OWN_CODE = """
from sklearn.linear_model import LogisticRegression

def two(trial, run):
    x = trial.suggest_int("x", 1, 9)
    run.log_metric("size", float(x))
    run.keep(LogisticRegression(C=x).fit(*run.train))
    return x / 10

def keeps_nothing(trial, run):
    return 1.0
"""


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own code that can be imported."""
    (tmp_path / f"{tmp_path.name}.py").write_text(OWN_CODE)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def own_dvc_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC's cache is the test's own."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))


def first_parameters(pod: Mapping[str, str], client: MlflowClient) -> dict[str, Any]:
    """Those of the first trial of a search, without a warning of Optuna's."""
    settings = read_settings(pod)
    candidate, _ = prepare(settings)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(1))
    enqueue_champion(settings, study, candidate, client)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return candidate.parameters(study.ask())


def found_by(pod: Mapping[str, str], client: MlflowClient) -> Conclusion:
    """What a conclude Job wrote on the parent run."""
    code, said = last_words("conclude", pod)
    assert (code, said.reason) == (ExitCode.DONE, Reason.REGISTERED), said
    run = client.get_run(pod[Variable.PARENT_RUN])
    found = Conclusion.from_text(run.data.tags[Tag.CONCLUSION])
    assert found is not None
    return found


@pytest.fixture
def champion(client: MlflowClient) -> Callable[..., int]:
    """Make a version the champion: of a run with a record, a file, or a model."""
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)

    def made(
        parameters: Mapping[str, Any] | None = None,
        source: str = "file:///nowhere",
        *,
        of_a_run: bool = True,
    ) -> int:
        run_id = None
        if of_a_run:
            run_id = client.create_run("1").info.run_id
            if parameters is not None:
                client.log_text(run_id, a_record(parameters), FILE)
        version = client.create_model_version(MODEL, source, run_id=run_id)
        client.set_registered_model_alias(MODEL, "champion", version.version)
        return int(version.version)

    return made


def a_record(parameters: Mapping[str, Any]) -> str:
    """What was written down of how a version was made."""
    return json.dumps({"inputs": {"parameters": parameters, "seed": 0}, "about": {"search": {}}})


def searching(**search: Any) -> dict[str, Any]:
    """A spec that searches for the model with the champion."""
    return {"model": {"name": MODEL}, "search": {"trials": 1, "space": SPACE, **search}}


def test_the_parameters_of_the_champion_are_tried_first(
    pod: Pod, client: MlflowClient, champion: Callable[..., int]
) -> None:
    """By its alias, or by the version that the gate names."""
    known = {"C": 3.25, "solver": "newton-cg"}
    version = champion(known)
    assert first_parameters(pod(**searching()), client) == known

    champion({"C": 1.5, "solver": "lbfgs"})
    against = {"gate": {"against": {"version": version}}}
    assert first_parameters(pod(**searching(), **against), client) == known


def test_what_the_champion_lacks_is_sampled(
    pod: Pod, client: MlflowClient, champion: Callable[..., int]
) -> None:
    """A parameter that is new in the space."""
    champion({"C": 3.25})

    assert first_parameters(pod(**searching()), client)["C"] == 3.25


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"C": 3.25, "penalty": "l2"}, id="a parameter that is gone"),
        pytest.param({"C": 99.0, "solver": "lbfgs"}, id="a value beyond the bounds"),
        pytest.param({"C": 3.25, "solver": "sag"}, id="a choice that is gone"),
        pytest.param({"C": 0.01}, id="a value below the bounds"),
        pytest.param({"C": "much", "solver": "lbfgs"}, id="a value of another type"),
        pytest.param({}, id="no parameters"),
        pytest.param(None, id="no record"),
    ],
)
def test_parameters_of_another_space_are_not_tried(
    pod: Pod,
    client: MlflowClient,
    champion: Callable[..., int],
    parameters: Mapping[str, Any] | None,
) -> None:
    """The trial would leave the space that the spec asks for, or fail."""
    champion(parameters)
    found = first_parameters(pod(**searching()), client)

    assert 0.1 <= found["C"] <= 10.0
    assert found["C"] != 3.25
    assert found["solver"] in {"lbfgs", "newton-cg"}


def test_a_champion_of_no_run_has_no_parameters(
    pod: Pod, client: MlflowClient, champion: Callable[..., int]
) -> None:
    """Somebody registered it by hand."""
    champion(of_a_run=False)

    assert set(first_parameters(pod(**searching()), client)) == {"C", "solver"}


@pytest.mark.parametrize("wanted", [True, False])
def test_a_search_may_begin_without_the_champion(
    pod: Pod, champion: Callable[..., int], *, wanted: bool
) -> None:
    """Where the spec says so."""
    champion({"C": 3.25, "solver": "newton-cg"})
    made = pod(**searching(warmStart={"champion": wanted}, sampler="Random", seed=1))
    assert last_words("work", made)[0] is ExitCode.DONE
    study = optuna.load_study(study_name=made[Variable.STUDY], storage=made[Variable.STUDY_URL])

    assert [trial.params["C"] == 3.25 for trial in study.trials] == [wanted]


def test_own_code_begins_as_it_likes(
    tmp_path: Path, pod: Pod, champion: Callable[..., int]
) -> None:
    """What it will ask for is not known."""
    champion({"C": 3.25})
    made = pod(trainer={"entrypoint": f"{tmp_path.name}:two"}, model={"name": MODEL})
    assert last_words("work", made)[0] is ExitCode.DONE
    study = optuna.load_study(study_name=made[Variable.STUDY], storage=made[Variable.STUDY_URL])

    assert [set(trial.params) for trial in study.trials] == [{"x"}, {"x"}]


def test_own_code_begins_with_the_champion_where_the_spec_says_what_it_asks_for(
    tmp_path: Path, pod: Pod, champion: Callable[..., int]
) -> None:
    """By the space that is declared."""
    champion({"x": 7})
    made = pod(
        trainer={"entrypoint": f"{tmp_path.name}:two"},
        model={"name": MODEL},
        search={"trials": 2, "space": {"x": {"int": [1, 9]}}, "sampler": "Random", "seed": 1},
    )
    assert last_words("work", made)[0] is ExitCode.DONE
    study = optuna.load_study(study_name=made[Variable.STUDY], storage=made[Variable.STUDY_URL])

    assert [trial.params["x"] == 7 for trial in study.trials] == [True, False]


def test_of_several_objectives_the_best_by_the_first_is_concluded(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """Without a champion only the bounds count, and a version that is not there is none."""
    made = pod(
        trainer={"entrypoint": f"{tmp_path.name}:two"},
        objective={
            "metric": "accuracy", "additional": [{"metric": "size", "direction": "minimize"}],
        },
        gate={"against": {"version": 7}, "rules": [{"metric": "accuracy", "min": 0.1}]},
        search={"trials": 4, "sampler": "Random"},
    )  # fmt: skip
    last_words("work", made)
    study = optuna.load_study(study_name=made[Variable.STUDY], storage=made[Variable.STUDY_URL])
    found = found_by(made, client)

    assert found.best.value == max(trial.params["x"] for trial in study.trials) / 10
    assert found.gate.champion_version is None
    assert [check.metric for check in found.gate.checks] == ["accuracy"]
    assert found.provenance.rows == 60


@pytest.mark.usefixtures("own_dvc_cache")
def test_the_revision_of_the_data_is_recorded_with_the_version(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """The commit that a branch was at, on the version and in its provenance."""
    uri = f"dvc+file://{tmp_path}@main:rows.csv"
    made = pod(data={"source": {"uri": uri}, "target": "bought"}, search={"trials": 1})
    ada = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-b", "main"], ["add", "rows.csv"], [*ada, "commit", "-m", "rows"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
    commit = (tmp_path / ".git/refs/heads/main").read_text().strip()
    last_words("work", made)
    found = found_by(made, client)

    assert found.provenance.data_revision == commit
    name = read_settings(made).resource.spec.model.name
    version = client.get_model_version(name, str(found.model_version))
    assert version.tags[Tag.DATA_REVISION] == commit
    kept = RecordedSpec.from_text(version.tags[Tag.SPEC])
    assert kept is not None
    assert kept.data.source.uri == uri.replace("@main:", f"@{commit}:"), "the branch moves on"
    file = client.download_artifacts(made[Variable.PARENT_RUN], FILE, str(tmp_path))
    assert json.loads(Path(file).read_text())["about"]["revision"] == commit


def test_the_pod_that_trained_a_version_is_recorded(pod: Pod, client: MlflowClient) -> None:
    """Not the one that found it made: by it the operator knows the image; a name is no digest."""
    image = f"leadsman/training@sha256:{'0' * 64}"
    made = {**pod(search={"trials": 1}), "LEADSMAN_IMAGE": image}
    last_words("work", made)
    found = found_by(made, client)
    again = found_by({**made, Variable.POD_UID: "pod-2"}, client)

    assert (found.pod_uid, again.pod_uid) == ("pod-1", "pod-1")
    name = read_settings(made).resource.spec.model.name
    tags = client.get_model_version(name, str(found.model_version)).tags
    assert tags[Tag.POD_UID] == "pod-1"
    assert Tag.IMAGE_DIGEST not in tags
    client.set_model_version_tag(name, "1", str(Tag.IMAGE_DIGEST), "sha256:a")
    assert found_by(made, client).provenance.image_digest == "sha256:a"


def test_several_objectives_may_have_no_best(tmp_path: Path, pod: Pod) -> None:
    """When no trial kept the constraints."""
    made = pod(
        trainer={"entrypoint": f"{tmp_path.name}:two"},
        objective={
            "metric": "accuracy", "additional": [{"metric": "size"}],
            "constraints": [{"metric": "size", "min": 1000.0}],
        },
    )  # fmt: skip
    last_words("work", made)
    code, said = last_words("conclude", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.NO_ELIGIBLE_TRIAL)
    assert said.message.endswith("none has ended and kept the constraints")


def test_own_code_that_keeps_no_model_is_told_how(tmp_path: Path, pod: Pod) -> None:
    """There is nothing to register."""
    entrypoint = f"{tmp_path.name}:keeps_nothing"
    made = pod(trainer={"entrypoint": entrypoint})
    last_words("work", made)
    code, said = last_words("conclude", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.ENTRYPOINT_INVALID)
    assert said.message == f"{entrypoint} kept no model: call run.keep(model)"


def nobody_buys(model_input: pd.DataFrame) -> list[int]:
    """A model of no library that MLflow knows."""
    return [0] * len(model_input)


def logged(client: MlflowClient, columns: list[str] | None) -> str:
    """Where a model lies that knows these columns; without a signature when None."""
    rows = pd.DataFrame({name: [0, 1, 0] for name in columns or []})
    signature = infer_signature(rows, [0, 1, 0]) if columns is not None else None
    with mlflow.start_run(run_id=client.create_run("1").info.run_id):
        made = mlflow.pyfunc.log_model(
            name="model", python_model=nobody_buys, signature=signature, pip_requirements=[]
        )
    return f"models:/{made.model_id}"


@pytest.mark.parametrize("columns", [["noise", "telling"], None], ids=["signature", "none"])
def test_a_champion_of_any_library_is_compared(
    pod: Pod, client: MlflowClient, champion: Callable[..., int], columns: list[str] | None
) -> None:
    """By what it predicts; without a signature its columns can't be compared."""
    version = champion(source=logged(client, columns))
    made = pod(**searching(), gate={"rules": [{"metric": "accuracy", "margin": 0.0}]})
    last_words("work", made)
    found = found_by(made, client)
    accuracy, signature = found.gate.checks

    assert (found.gate.passed, found.gate.champion_version) == (True, version)
    assert accuracy.champion == pytest.approx(0.5)
    assert signature.passed
    assert ("no signature" in signature.message) is (columns is None)


def test_a_champion_that_cant_judge_the_rows_is_named(
    pod: Pod, client: MlflowClient, champion: Callable[..., int]
) -> None:
    """A column of its own is gone from the data: the Job ends, and says which version."""
    source = logged(client, ["noise", "telling", "region"])
    version = champion(source=source)
    made = pod(**searching())
    last_words("work", made)
    code, said = last_words("conclude", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.DATA_INVALID)
    assert said.message.startswith(f"version {version}, which spec.gate.against names, can't judge")
    assert "region" in said.message


def test_other_data_than_the_trials_saw_is_refused(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """The held-out rows might be among those that were learnt from."""
    made = pod()
    last_words("work", made)
    file = tmp_path / "rows.csv"
    file.write_text(file.read_text() + "\n3,11,1\n")
    code, said = last_words("conclude", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.DATA_CHANGED)
    assert "and the search began with sha256:" in said.message
    name = read_settings(made).resource.spec.model.name
    assert client.search_model_versions(f"name = '{name}'") == []


def test_the_verdict_is_a_file_beside_the_runs(pod: Pod, client: MlflowClient) -> None:
    """With the bounds on size, and the words of what was too large."""
    made = pod(gate={"maxSize": "1k", "rules": [{"metric": "accuracy", "min": 0.5}]})
    last_words("work", made)
    found = found_by(made, client)
    file = client.download_artifacts(made[Variable.PARENT_RUN], "gate.json")
    written = GateStatus.model_validate_json(Path(file).read_text())

    assert written == found.gate
    assert [(check.metric, check.passed) for check in written.checks] == [
        ("accuracy", True), ("size", False),
    ]  # fmt: skip
    assert written.checks[1].message.endswith("bytes is above 1000 bytes")
    assert (written.checks[1].challenger or 0) > 1000
