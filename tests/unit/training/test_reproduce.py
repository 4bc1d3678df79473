"""A version trained again: alike to the last bit, alike by its answers, or not, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from leadsman_api.conclusion import Reproduction
from leadsman_api.environment import Variable
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.recorded_spec import RecordedSpec
from leadsman_api.termination import ExitCode, Termination
from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec
from leadsman_api.v1alpha1.training_run_status import ReproductionStatus, ReproductionVerdict
from leadsman_training import job
from leadsman_training.provenance import FILE, first_difference
from leadsman_training.reproduce import largest_difference
from leadsman_training.scores import Predictions

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]
FOREST = {"algorithm": "RandomForest", "parameters": {"n_estimators": 5, "max_features": 1}}
SPACE = {"max_depth": {"int": [2, 4]}}
IMAGE = "leadsman/training:one"


def last_words(command: str, pod: Mapping[str, str]) -> tuple[ExitCode, Termination]:
    """Run a program of a pod."""
    code = job.run(command, {**pod, "LEADSMAN_IMAGE": pod.get("LEADSMAN_IMAGE", IMAGE)})
    said = Termination.from_text(Path(pod["LEADSMAN_TERMINATION_PATH"]).read_text())
    assert said is not None
    return ExitCode(code), said


@pytest.fixture
def version(pod: Pod, tmp_path: Path) -> str:
    """A forest on rows that it can't tell for sure; gives the name of its model."""
    file = tmp_path / "rows.csv"
    random = np.random.default_rng(5)
    rows = [
        f"{a:.3f},{b:.3f},{int(a + random.normal() > 0)}" for a, b in random.normal(size=(80, 2))
    ]
    file.write_text("\n".join(["noise,telling,bought", *rows]) + "\n")
    made = pod(trainer=FOREST, search={"trials": 1, "seed": 4, "space": SPACE})
    for command in ("work", "conclude"):
        assert last_words(command, made)[0] is ExitCode.DONE
    return str(json.loads(Path(made[Variable.TRAINING_SPEC]).read_text())["spec"]["model"]["name"])


def again(
    pod: Pod, client: MlflowClient, model: str, image: str = IMAGE, **spec: Any
) -> ReproductionStatus:
    """What training version 1 again has shown, as the pod sees it."""
    asked = {"version": 1, **spec.pop("reproduce", {})}
    made = pod(model={"name": model}, trainer=spec.pop("trainer", FOREST), reproduce=asked, **spec)
    code, said = last_words("reproduce", {**made, "LEADSMAN_IMAGE": image})
    assert code is ExitCode.DONE, said
    run = client.get_run(made[Variable.PARENT_RUN])
    found = Reproduction.from_text(run.data.tags[Tag.REPRODUCTION])
    assert found is not None
    assert run.info.status == "FINISHED"
    tags = client.get_model_version(model, "1").tags
    assert found.recorded_image == tags.get(Tag.IMAGE_DIGEST)
    assert found.pod_uid == made[Variable.POD_UID]
    return found.reproduction


def test_a_version_comes_back_exactly(pod: Pod, client: MlflowClient, version: str) -> None:
    """The same model, however often its file is written; nothing more is registered."""
    found = again(pod, client, version)

    assert found.verdict is ReproductionVerdict.EXACT
    assert (found.first_difference, found.largest_difference) == (None, 0.0)
    assert len(client.search_model_versions(f"name = '{version}'")) == 1


def test_the_record_alone_is_enough(pod: Pod, client: MlflowClient, version: str) -> None:
    """What the operator hands to the pod when the spec says no more than model and version."""
    kept = RecordedSpec.from_text(client.get_model_version(version, "1").tags[Tag.SPEC])
    assert kept is not None
    nothing = {"model": {"name": version}, "reproduce": {"version": 1}}
    spec = kept.completed(TrainingRunSpec.model_validate(nothing)).to_wire()
    parts = {name: spec[name] for name in ("data", "trainer", "objective")}
    found = again(pod, client, version, **parts)

    assert (found.verdict, found.first_difference) == (ReproductionVerdict.EXACT, None)


def test_what_differs_is_named(
    pod: Pod, client: MlflowClient, version: str, tmp_path: Path
) -> None:
    """Another seed, parameter or row; of several the data comes first."""
    client.set_model_version_tag(version, "1", str(Tag.IMAGE_DIGEST), "sha256:a")
    image = again(pod, client, version, image="leadsman/training:two")
    assert image.verdict is ReproductionVerdict.EXACT
    assert image.first_difference is None, "a name says nothing, and no pod knows its digest"

    seed = again(pod, client, version, reproduce={"seed": 9})
    assert seed.verdict is ReproductionVerdict.NOT_REPRODUCIBLE
    assert seed.first_difference == "seed: was 4 and is 9"
    assert (seed.largest_difference or 0) > 0

    fixed = {**FOREST["parameters"], "n_estimators": 6}  # type: ignore[dict-item]
    trees = again(pod, client, version, trainer={**FOREST, "parameters": fixed})
    assert trees.verdict is ReproductionVerdict.NOT_REPRODUCIBLE
    assert trees.first_difference == "fixed parameters: n_estimators was 5 and is 6"

    file = tmp_path / "rows.csv"
    file.write_text(file.read_text() + "0.1,0.2,1\n")
    data = again(pod, client, version, image="leadsman/training:two", reproduce={"seed": 9})
    assert data.verdict is ReproductionVerdict.NOT_REPRODUCIBLE
    assert (data.first_difference or "").startswith("data: was sha256:")


def test_within_the_tolerance_the_answers_are_the_same(
    pod: Pod, client: MlflowClient, version: str
) -> None:
    """Another forest, whose probabilities differ by less than is asked for."""
    found = again(pod, client, version, reproduce={"seed": 9, "tolerance": 1.0})

    assert found.verdict is ReproductionVerdict.STATISTICAL
    assert found.first_difference == "seed: was 4 and is 9"
    assert 0 < (found.largest_difference or 0) <= 1


def test_a_version_that_is_not_there_ends_the_job(pod: Pod, version: str) -> None:
    """Trying again would change nothing."""
    made = pod(model={"name": version}, trainer=FOREST, reproduce={"version": 8})
    code, said = last_words("reproduce", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.VERSION_NOT_FOUND)


def test_a_version_of_somebody_elses_has_no_provenance(pod: Pod, client: MlflowClient) -> None:
    """It says what is missing."""
    client.create_registered_model("bought-in")
    run = client.create_run("1").info.run_id
    client.create_model_version("bought-in", "file:///nowhere", run_id=run)
    made = pod(model={"name": "bought-in"}, reproduce={"version": 1})
    code, said = last_words("reproduce", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.NOT_REPRODUCIBLE)
    assert f"no {FILE} that can be read" in said.message


@pytest.mark.parametrize(
    ("recorded", "now", "said"),
    [
        pytest.param({"a": 1}, {"a": 1}, None, id="the same"),
        pytest.param({"a": 1, "old": 2}, {"a": 1}, None, id="more was recorded"),
        pytest.param({}, {"a": 1}, "a: not recorded", id="less was recorded"),
        pytest.param({"a": "x", "b": 1}, {"a": "y", "b": 2}, "a: was x and is y", id="the first"),
        pytest.param(
            {"packages": {"numpy": "2.1", "gone": "1"}}, {"packages": {"numpy": "2.1"}},
            "packages: gone was 1 and is null", id="a package that is gone",
        ),
        pytest.param(
            {"packages": {"numpy": "2.1"}}, {"packages": {"numpy": "2.2"}},
            "packages: numpy was 2.1 and is 2.2", id="a package of another version",
        ),
    ],
)  # fmt: skip
def test_the_first_difference_is_a_sentence(
    recorded: dict[str, Any], now: dict[str, Any], said: str | None
) -> None:
    """In the order of the inputs, with both values."""
    assert first_difference(recorded, now) == said


def test_a_difference_that_is_no_number_is_none() -> None:
    """It is within no tolerance."""
    one = Predictions(np.array([0.5, np.nan]))
    classes = Predictions(np.array(["a", "b"]))

    assert largest_difference(one, one) is None
    assert largest_difference(one, Predictions(np.array([0.5]))) is None
    assert largest_difference(classes, classes) == 0.0
    assert largest_difference(classes, Predictions(np.array(["a", "a"]))) == 1.0
