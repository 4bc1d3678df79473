"""Plans: equal to the originals, refused when they are not, and served without their libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import msgspec
import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import (
    ensemble,
    linear_model,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris

from leadsman_serving.columns import Column
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model import Model
from leadsman_serving.plans.compile import Compiled, compile_model
from leadsman_serving.plans.linear import LinearPlan
from leadsman_serving.plans.proof import Different, prove
from leadsman_serving.plans.stored import FOLDER, PlanFile, load_plan, read_plan, write_plan
from leadsman_serving.schema import Schema
from leadsman_serving.table import Table
from support.serving_process import ServingProcess

pytestmark = pytest.mark.filterwarnings("ignore")

IRIS, KINDS = load_iris(return_X_y=True)
TWO_KINDS = (KINDS > 0).astype(int)
WORDS = np.array(["setosa", "versicolor", "virginica"])[KINDS]
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
DIGEST = "sha256:d"


def model_of(estimator: Any, rows: Any, function: str = "predict", **schema: Any) -> Model:
    """An estimator as its flavor would have loaded it, with rows of doubles."""
    columns = tuple(Column(f"x{place}", "double") for place in range(rows.shape[1]))
    made = Schema(columns, **{"allows_missing": False, **schema})
    example = tuple(rows[:5].tolist())
    return Model(Estimator(estimator, function), made, "sklearn", None, example)


def compiled(model: Model, folder: Path) -> Compiled:
    """Compile, and say why when nothing came of it."""
    return compile_model(model, DIGEST, folder)


def plan_in(folder: Path, plan: PlanFile) -> Any:
    """The plan as the server loads it."""
    return load_plan(folder / FOLDER, plan.backend, plan.settings)


def scaled(model: Any) -> Any:
    """A pipeline with a scaler."""
    return pipeline.make_pipeline(preprocessing.StandardScaler(), model)


CASES: Mapping[str, tuple[Any, Any, Any, str]] = {
    "logistic": (scaled(linear_model.LogisticRegression()), IRIS, TWO_KINDS, "numpy"),
    "logistic of words": (linear_model.LogisticRegression(), IRIS, WORDS, "numpy"),
    "linear": (linear_model.LinearRegression(), DIABETES, PROGRESS, "numpy"),
    "ridge of two": (linear_model.Ridge(), DIABETES, np.c_[PROGRESS, -PROGRESS], "numpy"),
    "support vectors": (scaled(svm.LinearSVC()), IRIS, WORDS, "numpy"),
    "other scalers": (
        pipeline.make_pipeline(
            preprocessing.RobustScaler(), preprocessing.MinMaxScaler(),
            preprocessing.MaxAbsScaler(), linear_model.Lasso(),
        ),
        DIABETES, PROGRESS, "numpy",
    ),
    "forest": (ensemble.RandomForestClassifier(40, random_state=0), IRIS, WORDS, "trees"),
    "even votes": (ensemble.RandomForestClassifier(10, random_state=1), IRIS, TWO_KINDS, "trees"),
    "forest of numbers": (
        ensemble.RandomForestRegressor(20, random_state=0), DIABETES, PROGRESS, "trees",
    ),
    "forest of two": (
        ensemble.ExtraTreesRegressor(9), DIABETES, np.c_[PROGRESS, -PROGRESS], "trees",
    ),
    "tree": (tree.DecisionTreeClassifier(), IRIS, KINDS, "trees"),
    "stump": (tree.DecisionTreeRegressor(max_depth=1), DIABETES, PROGRESS, "trees"),
    "histograms": (scaled(ensemble.HistGradientBoostingClassifier()), IRIS, KINDS, "trees"),
    "histograms of two": (ensemble.HistGradientBoostingClassifier(), IRIS, TWO_KINDS, "trees"),
    "histograms of counts": (
        ensemble.HistGradientBoostingRegressor(loss="poisson"), DIABETES, PROGRESS, "trees",
    ),
    "gradients": (ensemble.GradientBoostingClassifier(), IRIS, WORDS, "trees"),
    "gradients of numbers": (ensemble.GradientBoostingRegressor(), DIABETES, PROGRESS, "trees"),
    "network": (
        scaled(neural_network.MLPClassifier((8,), random_state=0)), IRIS, KINDS, "numpy",
    ),
    "lightgbm": (lightgbm.LGBMClassifier(verbose=-1), IRIS, TWO_KINDS, "lightgbm"),
    "lightgbm of words": (lightgbm.LGBMClassifier(verbose=-1), IRIS, WORDS, "lightgbm"),
    "lightgbm of numbers": (lightgbm.LGBMRegressor(verbose=-1), DIABETES, PROGRESS, "lightgbm"),
    "xgboost": (xgboost.XGBClassifier(n_estimators=30), IRIS, TWO_KINDS, "trees"),
    "xgboost of three": (xgboost.XGBClassifier(n_estimators=10), IRIS, KINDS, "trees"),
    "xgboost of numbers": (xgboost.XGBRegressor(n_estimators=30), DIABETES, PROGRESS, "trees"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_plan_answers_as_the_original(name: str, tmp_path: Path) -> None:
    """The fastest engine that is meant for the model is proven, and loads from its files."""
    estimator, rows, known, backend = CASES[name]
    model = model_of(estimator.fit(rows, known), rows)

    done = compiled(model, tmp_path)

    assert done.plan is not None, done.refused
    assert done.plan.backend == backend, done.refused
    assert done.plan.rows > 500
    assert read_plan(tmp_path / FOLDER, DIGEST) == done.plan
    plan, table = plan_in(tmp_path, done.plan), Table(matrix=rows, names=model.schema.names)
    ours, theirs = np.asarray(plan.predict(table)), np.asarray(model.predictor.predict(table))
    if theirs.dtype.kind == "f":
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    else:
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def forest_plan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A forest and its plan."""
    folder = tmp_path_factory.mktemp("forest")
    estimator = ensemble.RandomForestClassifier(25, random_state=3).fit(IRIS, WORDS)
    done = compiled(model_of(estimator, IRIS), folder)
    assert done.plan is not None
    return estimator, plan_in(folder, done.plan)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(row=st.lists(st.floats(-20, 20), min_size=4, max_size=4))
def test_forests_are_equal_to_the_last_bit(forest_plan: tuple[Any, Any], row: list[float]) -> None:
    """For whatever row: the votes are added up in doubles and in the original's order."""
    estimator, plan = forest_plan
    table = Table(matrix=np.array([row]))

    assert plan.predict(table).tolist() == estimator.predict([row]).tolist()
    assert plan.probabilities(table).tolist() == estimator.predict_proba([row]).tolist()


def test_missing_numbers_go_where_the_original_sends_them(tmp_path: Path) -> None:
    """Where the original takes them."""
    holes = DIABETES.copy()
    holes[::3, 2] = np.nan
    estimator = ensemble.HistGradientBoostingRegressor().fit(holes, PROGRESS)

    done = compiled(model_of(estimator, holes, allows_missing=True), tmp_path)

    assert done.plan is not None, done.refused
    plan = plan_in(tmp_path, done.plan)
    table = Table(matrix=holes)
    np.testing.assert_array_equal(plan.predict(table), estimator.predict(holes))


@pytest.mark.parametrize(
    ("last", "backend"),
    [
        (linear_model.LogisticRegression(), "numpy"), (linear_model.Ridge(), "numpy"),
        (ensemble.RandomForestClassifier(20), "trees"),
        (ensemble.HistGradientBoostingClassifier(max_iter=5), "trees"),
    ],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)  # fmt: skip
def test_columns_of_words_have_plans(last: Any, backend: str, tmp_path: Path) -> None:
    """Categories and numbers, each as they are, unknown words included."""
    frame = pd.DataFrame({"size": IRIS[:, 0], "kind": WORDS, "width": IRIS[:, 1]})
    words = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [("words", words, ["kind"]), ("numbers", preprocessing.StandardScaler(), ["size", "width"])]
    )
    estimator = pipeline.make_pipeline(columns, last)
    estimator.fit(frame, TWO_KINDS)
    schema = Schema(
        (Column("size", "double"), Column("kind", "string"), Column("width", "double")),
        allows_missing=False,
    )
    example = tuple(frame.head(5).to_numpy().tolist())
    model = Model(Estimator(estimator), schema, "sklearn", None, example)

    done = compiled(model, tmp_path)

    assert done.plan is not None, done.refused
    assert done.plan.backend == backend
    table = schema.table([[5.0, "setosa", 3.0], [6.0, "unheard of", 2.0]])
    ours, theirs = plan_in(tmp_path, done.plan).predict(table), model.predictor.predict(table)
    np.testing.assert_allclose(ours, np.asarray(theirs, np.float64), rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": 1.001}, "off, more than is allowed"),
        ({"bias": 5.0}, "row|off"),
        ({"step_1": 0.5}, "row|off"),
    ],
)
def test_a_wrong_plan_is_caught(change: dict[str, float], words: str, tmp_path: Path) -> None:
    """A number that is a little off anywhere, and the proof refuses."""
    estimator = scaled(linear_model.LogisticRegression()).fit(IRIS, TWO_KINDS)
    model = model_of(estimator, IRIS)
    done = compiled(model, tmp_path)
    assert done.plan is not None
    with np.load(tmp_path / FOLDER / "arrays.npz") as arrays:
        wrong = {name: array * change.get(name, 1.0) for name, array in arrays.items()}
    if "bias" in change:
        wrong["bias"] = wrong["bias"] + change["bias"]
    table = Table(matrix=IRIS)

    with pytest.raises(Different, match=words):
        prove(LinearPlan(wrong, done.plan.settings), model.predictor, [table])


class Singular(linear_model.LogisticRegression):  # type: ignore[misc] # of a library without types
    """A class of the user's own: what it does is not known."""


def test_what_is_not_known_is_served_by_the_original(tmp_path: Path) -> None:
    """With a sentence that says why."""
    done = compiled(model_of(Singular().fit(IRIS, KINDS), IRIS), tmp_path)

    assert done.plan is None
    assert done.refused == ("no plan is built for Singular",)
    assert not (tmp_path / FOLDER).exists()


def test_an_equal_plan_that_is_no_quicker_is_not_used(tmp_path: Path) -> None:
    """Neighbours are looked for quicker by the library itself."""
    rows = np.random.default_rng(0).normal(size=(4000, 4))
    estimator = neighbors.KNeighborsClassifier().fit(rows, rows[:, 0] > 0)

    done = compiled(model_of(estimator, rows), tmp_path)

    assert done.plan is None
    assert "onnx: " in done.refused[-1]


def test_a_plan_of_another_model_or_library_is_not_used(tmp_path: Path) -> None:
    """It would have to be proven anew."""
    estimator = linear_model.LogisticRegression().fit(IRIS, KINDS)
    done = compiled(model_of(estimator, IRIS), tmp_path)
    assert done.plan is not None

    assert read_plan(tmp_path / FOLDER, "sha256:other") is None
    write_plan(tmp_path / FOLDER, replace_library(done.plan))
    assert read_plan(tmp_path / FOLDER, DIGEST) is None


def replace_library(plan: PlanFile) -> PlanFile:
    """The plan as another version of its library would have left it."""
    return msgspec.structs.replace(plan, library="numpy 0.1")


@pytest.mark.parametrize("name", ["skops", "lgbm", "xgboost"])
def test_the_server_starts_from_the_plan(models: Path, tmp_path: Path, name: str) -> None:
    """Compiled by the program, served by the program; `/predict` answers as before."""
    shutil.copytree(models / name, tmp_path / "model")
    variables = {"LEADSMAN_MODEL_DIR": str(tmp_path)}
    body = '{"features": {"a": 0.5, "b": 1.0, "c": -1.0}}'
    with ServingProcess(**variables) as process:
        wanted = process.post("/predict", body, **{"content-type": "application/json"}).body

    subprocess.run(
        [sys.executable, "-m", "leadsman_serving", "compile"],
        env={**_environment(), **variables}, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    with ServingProcess(**variables) as process:
        given = process.post("/predict", body, **{"content-type": "application/json"}).body
        told = next(entry for entry in process.log if entry["message"] == "Loaded.")

    assert given == wanted
    assert told["backend"] == {"skops": "numpy", "lgbm": "lightgbm", "xgboost": "trees"}[name]


def test_a_plan_needs_none_of_the_originals_libraries(models: Path, tmp_path: Path) -> None:
    """That is what makes the start quick."""
    shutil.copytree(models / "skops", tmp_path / "model")
    variables = {**_environment(), "LEADSMAN_MODEL_DIR": str(tmp_path)}
    program = (
        "import sys; from prometheus_client import CollectorRegistry;"
        "from leadsman_serving.settings import Settings; import os;"
        "from leadsman_serving.start import begin;"
        "from leadsman_serving.telemetry import RequestMetrics;"
        "from leadsman_serving.endpoints.usual import singles_of;"
        "made = begin(Settings.from_environment(os.environ), RequestMetrics(CollectorRegistry()));"
        "assert made.model.backend == 'numpy' and singles_of(made);"
        "print(sorted({'sklearn', 'skops', 'pandas', 'mlflow', 'scipy'} & set(sys.modules)))"
    )
    for command in (["-m", "leadsman_serving", "compile"], ["-c", program]):
        done = subprocess.run(
            [sys.executable, *command],
            env=variables, check=True, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    assert done.stdout.strip() == "[]"


def _environment() -> dict[str, str]:
    return dict(os.environ)


def test_a_pipeline_serves_probabilities_where_mlflow_was_told_so(tmp_path: Path) -> None:
    """The served method is part of what is proven."""
    estimator = scaled(ensemble.RandomForestClassifier(10)).fit(IRIS, KINDS)
    model = model_of(estimator, IRIS, "predict_proba")

    done = compiled(model, tmp_path)

    assert done.plan is not None, done.refused
    table = Table(matrix=IRIS)
    ours = plan_in(tmp_path, done.plan).predict(table)
    np.testing.assert_array_equal(ours, estimator.predict_proba(IRIS))
    assert replace(model, plan=done.plan).backend == "trees"
