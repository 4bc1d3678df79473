"""What `kubectl leadsman lineage` tells of the versions of a registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from leadsman_api.labels import Tag
from support.world_user import Result, User

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
URI = "dvc+https://example.org/data@main:churn.csv"
GATE = {
    "passed": True,
    "championVersion": 6,
    "rows": 120,
    "checks": [
        {"metric": "roc_auc", "passed": True, "challenger": 0.91, "champion": 0.9, "message": "ok"}
    ],
}
TAGS = {
    Tag.DIGEST: "sha256:m",
    Tag.DATA_DIGEST: "sha256:d",
    Tag.DATA_REVISION: "19f64185",
    Tag.IMAGE_DIGEST: "sha256:i",
    Tag.GIT_COMMIT: "c0ffee",
    Tag.SPEC_HASH: "5bec",
    Tag.TRIGGER: "schedule",
    Tag.STUDY: "ml/churn/uid#4",
    Tag.TRAINING_RUN_UID: "uid",
    Tag.GATE: json.dumps(GATE),
    Tag.REPRODUCTION: json.dumps(
        {"reproduction": {"verdict": "Exact", "firstDifference": "image: was sha256:i"}}
    ),
}
PROVENANCE = {
    "about": {"uri": URI, "rows": 600, "image": "leadsman/training:1"},
    "inputs": {"seed": 7, "parameters": {"C": 0.5}},
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Version 1 has all that is recorded, 2 no run, 3 is of somebody else."""
    folder = tmp_path_factory.mktemp("registry")
    address = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(address)
    experiment = client.create_experiment("churn", f"file://{folder}/artifacts")
    tags = {str(Tag.TRAINING_RUN): "ml/churn"}
    run_id = client.create_run(experiment, tags=tags).info.run_id
    client.log_text(run_id, json.dumps(PROVENANCE), "provenance.json")
    client.create_registered_model("churn")
    recorded = {str(tag): value for tag, value in TAGS.items()}
    place = Path(folder) / "model"
    client.create_model_version("churn", str(place), run_id=run_id, tags=recorded)
    client.create_model_version("churn", str(place), tags=recorded)
    client.create_model_version("churn", str(place))
    client.set_registered_model_alias("churn", "champion", "1")
    return address


def lineage(registry: str, *arguments: str) -> Result:
    """Ask with the address in the environment."""
    return User()("lineage", *arguments, MLFLOW_TRACKING_URI=registry)


def as_json(registry: str, version: str) -> dict[str, Any]:
    """What programs read."""
    result = lineage(registry, "churn", version, "-o", "json")
    assert result.code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_all_that_was_recorded_is_told(registry: str) -> None:
    """From the version's tags, its run and the file there; by number or alias."""
    found = as_json(registry, "1")

    assert found["data"] == {
        "uri": URI, "revision": "19f64185", "digest": "sha256:d", "rows": 600,
    }  # fmt: skip
    assert found["code"] == {
        "image": "leadsman/training:1", "imageDigest": "sha256:i", "gitCommit": "c0ffee",
    }  # fmt: skip
    training = found["training"]
    assert training.pop("run")
    assert training == {
        "trigger": "schedule", "trainingRun": "ml/churn", "trainingRunUid": "uid",
        "specHash": "5bec", "study": "ml/churn/uid", "trial": 4, "seed": 7,
        "parameters": {"C": 0.5},
    }  # fmt: skip
    assert (found["parent"], found["gate"]) == ({"champion": 6}, GATE)
    assert as_json(registry, "champion")["model"] == found["model"]
    told = lineage(registry, "churn", "1", "--output", "yaml").stdout
    assert yaml.safe_load(told)["data"] == found["data"]


def test_people_read_a_table(registry: str) -> None:
    """A line for each thing, and one for each rule of the gate."""
    lines = [line.split() for line in lineage(registry, "churn", "1").stdout.splitlines()]

    assert lines[0] == ["churn", "version", "1"]
    assert ["data", "uri", URI] in lines
    assert ["revision", "19f64185"] in lines
    assert ["parent", "champion", "6"] in lines
    assert ["gate", "passed", "on", "120", "held-out", "rows"] in lines
    assert ["roc_auc", "True", "0.91", "0.9", "ok"] in lines
    assert lines[-1] == ["trained", "again:", "Exact;", "image:", "was", "sha256:i"]


def test_what_was_not_recorded_is_left_out(registry: str) -> None:
    """A run that is gone takes the data's address with it, and no more."""
    found = as_json(registry, "2")

    assert found["data"] == {"revision": "19f64185", "digest": "sha256:d"}
    assert "run" not in found["training"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["churn", "9"], "churn has no version or alias 9; the latest versions are 3, 2, 1"),
        (["churn", "best"], "churn has no version or alias best; the latest versions are 3, 2, 1"),
        (["chrun", "1"], "the registry has no versions of a model chrun"),
        (["churn", "3"], "churn version 3: nothing was recorded of it"),
    ],
)
def test_what_is_not_there_is_said(registry: str, arguments: list[str], said: str) -> None:
    """With what there is."""
    assert lineage(registry, *arguments) == (1, "", f"{said}\n")


def test_without_an_address_it_says_where_one_is_from() -> None:
    """Nothing is guessed."""
    result = User()("lineage", "churn", "1")

    assert result.code == 2
    assert "--tracking-uri or set MLFLOW_TRACKING_URI" in result.stderr


def test_a_registry_that_does_not_answer_is_named() -> None:
    """The option goes before the environment."""
    nowhere = "http://127.0.0.1:1"
    result = User()("lineage", "churn", "1", "--tracking-uri", nowhere, MLFLOW_TRACKING_URI="x")

    assert result.code == 1
    assert result.stderr.startswith(f"MLflow at {nowhere}: ")
