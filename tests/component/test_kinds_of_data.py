"""Plans over every kind of data: gaps, singles, whole numbers, truth values, huge and tiny ones.

Whatever engine serves answers as the original does, and refuses what the original refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn import ensemble, impute, linear_model, naive_bayes, neural_network, preprocessing, tree
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from leadsman_serving.errors import BadRequest
from leadsman_serving.plans.compile import Compiled
from support.compiled_plans import check, compiled, equal, loaded, numbered
from support.estimator_rows import AMOUNT, COUNTS, FRESH, FRESH_COUNTS, LEVEL, SEEN
from support.estimators import CASES

pytestmark = pytest.mark.filterwarnings("ignore")

FEW: Mapping[str, Any] = {"n_estimators": 5, "random_state": 0, "n_jobs": 1}
LOGISTIC = linear_model.LogisticRegression()


def holed(rows: Any) -> Any:
    """A tenth of the values is missing."""
    return np.where(np.random.default_rng(7).random(rows.shape) < 0.1, np.nan, rows)


FILLED = (impute.SimpleImputer(), preprocessing.StandardScaler())
WITH_GAPS: Mapping[str, tuple[Any, str]] = {
    "a tree": (tree.DecisionTreeClassifier(max_depth=4, random_state=0), "trees"),
    "a forest": (ensemble.RandomForestClassifier(**FEW), "trees"),
    "extra trees": (ensemble.ExtraTreesClassifier(**FEW), "trees"),
    "histograms": (ensemble.HistGradientBoostingClassifier(max_iter=5), "trees"),
    "a bag of trees": (ensemble.BaggingClassifier(**FEW), "composed"),
    "lightgbm": (lightgbm.LGBMClassifier(**FEW, verbose=-1), "lightgbm"),
    "xgboost": (xgboost.XGBClassifier(**FEW), "trees"),
    "filled by the mean": (make_pipeline(*FILLED, LOGISTIC), "numpy"),
    "filled, and told": (
        make_pipeline(impute.SimpleImputer(strategy="median", add_indicator=True), LOGISTIC),
        "numpy",
    ),
    "filled for a network": (
        make_pipeline(*FILLED, neural_network.MLPClassifier((4,), max_iter=20, random_state=0)),
        "numpy",
    ),
    "filled for a vote": (
        make_pipeline(
            *FILLED,
            ensemble.VotingClassifier(
                [("a", LOGISTIC), ("b", tree.DecisionTreeClassifier(max_depth=3))], voting="soft"
            ),
        ),
        "composed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WITH_GAPS)
def test_gaps_are_what_the_original_takes_them_for(name: str, tmp_path: Path) -> None:
    """Trees send them to a side of their own, pipelines fill them in."""
    estimator, engine = WITH_GAPS[name]
    seen, fresh = holed(SEEN), holed(FRESH)
    model, done = compiled(
        clone(estimator).fit(seen, LEVEL), numbered(5), SEEN[:5].tolist(), tmp_path
    )

    assert model.schema.allows_missing
    assert engine_of(done) == engine, done.refused
    check(loaded(done, tmp_path), model, fresh.tolist(), engine)


def engine_of(done: Compiled) -> str:
    """The engine that serves."""
    return done.plan.backend if done.plan else "original"


KINDS = ("float", "long", "integer", "boolean")
TAKEN: Mapping[str, tuple[Any, Mapping[str, str]]] = {
    # Singles stay singles there, where the plan has doubles: another engine is close enough.
    "a line": (LOGISTIC, dict(zip(KINDS, ("onnx", "numpy", "numpy", "numpy"), strict=True))),
    "a scaled line": (
        make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
        dict(zip(KINDS, ("onnx", "numpy", "numpy", "numpy"), strict=True)),
    ),
    "a forest": (ensemble.RandomForestClassifier(**FEW), dict.fromkeys(KINDS, "trees")),
    "histograms": (
        ensemble.HistGradientBoostingClassifier(max_iter=5), dict.fromkeys(KINDS, "trees"),
    ),
    "lightgbm": (
        lightgbm.LGBMClassifier(**FEW, verbose=-1), dict.fromkeys(KINDS, "lightgbm"),
    ),
    "xgboost": (xgboost.XGBClassifier(**FEW), dict.fromkeys(KINDS, "trees")),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TAKEN)
def test_columns_of_other_types_are_served(name: str, kind: str, tmp_path: Path) -> None:
    """As the signature has them: the original is fitted with and asked for the very same."""
    estimator, engines = TAKEN[name]
    dtype = {"float": np.float32, "long": np.int64, "integer": np.int32, "boolean": np.bool_}[kind]
    seen, fresh = (
        (rows > 1 if kind == "boolean" else rows / 8 if kind == "float" else rows).astype(dtype)
        for rows in (COUNTS, FRESH_COUNTS)
    )
    fitted = clone(estimator).fit(seen, (COUNTS.sum(axis=1) % 3).astype(int))
    model, done = compiled(fitted, numbered(5, kind), seen[:5].tolist(), tmp_path)

    assert engine_of(done) == engines[kind], done.refused
    check(loaded(done, tmp_path), model, fresh.tolist(), engines[kind])


EXTREMES = (
    1e300, -1e300, 1e154, 3.5e38, -3.5e38, 3.4028235677973366e38, 3.4028235677973362e38, 1e12,
    2.0**53 + 2, 2.0**24 + 1, 1e-300, 5e-324, -5e-324, -0.0,
)  # fmt: skip
"""Beyond singles, at the edge of them, beyond exact whole numbers, the smallest of all."""
ASKED = (
    "LogisticRegression", "Ridge", "PoissonRegressor", "GaussianNB", "MLPClassifier",
    "RandomForestClassifier", "RandomForestRegressor", "GradientBoostingRegressor",
    "HistGradientBoostingClassifier", "XGBRegressor", "XGBClassifier", "LGBMClassifier",
    "Regressor reg:squaredlogerror", "VotingClassifier soft", "StackingRegressor",
    "AdaBoostRegressor",
)  # fmt: skip


def answer(ask: Any, *arguments: Any) -> Any:
    """What comes of it; None where it is refused."""
    try:
        return np.asarray(ask(*arguments))
    except ValueError:
        return None


@pytest.mark.parametrize("name", ASKED)
def test_extreme_numbers_are_answered_or_refused_as_the_original_does(
    name: str, tmp_path: Path
) -> None:
    """Trees of scikit-learn refuse what is too large for singles; their plans do as well."""
    case = CASES[name]
    known = {"three": LEVEL, "three numbered": LEVEL, "amount": AMOUNT}[case.data]
    fitted = clone(case.estimator).fit(SEEN, known)
    model, done = compiled(fitted, numbered(5), SEEN[:5].tolist(), tmp_path)
    plan = loaded(done, tmp_path)
    for place in range(5):
        for value in EXTREMES:
            row = SEEN[7].tolist()
            row[place] = value
            table = model.schema.table([row])
            wanted = answer(model.predictor.predict, table)
            for given in (answer(plan.predict, table), answer(lambda one: [plan.row(one)], row)):
                assert (given is None) is (wanted is None), (place, value)
                if wanted is not None:
                    equal(given, wanted, case.engine)


LASTS: Mapping[str, Any] = {
    "a line": LOGISTIC,
    "naive Bayes": naive_bayes.GaussianNB(),
    "a forest": ensemble.RandomForestClassifier(**FEW),
    "lightgbm": lightgbm.LGBMClassifier(**FEW, verbose=-1),
    "xgboost": xgboost.XGBClassifier(**FEW),
    "histograms": ensemble.HistGradientBoostingClassifier(max_iter=5),
}


@pytest.mark.parametrize("name", LASTS)
def test_what_becomes_infinite_or_no_number_on_the_way_is_as_in_the_original(
    name: str, tmp_path: Path
) -> None:
    """A logarithm of zero or less, before models that refuse its result and such that take it."""
    pipe = make_pipeline(preprocessing.FunctionTransformer(np.log), clone(LASTS[name]))
    rows = COUNTS + 1.0
    model, done = compiled(pipe.fit(rows, LEVEL), numbered(5), rows[:5].tolist(), tmp_path)
    plan = loaded(done, tmp_path)
    check(plan, model, (FRESH_COUNTS + 1.0).tolist(), engine_of(done))
    for value in (0.0, -1.0):
        row = [1.0, 2.0, value, 1.0, 4.0]
        table = model.schema.table([row])
        wanted = answer(model.predictor.predict, table)
        for given in (answer(plan.predict, table), answer(lambda one: [plan.row(one)], row)):
            assert (given is None) is (wanted is None), value
            if wanted is not None:
                equal(given, wanted, engine_of(done))


@pytest.mark.parametrize("kind", ["double", "float"])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_nothing_infinite_reaches_a_model(kind: str, value: float) -> None:
    """The server says which column it is, before any engine is asked."""
    with pytest.raises(BadRequest, match="'x1'"):
        numbered(3, kind).table([[0.0, value, 0.0]])


def test_an_integer_beyond_its_type_is_refused() -> None:
    """It would become another number."""
    with pytest.raises(BadRequest, match="'x0'"):
        numbered(1, "integer").table([[2**31]])
