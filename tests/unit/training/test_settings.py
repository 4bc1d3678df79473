"""What the environment of a pod must say, and what it says of a wrong one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leadsman_api.reasons import Reason
from leadsman_training.errors import NoUse
from leadsman_training.settings import describe_settings, read_settings

RUN: dict[str, Any] = {
    "apiVersion": "leadsman.dev/v1alpha1",
    "kind": "TrainingRun",
    "metadata": {"name": "churn", "namespace": "ml", "uid": "u-1"},
    "spec": {
        "model": {"name": "churn"},
        "data": {"source": {"uri": "sklearn://iris"}, "target": "target"},
        "objective": {"metric": "accuracy"},
    },
}
SERVED: dict[str, Any] = {
    "apiVersion": "leadsman.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "churn"},
    "spec": {"model": {"name": "churn", "alias": "champion"}},
}


def environment(folder: Path, resource: object = RUN, **more: str) -> dict[str, str]:
    """What the operator sets, with the TrainingRun in a file."""
    file = folder / "run.json"
    file.write_text(resource if isinstance(resource, str) else json.dumps(resource))
    return {
        "LEADSMAN_TRAINING_SPEC": str(file),
        "LEADSMAN_STUDY": "ml/churn/u-1",
        "LEADSMAN_STUDY_URL": "sqlite://",
        "LEADSMAN_PARENT_RUN": "r-1",
        "MLFLOW_TRACKING_URI": "http://mlflow",
        **more,
    }


def why_not(variables: dict[str, str]) -> str:
    """What an environment that can't be read says."""
    with pytest.raises(NoUse) as refused:
        read_settings(variables)
    assert refused.value.reason is Reason.SPEC_INVALID
    return refused.value.message


def test_what_is_set_is_read(tmp_path: Path) -> None:
    """Number, pod and folder may be left out."""
    short = read_settings(environment(tmp_path))
    whole = read_settings(
        environment(
            tmp_path, LEADSMAN_WORKER="3", LEADSMAN_POD_UID="p-1", LEADSMAN_DATA_DIR="/data"
        )
    )

    assert (short.study, short.study_url, short.parent_run) == ("ml/churn/u-1", "sqlite://", "r-1")
    assert (short.tracking_uri, short.uid) == ("http://mlflow", "u-1")
    assert (short.worker, short.pod_uid, short.data_dir) == (0, "", Path())
    assert (whole.worker, whole.pod_uid, whole.data_dir) == (3, "p-1", Path("/data"))
    assert short.search.trials == 100


def test_every_missing_variable_is_named(tmp_path: Path) -> None:
    """An empty one is missing too."""
    variables = environment(tmp_path, LEADSMAN_STUDY="")
    del variables["MLFLOW_TRACKING_URI"]

    assert why_not(variables) == "set LEADSMAN_STUDY, MLFLOW_TRACKING_URI"


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        pytest.param("{", "holds no TrainingRun: ", id="no JSON"),
        pytest.param({**RUN, "spec": {}}, "holds no TrainingRun: spec.", id="not allowed"),
        pytest.param(SERVED, "holds a ModelDeployment, not a TrainingRun", id="another kind"),
    ],
)
def test_a_file_without_a_training_run_is_named(
    tmp_path: Path, resource: object, words: str
) -> None:
    """With what it holds instead."""
    assert why_not(environment(tmp_path, resource)).startswith(f"{tmp_path}/run.json {words}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """As the system says it."""
    variables = environment(tmp_path, LEADSMAN_TRAINING_SPEC=str(tmp_path / "none"))

    assert why_not(variables).startswith(f"{tmp_path}/none holds no TrainingRun: ")


def test_to_train_a_version_again_takes_no_study(tmp_path: Path) -> None:
    """There is no search then; all else is needed as ever."""
    resource = {**RUN, "spec": {**RUN["spec"], "reproduce": {"version": 3}}}
    settings = read_settings(
        environment(tmp_path, resource, LEADSMAN_STUDY="", LEADSMAN_STUDY_URL="")
    )

    assert (settings.study, settings.study_url, settings.parent_run) == ("", "", "r-1")
    lacking = environment(tmp_path, resource, LEADSMAN_PARENT_RUN="", LEADSMAN_STUDY="")
    assert why_not(lacking) == "set LEADSMAN_PARENT_RUN"


def test_each_variable_is_described() -> None:
    """As `--help` prints it."""
    described = describe_settings()

    assert "  LEADSMAN_STUDY_URL\n      address of the study's database." in described
    assert "  LEADSMAN_WORKER\n      number of this worker." in described
    assert described.endswith("file for the last words; /dev/termination-log")
