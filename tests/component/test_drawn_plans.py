"""Pipelines drawn at random: whatever plan they get answers as they do, on rows of its own."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import ensemble, impute, linear_model, preprocessing, tree
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from leadsman_serving.columns import Column
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model import Model
from leadsman_serving.plans.compile import compile_model
from leadsman_serving.plans.stored import FOLDER, load_plan
from leadsman_serving.schema import Schema

pytestmark = pytest.mark.filterwarnings("ignore")

SCALERS: dict[str, Any] = {
    "none": "passthrough",
    "standard": preprocessing.StandardScaler(),
    "robust": preprocessing.RobustScaler(),
    "range": preprocessing.MinMaxScaler(clip=True),
    "products": preprocessing.PolynomialFeatures(2, interaction_only=True),
    "powers": preprocessing.PowerTransformer(),
}
ENCODERS: dict[str, Any] = {
    "ones": preprocessing.OneHotEncoder(handle_unknown="ignore", min_frequency=2),
    "codes": preprocessing.OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-2, encoded_missing_value=-1
    ),
    "means": preprocessing.TargetEncoder(random_state=0),
}
MODELS: dict[str, Any] = {
    "lightgbm": lambda size: lightgbm.LGBMClassifier(
        n_estimators=size, min_child_samples=2, verbose=-1
    ),
    "dart": lambda size: lightgbm.LGBMRegressor(
        n_estimators=size, boosting_type="dart", verbose=-1
    ),
    "xgboost": lambda size: xgboost.XGBRegressor(n_estimators=size, max_depth=3),
    "tree": lambda size: tree.DecisionTreeClassifier(max_depth=size, random_state=0),
    "forest": lambda size: ensemble.RandomForestRegressor(size, max_depth=size, random_state=0),
    "histograms": lambda size: ensemble.HistGradientBoostingClassifier(max_iter=size),
    "logistic": lambda size: linear_model.LogisticRegression(C=size),
    "ridge": linear_model.Ridge,
}
TYPES = {"n": "double", "c": "long", "b": "boolean", "w": "string"}
"""Of columns, by the first letter of their names."""


def frame_of(
    chance: np.random.Generator, count: int, numbers: int, whole: int, words: int
) -> pd.DataFrame:
    """Columns of numbers with gaps, of counts and truth values, and of words."""
    made: dict[str, Any] = {}
    for place in range(whole):
        made[f"c{place}"] = chance.integers(0, 9, count)
        made[f"b{place}"] = chance.random(count) < 0.3
    for place in range(numbers):
        values = chance.normal(0, 10.0 ** chance.integers(-3, 4), count)
        made[f"n{place}"] = np.where(chance.random(count) < 0.1, np.nan, values)
    for place in range(words):
        made[f"w{place}"] = chance.choice(np.array(["a", "b", "cc", None]), count)
    return pd.DataFrame(made)


def rows_of(frame: pd.DataFrame) -> list[list[Any]]:
    """Rows as JSON has them."""
    return [
        [None if value is None or value != value else value for value in row]  # noqa: PLR0124 - NaN
        for row in frame.astype(object).to_numpy().tolist()
    ]


@dataclass(frozen=True)
class Drawn:
    """A pipeline, and the data that it is fitted with."""

    seed: int
    numbers: int
    whole: int
    words: int
    scaler: str
    encoder: str
    model: str
    size: int
    classes: int


DRAWN = st.builds(
    Drawn,
    seed=st.integers(0, 9999),
    numbers=st.integers(1, 4),
    whole=st.integers(0, 2),
    words=st.integers(0, 2),
    scaler=st.sampled_from(sorted(SCALERS)),
    encoder=st.sampled_from(sorted(ENCODERS)),
    model=st.sampled_from(sorted(MODELS)),
    size=st.integers(1, 9),
    classes=st.integers(2, 3),
)


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(drawn=DRAWN)
def test_a_drawn_pipeline_is_served_as_it_is(drawn: Drawn) -> None:
    """Labels and numbers of fresh rows, together and alone; every such pipeline has a plan."""
    chance = np.random.default_rng(drawn.seed)
    seen, fresh = (
        frame_of(chance, count, drawn.numbers, drawn.whole, drawn.words) for count in (80, 40)
    )
    if drawn.words:
        fresh.loc[:5, "w0"] = "unknown"
    filled = make_pipeline(impute.SimpleImputer(), SCALERS[drawn.scaler])
    names = list(seen.columns)
    parts = [
        ("n", filled, [name for name in names if name[0] != "w"]),
        ("w", ENCODERS[drawn.encoder], [name for name in names if name[0] == "w"]),
    ]
    known = chance.integers(0, drawn.classes, 80)
    pipe = make_pipeline(
        ColumnTransformer([part for part in parts if part[2]]), MODELS[drawn.model](drawn.size)
    ).fit(seen, known)
    columns = [Column(name, TYPES[name[0]]) for name in names]
    example = tuple(rows_of(seen.head(4)))
    original = Model(Estimator(pipe), Schema(tuple(columns)), "sklearn", None, example)
    with tempfile.TemporaryDirectory() as folder:
        done = compile_model(original, "d", Path(folder))
        assert done.plan is not None, done.refused
        plan: Any = load_plan(Path(folder) / FOLDER, done.plan.backend, done.plan.settings)

    rows = rows_of(fresh)
    table = original.schema.table(rows)
    wanted, given = np.asarray(original.predict(table)), np.asarray(plan.predict(table))

    within = 0 if drawn.model in ("lightgbm", "dart", "xgboost") else 1e-11
    np.testing.assert_allclose(given, wanted, rtol=within, atol=within)
    np.testing.assert_allclose([plan.row(row) for row in rows], given, rtol=1e-11, atol=1e-11)
