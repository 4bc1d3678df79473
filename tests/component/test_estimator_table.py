"""Every estimator of the table is served by its engine, and equal on rows that no proof saw.

The table is `support/estimators.py`, its data `support/estimator_rows.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import model_selection, tree
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model import Model
from leadsman_serving.plans.compile import Compiled
from leadsman_serving.plans.hints import hints_of
from leadsman_serving.plans.stored import FOLDER, load_plan
from support.compiled_plans import check, compiled, loaded, numbered
from support.estimator_rows import DATA, SEEN, TWO, Data
from support.estimators import CASES, COMPOSED, ENGINES, LIBRARY, ORIGINAL
from support.repository import ROOT

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the pods: threads of numbers would only wait for each other."""
    with threadpool_limits(1):
        yield


def fitted(name: str) -> tuple[Any, Data]:
    """An estimator of the table, and what it was fitted with."""
    case = CASES[name]
    data = DATA[case.data]
    return clone(case.estimator).fit(data.seen, data.known, **data.more), data


def compiled_with(
    data: Data, estimator: Any, folder: Path, function: str = "predict"
) -> tuple[Model, Compiled]:
    """An estimator that takes rows of doubles, compiled."""
    schema, example = numbered(data.seen.shape[1]), data.seen[:5].tolist()
    return compiled(estimator, schema, example, folder, function)


def test_no_estimator_is_forgotten() -> None:
    """A new release of a library may bring some."""
    assert set(ENGINES) == set(LIBRARY)


def test_the_readme_names_the_engine_of_each() -> None:
    """Users choose estimators by it."""
    text = (ROOT / "serving-runtime/README.md").read_text()
    told = {
        name: engine
        for engine, names in re.findall(r"^\| (\w+) \| ([\w, ]+) \|$", text, re.MULTILINE)
        if engine in ENGINES.values()
        for name in names.split(", ")
    }

    assert told == ENGINES


@pytest.mark.parametrize("name", CASES)
def test_each_estimator_is_served_by_its_engine(name: str, tmp_path: Path) -> None:
    """By the fastest that is equal; where none is, by the original, and a sentence says why."""
    estimator, data = fitted(name)
    model, done = compiled_with(data, estimator, tmp_path)

    engine = done.plan.backend if done.plan else ORIGINAL

    assert engine == CASES[name].engine, done.refused
    if engine == ORIGINAL:
        assert done.refused
    else:
        check(loaded(done, tmp_path), model, data.fresh.tolist(), engine)


WITH_SHARES = [
    name
    for name, case in CASES.items()
    if case.engine == COMPOSED and hasattr(case.estimator, "predict_proba")
]


@pytest.mark.parametrize("name", WITH_SHARES)
def test_probabilities_of_several_models_are_served(name: str, tmp_path: Path) -> None:
    """Where MLflow was told to serve `predict_proba`."""
    estimator, data = fitted(name)
    model, done = compiled_with(data, estimator, tmp_path, "predict_proba")

    check(loaded(done, tmp_path), model, data.fresh.tolist(), COMPOSED)


def swap_weights(_settings: dict[str, Any], arrays: dict[str, Any]) -> None:
    """The voters have each other's weights."""
    arrays["weights"] = arrays["weights"][::-1]


def swap_classes(settings: dict[str, Any], _arrays: dict[str, Any]) -> None:
    """The first class and the last have each other's names."""
    settings["classes"] = settings["classes"][::-1]


FAULTS: Mapping[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "weights": swap_weights, "classes": swap_classes,
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_comparison_catches_a_wrong_plan(fault: str, tmp_path: Path) -> None:
    """A vote with one thing changed is not what the table's comparison takes for equal."""
    estimator, data = fitted("VotingClassifier soft")
    model, done = compiled_with(data, estimator, tmp_path)
    assert done.plan is not None
    settings, place = json.loads(json.dumps(done.plan.settings)), tmp_path / FOLDER
    check(load_plan(place, COMPOSED, settings), model, data.fresh.tolist(), COMPOSED)
    with np.load(place / "composed.npz") as stored:
        arrays = dict(stored)
    FAULTS[fault](settings, arrays)
    np.savez(place / "composed.npz", allow_pickle=False, **arrays)

    with pytest.raises(AssertionError):
        check(load_plan(place, COMPOSED, settings), model, data.fresh.tolist(), COMPOSED)


def test_the_comparison_finds_a_plan_that_is_a_little_off(tmp_path: Path) -> None:
    """One weight in a thousand is enough, whatever the proof has said."""
    estimator, data = fitted("Ridge")
    model, done = compiled_with(data, estimator, tmp_path)
    plan = loaded(done, tmp_path)
    estimator.coef_ = estimator.coef_ * 1.001

    with pytest.raises(AssertionError):
        check(plan, model, data.fresh.tolist(), "numpy")


def test_the_proof_of_a_search_looks_where_its_model_splits() -> None:
    """Rows beside splits are what tells a wrong tree: a search around it must not hide them."""
    search = model_selection.GridSearchCV(
        tree.DecisionTreeClassifier(random_state=0), {"max_depth": [3]}, cv=3
    ).fit(SEEN, TWO)
    schema, example = numbered(SEEN.shape[1]), SEEN[:5].tolist()

    around = hints_of(Estimator(search), schema, example)
    inside = hints_of(Estimator(search.best_estimator_), schema, example)

    assert around.splits == inside.splits
    assert around.splits
