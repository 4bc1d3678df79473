"""The data of the champion beside that of the next run: its profile, and what drift becomes of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from leadsman_api.environment import Variable
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.reference_profile import PROFILE_FILE, ReferenceProfile
from leadsman_api.termination import ExitCode
from leadsman_training.quality import FILE
from leadsman_training.settings import read_settings
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]
ONE = {"trials": 1}


def quality_of(pod: Mapping[str, str], client: MlflowClient) -> dict[str, Any]:
    """What is said of the data on the parent run."""
    file = client.download_artifacts(pod[Variable.PARENT_RUN], FILE)
    told: dict[str, Any] = json.loads(Path(file).read_text())
    return told


def test_a_run_compares_its_data_with_the_champions(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """The same data is none of a drift; other data is told, or ends the run where that is asked."""
    first = pod(search=ONE)
    model = read_settings(first).resource.spec.model.name
    for command in ("work", "conclude"):
        assert last_words(command, first)[0] is ExitCode.DONE
    assert quality_of(first, client)["drift"] is None
    inputs = client.get_run(first[Variable.PARENT_RUN]).inputs
    assert inputs is not None
    assert [one.dataset.name for one in inputs.dataset_inputs] == ["rows.csv"]
    client.set_registered_model_alias(model, "champion", "1")
    profile = _profile(model, tmp_path)
    assert (profile.rows, [one.name for one in profile.columns]) == (48, ["noise", "telling"])
    assert (profile.target.counts, profile.predictions.name) == ((24, 24, 0), "prediction")

    usual = {"model": {"name": model}, "search": ONE}
    again = pod(**usual)
    assert last_words("work", again)[0] is ExitCode.DONE
    assert quality_of(again, client)["drift"] == {
        "version": 1, "instabilities": {"noise": 0.0, "telling": 0.0, "bought": 0.0}, "gone": [],
    }  # fmt: skip

    file = tmp_path / "rows.csv"
    rows = [f"{row % 5 + 100},{10 * (row % 2) + row % 3},{row % 2}" for row in range(60)]
    file.write_text("\n".join(["noise,telling,bought", *rows]))
    moved = pod(**usual)
    assert last_words("work", moved)[0] is ExitCode.DONE
    told = [one for one in quality_of(moved, client)["findings"] if one["check"] == "drift"]
    assert [(one["column"], one["is_fatal"]) for one in told] == [("noise", False)]

    data = {"source": {"uri": "configmap://files/rows.csv"}, "target": "bought"}
    strict = pod(**usual, data={**data, "drift": {"action": "Fail"}})
    code, said = last_words("work", strict)
    assert (code, said.reason) == (ExitCode.NO_USE, Reason.DATA_DRIFTED)
    assert said.message.startswith("the column 'noise' is spread otherwise than in the data of")
    assert quality_of(strict, client)["findings"][0]["is_fatal"] is True


def _profile(model: str, folder: Path) -> ReferenceProfile:
    """That of the first version, as it lies beside its files."""
    place = download_artifacts(f"models:/{model}/1/{PROFILE_FILE}", dst_path=str(folder))
    found = ReferenceProfile.from_text(Path(place).read_text())
    assert found is not None
    return found


def test_the_profile_belongs_to_the_files_of_a_version(pod: Pod, client: MlflowClient) -> None:
    """The digest of the version is over it too."""
    made = pod(search=ONE)
    for command in ("work", "conclude"):
        assert last_words(command, made)[0] is ExitCode.DONE
    file = client.download_artifacts(made[Variable.PARENT_RUN], "manifest.json")

    assert PROFILE_FILE in json.loads(Path(file).read_text())
    model = read_settings(made).resource.spec.model.name
    assert client.get_model_version(model, "1").tags[Tag.DIGEST].startswith("sha256:")


def test_what_ends_a_run_stands_in_its_report(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """People look there first."""
    rows = [f"{row % 5},{row % 2},{row % 2}" for row in range(60)]
    made = pod(search=ONE)
    (tmp_path / "rows.csv").write_text("\n".join(["noise,copy,bought", *rows]))
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.DATA_INVALID)
    (finding,) = quality_of(made, client)["findings"]
    assert (finding["message"], finding["is_fatal"]) == (said.message, True)
