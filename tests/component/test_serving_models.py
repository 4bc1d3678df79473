"""Models of every flavor: what they answer, and which are refused before they can do harm."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.cost import Cost
from leadsman_serving.errors import ModelRefused
from leadsman_serving.flavors.estimators import parts
from leadsman_serving.flavors.pyfunc import load as load_code
from leadsman_serving.flavors.sklearn_flavor import load as load_sklearn
from leadsman_serving.lifecycle import Lifecycle, readiness
from leadsman_serving.model import load_model
from leadsman_serving.model_file import read_model_file
from leadsman_serving.table import Table
from support.serving_models import ModelServer, settings_of

ROW = {"a": 0.5, "b": 1.0, "c": -1.0}
# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

SAFE = ["skops", "forest", "mixed", "xgboost", "booster", "lightgbm", "lgbm", "bare"]


def close(ours: Any, theirs: Any) -> bool:
    """Whether two bodies are the same but for the last digits of their numbers."""
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(close(ours[key], theirs[key]) for key in theirs)
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(close, ours, theirs))
    return bool(np.isclose(ours, theirs, rtol=1e-12, atol=0))


def recorded(models: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """What MLflow's server answered, by the model that was asked."""
    answers = json.loads((models / "answers.json").read_text())
    for name in dict.fromkeys(one["model"] for one in answers):
        yield name, [one for one in answers if one["model"] == name]


def test_answers_are_those_of_mlflows_own_server(models: Path) -> None:
    """Each flavor, each form of the protocol: the same body gets the same answer."""
    for name, answers in recorded(models):
        server = ModelServer(models / name, "Trusted")
        for one in answers:
            if "parquet" in one:
                parquet = {"content-type": "application/vnd.apache.parquet"}
                answer = server.post("/invocations", base64.b64decode(one["parquet"]), **parquet)
            elif "csv" in one:
                csv = {"content-type": "text/csv"}
                answer = server.post("/invocations", one["csv"].encode(), **csv)
            else:
                answer = server.post("/invocations", one["body"])
            assert one["status"] == answer.status_code == 200, (name, one, answer.text)
            assert close(answer.json(), one["answer"]), (name, one, answer.text)


@pytest.mark.parametrize("name", SAFE)
def test_data_only_formats_are_safe(models: Path, name: str) -> None:
    """Each becomes ready without being trusted, whatever types it asks to be trusted."""
    server = ModelServer(models / name)

    assert readiness(server.lifecycle).code == 200
    assert not (models / f"{name}-served" / "said").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pickle", "cloudpickle, which runs code"),
        ("pyfunc", "code of its own"),
        (
            "foreign",
            "not known to be harmless: __main__.Foreign: leave them out, or write spec.mod",
        ),
        ("hole", "scipy.stats._continuous_distns.reciprocal_gen"),
    ],
)
def test_what_runs_code_is_refused_unless_it_is_trusted(
    models: Path, name: str, words: str
) -> None:
    """The pod's status names what is wrong, and nothing of the model was built."""
    with pytest.raises(ModelRefused, match=words):
        ModelServer(models / name)

    said = Termination.from_text((models / f"{name}-served" / "said").read_text())
    assert said is not None
    assert said.reason is Reason.UNSAFE_FORMAT
    assert not (models / "was-run").exists()


@pytest.mark.parametrize("name", ["pickle", "pyfunc", "hole", "wordy"])
def test_what_is_trusted_is_loaded(models: Path, name: str) -> None:
    """By the spec's word; a model without an example and with words is ready untried."""
    assert readiness(ModelServer(models / name, "Trusted").lifecycle).code == 200
    (models / "was-run").unlink(missing_ok=True)


def test_loaders_refuse_by_themselves(models: Path) -> None:
    """Whoever calls them: what was not trusted is not even opened."""
    with pytest.raises(ModelRefused, match="a pickle, and not trusted"):
        load_sklearn(read_model_file(models / "pickle"), Loading.SAFE)
    with pytest.raises(ModelRefused, match="not trusted"):
        load_code(read_model_file(models / "pyfunc"), Loading.SAFE)


def test_a_model_that_fails_on_its_first_request_never_becomes_ready(models: Path) -> None:
    """And the pod's status says why."""
    lifecycle = Lifecycle(beat_at=0.0)
    with pytest.raises(ModelRefused, match=r"failed on its own example.*rows are too many"):
        ModelServer(models / "broken", "Trusted", lifecycle=lifecycle)

    said = Termination.from_text((models / "broken-served" / "said").read_text())
    assert said is not None
    assert said.reason is Reason.LOAD_FAILED
    assert readiness(lifecycle).code == 503


def copy_of(model: Path, folder: Path, **changes: str) -> Path:
    """A model with some words of its description replaced."""
    shutil.copytree(model, folder)
    text = (model / "MLmodel").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "MLmodel").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "changes", "reason", "words"),
    [
        ("skops", {"model.skops": "gone.skops"}, Reason.LOAD_FAILED, "gone.skops, which is not"),
        ("skops", {"model.skops": "../x"}, Reason.LOAD_FAILED, "names a file outside"),
        ("skops", {"model.skops": "conda.yaml"}, Reason.LOAD_FAILED, "is no skops file"),
        ("skops", {"pickled_model": "other"}, Reason.LOAD_FAILED, "names no pickled_model"),
        ("skops", {'"type": "double"': '"kind": 3'}, Reason.LOAD_FAILED, "signature"),
        ("xgboost", {"XGBClassifier": "Dask"}, Reason.UNSUPPORTED_FLAVOR, "is a Dask: this runt"),
        ("booster", {"data: model.ubj": "data: conda.yaml"}, Reason.LOAD_FAILED, "can't be loaded"),
    ],
)
def test_a_broken_description_is_told(
    models: Path, tmp_path: Path, name: str, changes: dict[str, str], reason: Reason, words: str
) -> None:
    """Each with its reason and the name that helps."""
    folder = copy_of(models / name, tmp_path / "model", **changes)

    with pytest.raises(ModelRefused, match=words) as refused:
        load_model(folder, Loading.SAFE)

    assert refused.value.reason is reason


def test_a_package_that_the_image_lacks_is_named(models: Path, tmp_path: Path) -> None:
    """The image can be changed: the message says which field does it."""
    folder = copy_of(models / "pickle", tmp_path / "model", **{"model.pkl": "other.pkl"})
    # What a pickle of an estimator from an unknown package begins with.
    (folder / "other.pkl").write_bytes(b"cunheard_of.models\nModel\n.")

    with pytest.raises(
        ModelRefused, match=r"no package unheard_of.*spec\.serving\.image"
    ) as refused:
        load_model(folder, Loading.TRUSTED)

    assert refused.value.reason is Reason.REQUIREMENTS_MISMATCH


def test_every_part_of_a_model_keeps_to_one_thread(models: Path) -> None:
    """However deep it lies, and whatever the model was trained with."""
    predictor = load_sklearn(read_model_file(models / "forest"), Loading.SAFE)
    found = list(parts(predictor.original))

    assert {type(part).__name__ for part in found} >= {
        "VotingClassifier",
        "RandomForestClassifier",
        "DecisionTreeClassifier",
        "LogisticRegression",
    }
    assert {getattr(part, "n_jobs", 1) for part in found} == {None, 1}


def test_a_model_of_columns_asks_for_each_by_name(models: Path) -> None:
    """ONNX with several inputs of one column each: MLflow's flat columns have one dimension."""
    server = ModelServer(models / "onnx", before=None)
    assert server.post("/predict", {"features": [1, 2, 3]}).json()["prediction"] == {"y": 321.0}
    pair = ModelServer(models / "onnx-pair")
    body = {"features": {"a": [1], "b": [2]}}
    assert pair.post("/predict", body).json()["prediction"] == {"y": [[3.0]]}
    lacking = pair.post("/predict", {"rows": [{"a": [1], "b": [2]}, {"a": [1]}]})
    assert (lacking.status_code, lacking.json()["column"], lacking.json()["row"]) == (422, "b", 1)


def test_columns_reach_inputs_of_the_same_name(models: Path) -> None:
    """Several inputs of ONNX are fed a column each."""
    predictor = load_model(models / "onnx-columns", Loading.SAFE)

    answer = predictor.predict(predictor.schema.table([{"a": 1.0, "b": 2.0}]))

    assert answer == [{"y": 3.0}]


def test_probabilities_come_when_they_are_asked_for(models: Path) -> None:
    """By the body or by the query; a booster has none, and says so."""
    body = {"features": ROW, "probabilities": True}
    for name in ("skops", "xgboost", "lgbm"):
        server = ModelServer(models / name)
        told = server.post("/predict", body).json()["probabilities"]
        assert sum(told) == pytest.approx(1)
        short = server.post("/predict", {"features": ROW, "proba": True})
        asked = server.post("/predict?probabilities=true", {"features": ROW})
        assert told == short.json()["probabilities"] == asked.json()["probabilities"]
        several = server.post("/predict", {"rows": [ROW, ROW], "probabilities": True}).json()
        assert len(several["probabilities"]) == 2
    for name in ("booster", "lightgbm", "onnx"):
        server = ModelServer(models / name)
        assert server.post("/predict", body).json()["probabilities"] is None


def test_code_is_never_run_on_the_event_loop(models: Path) -> None:
    """It may wait for anything; libraries that answer at once stay on the loop."""
    threads: list[str] = []

    def watched(server: ModelServer) -> ModelServer:
        inference = server.inference
        predict = inference.model.predictor.predict

        class Watched:
            def predict(self, *asked: Any) -> object:
                threads.append(threading.current_thread().name)
                return predict(*asked)

            def probabilities(self, _table: Table) -> None:
                return None

        inference.model = replace(inference.model, predictor=Watched())
        inference.worker.expect(Cost(0.0, 0.0))
        return server

    rows = {"rows": [ROW]}
    assert watched(ModelServer(models / "pyfunc", "Trusted")).post("/predict", rows).is_success
    assert watched(ModelServer(models / "skops")).post("/predict", rows).is_success
    assert threads == ["predict", threading.main_thread().name]


def test_gaps_are_taken_only_where_the_model_takes_them(models: Path) -> None:
    """Found out at the start: the client is told, instead of the model failing."""
    gap = {"features": {**ROW, "b": None}}
    answer = ModelServer(models / "skops").post("/predict", gap)
    assert (answer.status_code, answer.json()["column"]) == (422, "b")
    assert "is missing its value" in answer.json()["detail"]
    assert ModelServer(models / "xgboost").post("/predict", gap).status_code == 200


def test_settings_name_the_folder_of_the_fetch_step(models: Path) -> None:
    """The server reads what the init container has left in the shared volume."""
    settings = settings_of(models / "skops")
    assert (Path(settings.model_dir) / "model" / "MLmodel").is_file()
