"""Plans of pipelines in two stages: what training makes, encoders of all kinds, gaps in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn import decomposition, ensemble, feature_selection, impute, linear_model, preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, make_pipeline

from leadsman_api.v1alpha1.trainer import Algorithm
from leadsman_serving.columns import Column
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model import Model
from leadsman_serving.plans.compile import compile_model
from leadsman_serving.plans.stored import FOLDER, load_plan
from leadsman_serving.schema import Schema
from leadsman_serving.table import Table
from leadsman_training.estimators import build

pytestmark = pytest.mark.filterwarnings("ignore")

KINDS = {
    "age": "double", "visits": "long", "city": "string", "income": "double", "vip": "boolean",
    "plan": "string",
}  # fmt: skip
NUMBERS, WORDS = ["age", "visits", "income"], ["city", "plan"]
SCHEMA = Schema(tuple(Column(name, kind) for name, kind in KINDS.items()))


def customers(count: int, seed: int) -> pd.DataFrame:
    """Numbers with gaps, words that are rare, and words that are missing."""
    chance = np.random.default_rng(seed)
    rare = [0.5, 0.3, 0.19, 0.005, 0.005]
    income = chance.lognormal(3, 1, count)
    return pd.DataFrame(
        {
            "age": chance.normal(40, 10, count),
            "visits": chance.integers(0, 9, count),
            "city": chance.choice(["Ulm", "Rom", "Oslo", "Bari", "Nice"], count, p=rare),
            "income": np.where(chance.random(count) < 0.1, np.nan, income),
            "vip": chance.random(count) < 0.3,
            "plan": chance.choice(np.array(["small", "large", None]), count),
        }
    )


SEEN, FRESH = customers(400, 0), customers(120, 1)
SCORE = SEEN.age / 10 + (SEEN.city == "Ulm") * 2 + SEEN.visits
CHURNS = (SCORE.median() < SCORE).astype(int)
LEVELS = pd.cut(SCORE, 3, labels=False).map({0: "low", 1: "middle", 2: "high"}).astype(object)


def rows_of(frame: pd.DataFrame) -> list[list[Any]]:
    """Rows as JSON has them."""
    return [
        [None if value is None or value != value else value for value in row]  # noqa: PLR0124 - NaN
        for row in frame.astype(object).to_numpy().tolist()
    ]


def served(model: Any, folder: Path, function: str = "predict") -> tuple[Model, Any, str]:
    """The model, its plan as the server loads it, and the plan's engine."""
    original = Model(
        Estimator(model, function), SCHEMA, "sklearn", None, tuple(rows_of(SEEN.head(5)))
    )
    done = compile_model(original, "sha256:d", folder)
    assert done.plan is not None, done.refused
    assert "before" in done.plan.settings, done.refused
    plan = load_plan(folder / FOLDER, done.plan.backend, done.plan.settings)
    return original, plan, done.plan.backend


def check_equal(original: Model, plan: Any, *, to_the_bit: bool) -> None:
    """On rows that the proof never saw: all together, and each by itself."""
    rows = [*rows_of(FRESH), [30.0, 2, "Atlantis", None, True, None]]
    table = SCHEMA.table(rows)
    wanted, given = np.asarray(original.predict(table)), np.asarray(plan.predict(table))
    assert given.dtype.kind == wanted.dtype.kind or wanted.dtype == object
    if to_the_bit or wanted.dtype.kind != "f":
        np.testing.assert_array_equal(given, wanted)
    else:
        np.testing.assert_allclose(given, wanted, rtol=1e-12, atol=1e-12)
    alone = [plan.row(row) for row in rows]
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(alone, given, rtol=1e-14)  # sums of rows together
    else:
        assert alone == given.tolist()
    shares = original.predictor.probabilities(table)
    if shares is not None:
        np.testing.assert_allclose(plan.probabilities(table), shares, rtol=1e-12, atol=1e-15)


ENGINES = {
    Algorithm.LINEAR: "numpy", Algorithm.RANDOM_FOREST: "trees", Algorithm.EXTRA_TREES: "trees",
    Algorithm.HIST_GRADIENT_BOOSTING: "trees", Algorithm.XGBOOST: "trees",
    Algorithm.LIGHTGBM: "lightgbm",
}  # fmt: skip


@pytest.mark.parametrize("target", ["churns", "levels", "score"])
@pytest.mark.parametrize("algorithm", ENGINES)
def test_what_training_makes_has_a_plan(algorithm: Algorithm, target: str, tmp_path: Path) -> None:
    """Each built-in algorithm, for two classes, three with names, and numbers."""
    known = {"churns": CHURNS, "levels": LEVELS, "score": SCORE}[target]
    few = {} if algorithm is Algorithm.LINEAR else {"n_estimators": 12}
    if algorithm is Algorithm.HIST_GRADIENT_BOOSTING:
        few = {"max_iter": 12}
    model = build(algorithm, few, 0, SEEN, known, classes=target != "score").fit(SEEN, known)

    original, plan, engine = served(model, tmp_path)

    assert engine == ENGINES[algorithm]
    check_equal(original, plan, to_the_bit=engine in ("lightgbm", "xgboost"))


def columns(numbers: Any, words: Any, **more: Any) -> ColumnTransformer:
    """Numbers and words, each with transformers of their own."""
    return ColumnTransformer([("n", numbers, NUMBERS), ("w", words, WORDS)], **more)


FILLED = impute.SimpleImputer()
ONES = preprocessing.OneHotEncoder(handle_unknown="ignore")
MOST = impute.SimpleImputer(strategy="most_frequent")
BOOSTED = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1)
LINE = linear_model.LogisticRegression()
CASES: Mapping[str, Any] = {
    "gaps told": make_pipeline(
        columns(impute.SimpleImputer(add_indicator=True), make_pipeline(MOST, ONES)), BOOSTED
    ),
    "codes": make_pipeline(
        columns(
            "passthrough",
            preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        ),
        BOOSTED,
    ),
    "dropped": make_pipeline(
        columns(
            FILLED,
            preprocessing.OneHotEncoder(drop="first", handle_unknown="ignore", min_frequency=3),
        ),
        LINE,
    ),
    "rare together": make_pipeline(
        columns(
            make_pipeline(FILLED, preprocessing.RobustScaler()),
            preprocessing.OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5),
            remainder="passthrough",
        ),
        LINE,
    ),
    "means of the target": make_pipeline(
        columns(FILLED, preprocessing.TargetEncoder(random_state=0)), BOOSTED
    ),
    "sparse": make_pipeline(
        columns(FILLED, ONES, sparse_threshold=1.0), xgboost.XGBClassifier(n_estimators=8)
    ),
    "chosen": make_pipeline(
        columns(FILLED, ONES), feature_selection.SelectKBest(k=4),
        preprocessing.StandardScaler(with_mean=False), LINE,
    ),
    "logarithms and products": make_pipeline(
        columns(
            make_pipeline(
                FILLED, preprocessing.FunctionTransformer(np.cbrt),
                preprocessing.PolynomialFeatures(2),
            ),
            ONES,
        ),
        preprocessing.MaxAbsScaler(), LINE,
    ),
    "components beside": make_pipeline(
        columns(
            FeatureUnion(
                [
                    ("a", make_pipeline(FILLED, decomposition.PCA(2))),
                    ("b", make_pipeline(FILLED, preprocessing.MinMaxScaler())),
                ]
            ),
            ONES,
        ),
        ensemble.RandomForestClassifier(9, random_state=0),
    ),
    "frames within": make_pipeline(
        columns(
            FILLED,
            preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        ).set_output(transform="pandas"),
        BOOSTED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_transformers_are_the_originals(name: str, tmp_path: Path) -> None:
    """Each kind of transformer, before each kind of engine, with gaps and unknown words."""
    original, plan, engine = served(CASES[name].fit(SEEN, CHURNS), tmp_path)

    check_equal(original, plan, to_the_bit=engine in ("lightgbm", "xgboost"))


def test_what_an_encoder_refuses_is_refused(tmp_path: Path) -> None:
    """An unknown word is an error where the original says so."""
    model = make_pipeline(columns(FILLED, preprocessing.OneHotEncoder()), BOOSTED)

    _, plan, _ = served(model.fit(SEEN, CHURNS), tmp_path)

    with pytest.raises(ValueError, match="Atlantis"):
        plan.row([30.0, 2, "Atlantis", 1.0, True, "small"])


def test_a_missing_word_is_the_same_alone_as_beside_others() -> None:
    """Pandas takes a column of nothing but gaps for objects, and then imputers see no gap."""
    alone = SCHEMA.table([[30.0, 2, None, 1.0, True, "small"]]).frame()
    beside = SCHEMA.table(
        [[30.0, 2, None, 1.0, True, "small"], [30.0, 2, "Ulm", 1.0, True, "small"]]
    ).frame()

    assert alone.city.dtype == beside.city.dtype
    assert alone.city.tolist()[0] is beside.city.tolist()[0] or np.isnan(alone.city.tolist()[0])


def test_probabilities_are_served_where_mlflow_was_told_so(tmp_path: Path) -> None:
    """The served method is that of the last step."""
    model = make_pipeline(columns(FILLED, ONES), BOOSTED).fit(SEEN, LEVELS)

    original, plan, _ = served(model, tmp_path, "predict_proba")

    table: Table = SCHEMA.table(rows_of(FRESH))
    np.testing.assert_array_equal(plan.predict(table), original.predict(table))
    assert plan.row(rows_of(FRESH)[3]) == np.asarray(original.predict(table))[3].tolist()
