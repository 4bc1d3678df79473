"""Every estimator of the table is served by its engine and answers as it does itself.

The rows it is asked for are not those of the proof. The table is `support/estimators.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import model_selection, tree
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from leadsman_serving.columns import Column
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model import Model
from leadsman_serving.plans.compile import Compiled, compile_model
from leadsman_serving.plans.hints import hints_of
from leadsman_serving.plans.stored import FOLDER, load_plan
from leadsman_serving.schema import Schema
from leadsman_serving.warm_up import takes_missing
from support.estimators import CLASSIFIERS, REGRESSORS, TARGETS, TWO_CLASSES

pytestmark = pytest.mark.filterwarnings("ignore")

SCALES = np.array([1.0, 10.0, 1e-4, 1e3, 0.0])
"""Of the columns: usual ones, a small one, a large one, one that is always the same."""
SHIFTS = np.array([0.0, 5.0, 0.0, 1e3, 3.0])
SCHEMA = Schema(tuple(Column(f"x{place}", "double") for place in range(len(SCALES))))
SAME_ENGINE = {"lightgbm", "xgboost"}


def rows_of(count: int, seed: int) -> Any:
    """Rows of numbers of different sizes."""
    return np.random.default_rng(seed).normal(size=(count, len(SCALES))) * SCALES + SHIFTS


SEEN, FRESH = rows_of(150, 0), rows_of(60, 1)
SCORE = SEEN[:, 0] + SEEN[:, 1] / 10
KINDS = np.array(["low", "middle", "high"])[np.digitize(SCORE, [0.2, 1.0])]
TWO = (np.median(SCORE) < SCORE).astype(int)
AMOUNT = np.abs(SEEN[:, 0]) + np.abs(SEEN[:, 1]) + 0.1


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the pods: threads of numbers would only wait for each other."""
    with threadpool_limits(1):
        yield


def compiled(estimator: Any, folder: Path, function: str = "predict") -> tuple[Model, Compiled]:
    """A fitted estimator as the fetch step compiles it."""
    example = tuple(SEEN[:5].tolist())
    model = Model(Estimator(estimator, function), SCHEMA, "sklearn", None, example)
    model = replace(model, schema=replace(SCHEMA, allows_missing=takes_missing(model)))
    return model, compile_model(model, "d", folder)


def check(estimator: Any, engine: str, folder: Path, function: str = "predict") -> None:
    """The engine is the one of the table, and equal on fresh rows: together and alone."""
    model, done = compiled(estimator, folder, function)
    assert done.plan is not None, done.refused
    assert done.plan.backend == engine, done.refused
    plan: Any = load_plan(folder / FOLDER, engine, json.loads(json.dumps(done.plan.settings)))
    table = model.schema.table(FRESH.tolist())
    equal(plan.predict(table), model.predictor.predict(table), engine)
    alone = [plan.row(row) for row in FRESH.tolist()]
    equal(alone, model.predictor.predict(table), engine)
    shares = model.predictor.probabilities(table)
    if shares is not None:
        equal(plan.probabilities(table), shares, engine)


def equal(given: object, wanted: object, engine: str) -> None:
    """Labels the same; numbers to the last bit of the same engine, else nearly so."""
    ours, theirs = np.asarray(given), np.asarray(wanted)
    assert ours.shape == theirs.shape
    if theirs.dtype.kind != "f" or engine in SAME_ENGINE:
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_of_three_is_served_as_it_is(name: str, tmp_path: Path) -> None:
    """Classes with names, their probabilities where there are some."""
    estimator, engine = CLASSIFIERS[name]

    check(clone(estimator).fit(SEEN, KINDS), engine, tmp_path)


OF_TWO: dict[str, tuple[Any, str]] = {**CLASSIFIERS, **TWO_CLASSES}


@pytest.mark.parametrize("name", OF_TWO)
def test_a_classifier_of_two_is_served_as_it_is(name: str, tmp_path: Path) -> None:
    """Two classes that are numbers: most models take a way of their own for them."""
    estimator, engine = OF_TWO[name]
    if "num_class" in estimator.get_params():
        estimator = clone(estimator).set_params(objective="binary", num_class=1)

    check(clone(estimator).fit(SEEN, TWO), engine, tmp_path)


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_is_served_as_it_is(name: str, tmp_path: Path) -> None:
    """One number a row, with every objective and link."""
    estimator, engine = REGRESSORS[name]

    check(clone(estimator).fit(SEEN, AMOUNT), engine, tmp_path)


@pytest.mark.parametrize("name", TARGETS)
def test_several_targets_are_served_as_they_are(name: str, tmp_path: Path) -> None:
    """A number for each target."""
    estimator, engine = TARGETS[name]

    check(clone(estimator).fit(SEEN, np.column_stack([AMOUNT, SCORE])), engine, tmp_path)


WITH_SHARES = [
    name
    for name, (_, engine) in CLASSIFIERS.items()
    if engine == "composed" and name not in ("OneVsOneClassifier", "VotingClassifier hard")
]


@pytest.mark.parametrize("name", WITH_SHARES)
def test_probabilities_of_several_models_are_served(name: str, tmp_path: Path) -> None:
    """Where MLflow was told to serve `predict_proba`."""
    check(clone(CLASSIFIERS[name][0]).fit(SEEN, KINDS), "composed", tmp_path, "predict_proba")


def swap_weights(_settings: dict[str, Any], arrays: dict[str, Any]) -> None:
    """The voters have each other's weights."""
    arrays["weights"] = arrays["weights"][::-1]


def swap_classes(settings: dict[str, Any], _arrays: dict[str, Any]) -> None:
    """The first class and the last have each other's names."""
    settings["classes"] = settings["classes"][::-1]


def repeat_part(settings: dict[str, Any], _arrays: dict[str, Any]) -> None:
    """Both parts are the first."""
    settings["parts"] = [settings["parts"][0]] * 2


FAULTS: Mapping[str, Any] = {
    "weights": swap_weights, "classes": swap_classes, "part": repeat_part,
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_comparison_catches_a_wrong_plan(fault: str, tmp_path: Path) -> None:
    """A vote with one thing changed is not what the table's comparison takes for equal."""
    estimator, engine = CLASSIFIERS["VotingClassifier"]
    model, done = compiled(clone(estimator).fit(SEEN, KINDS), tmp_path)
    assert done.plan is not None
    settings, place = json.loads(json.dumps(done.plan.settings)), tmp_path / FOLDER
    table = model.schema.table(FRESH.tolist())
    wanted = model.predictor.predict(table), model.predictor.probabilities(table)
    with np.load(place / "composed.npz") as stored:
        arrays = dict(stored)
    FAULTS[fault](settings, arrays)
    np.savez(place / "composed.npz", allow_pickle=False, **arrays)
    if fault == "part":
        for file in (place / "0").iterdir():
            (place / "1" / file.name).write_bytes(file.read_bytes())
    plan: Any = load_plan(place, engine, settings)

    with pytest.raises(AssertionError):
        equal_both((plan.predict(table), plan.probabilities(table)), wanted, engine)


def equal_both(given: Sequence[object], wanted: Sequence[object], engine: str) -> None:
    """The labels and the shares."""
    for ours, theirs in zip(given, wanted, strict=True):
        equal(ours, theirs, engine)


def test_the_proof_of_a_search_looks_where_its_model_splits() -> None:
    """Rows beside splits are what tells a wrong tree: a search around it must not hide them."""
    search = model_selection.GridSearchCV(
        tree.DecisionTreeClassifier(random_state=0), {"max_depth": [3]}, cv=3
    ).fit(SEEN, TWO)
    example = tuple(SEEN[:5].tolist())

    around = hints_of(Estimator(search), SCHEMA, example)
    inside = hints_of(Estimator(search.best_estimator_), SCHEMA, example)

    assert around.splits == inside.splits
    assert around.splits
