"""The models that are measured, each saved in every form that one of the servers loads.

A program of its own: `python -m bench.serving.models FOLDER NAME...`. For each name it leaves

    FOLDER/NAME/served/model/   what MLflow's `save_model` writes, with signature and example
    FOLDER/NAME/bare/           the same without names and signature, for rows of numbers only
    FOLDER/NAME/model.joblib    the same estimator for programs that are written by hand
    FOLDER/NAME/model.bst|json  the booster in its library's own format, for boosting models
    FOLDER/NAME/rows.json       rows to ask for, and what the original answers to each
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import mlflow
import numpy as np
import pandas as pd
import xgboost
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ASKED_ROWS = 64
PACKAGES = ["scikit-learn", "lightgbm", "xgboost-cpu"]
_SEED = 7
_MADE_UP_ROWS = 2000
_TREE = "sklearn.tree._tree.Tree"
_BOOSTED_TREE = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
_NUMBERS = ("age", "income", "tenure", "balance", "visits")
_WORDS = {
    "region": ("north", "south", "east", "west"),
    "plan": ("free", "basic", "team", "enterprise"),
    "device": ("phone", "tablet", "desktop"),
}


@dataclass(frozen=True)
class Recipe:
    """How one model is made and saved."""

    make: Callable[[], Any]
    table: Callable[[], tuple[pd.DataFrame, pd.Series]]
    save: Callable[..., None]
    options: dict[str, Any]
    booster: str = ""
    """Name of the file with the bare booster; empty for other models."""


def tumours() -> tuple[pd.DataFrame, pd.Series]:
    """The Wisconsin breast-cancer data: 30 numbers a row, under names that every library takes."""
    data = load_breast_cancer(as_frame=True)
    return data["data"].rename(columns=lambda name: name.replace(" ", "_")), data["target"]


def customers() -> tuple[pd.DataFrame, pd.Series]:
    """Made-up customers: five numbers and three words a row."""
    random = np.random.default_rng(_SEED)
    columns: dict[str, Any] = {name: random.normal(size=_MADE_UP_ROWS) for name in _NUMBERS}
    columns |= {name: random.choice(words, _MADE_UP_ROWS) for name, words in _WORDS.items()}
    table = pd.DataFrame(columns)
    risk = table["age"] - table["tenure"] + (table["plan"] == "free") + (table["region"] == "east")
    return table, (risk + random.normal(size=_MADE_UP_ROWS) > 0.5).astype(int).rename("target")


def with_words() -> Any:
    """Numbers scaled, words one-hot encoded, then a logistic regression."""
    parts = [
        ("numbers", StandardScaler(), list(_NUMBERS)),
        ("words", OneHotEncoder(handle_unknown="ignore"), list(_WORDS)),
    ]
    return make_pipeline(ColumnTransformer(parts), LogisticRegression(max_iter=1000))


def _skops(*trusted: str) -> dict[str, Any]:
    return {"serialization_format": "skops", "skops_trusted_types": list(trusted)}


RECIPES = {
    "logistic": Recipe(
        lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        tumours, mlflow.sklearn.save_model, _skops(),
    ),
    "forest": Recipe(
        lambda: RandomForestClassifier(100, random_state=_SEED),
        tumours, mlflow.sklearn.save_model, _skops(_TREE),
    ),
    "histogram": Recipe(
        lambda: HistGradientBoostingClassifier(random_state=_SEED),
        tumours, mlflow.sklearn.save_model, _skops(_BOOSTED_TREE),
    ),
    "lightgbm": Recipe(
        lambda: lightgbm.LGBMClassifier(random_state=_SEED, verbose=-1),
        tumours, mlflow.lightgbm.save_model, {"serialization_format": "skops"}, "model.bst",
    ),
    "xgboost": Recipe(
        lambda: xgboost.XGBClassifier(random_state=_SEED),
        tumours, mlflow.xgboost.save_model, {}, "model.json",
    ),
    "categories": Recipe(with_words, customers, mlflow.sklearn.save_model, _skops()),
}  # fmt: skip


def make(name: str, folder: Path) -> None:
    """Fit one model and save it in every form, into an empty folder."""
    recipe = RECIPES[name]
    table, known = recipe.table()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "served").mkdir(parents=True)
    original = recipe.make().fit(table, known)
    recipe.save(
        original,
        folder / "served" / "model",
        signature=infer_signature(table, original.predict(table)),
        input_example=table.head(2),
        pip_requirements=PACKAGES,
        **recipe.options,
    )
    # Programs written by hand give arrays where they can, to a model that knows no names.
    nameless = original if name == "categories" else recipe.make().fit(table.to_numpy(), known)
    joblib.dump(nameless, folder / "model.joblib")
    if nameless is not original:
        recipe.save(nameless, folder / "bare", pip_requirements=PACKAGES, **recipe.options)
    if recipe.booster:
        booster = original.booster_ if name == "lightgbm" else original.get_booster()
        booster.save_model(str(folder / recipe.booster))
    asked = table.sample(ASKED_ROWS, random_state=_SEED)
    rows = {
        "columns": list(table.columns),
        "rows": json.loads(asked.to_json(orient="values", double_precision=15)),
        "labels": [int(label) for label in original.predict(asked)],
    }
    (folder / "rows.json").write_text(json.dumps(rows))


def main(arguments: Sequence[str]) -> None:
    """Make the models of these names in a folder."""
    folder = Path(arguments[0])
    for name in arguments[1:]:
        make(name, folder / name)


if __name__ == "__main__":
    main(sys.argv[1:])
