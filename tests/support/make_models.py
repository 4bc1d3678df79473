"""Models of each flavor, saved by MLflow as users save them.

A program of its own: MLflow and its libraries warn when they are imported, which tests refuse.
Usage: make_models.py FOLDER; each model is a folder in it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import xgboost
from mlflow.models import infer_signature
from mlflow.pyfunc.model import PythonModel
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typing_extensions import override

ROWS = 60


class Doubled(PythonModel):
    """Code of its own."""

    @override
    def predict(self, model_input: pd.DataFrame) -> list[float]:  # type: ignore[override]
        """Twice the first column; fails for negative numbers."""
        if (model_input["a"] < 0).any():
            raise ValueError("a secret of the model")
        return [2 * value for value in model_input["a"]]


class Broken(PythonModel):
    """Fails whatever it is asked."""

    @override
    def predict(self, model_input: pd.DataFrame) -> list[float]:  # type: ignore[override]
        """Nothing."""
        raise ValueError(f"{len(model_input)} rows are too many")


def main(folder: Path) -> None:
    """Save them all, and what MLflow's own loader predicts with each."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    known = (table["a"] + table["b"] > 0).astype(int)
    scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, known)
    shared = {
        "signature": infer_signature(table, scaled.predict(table)),
        "input_example": table.head(2),
        "pip_requirements": ["scikit-learn"],
    }
    trees = ["sklearn.tree._tree.Tree"]
    save = mlflow.sklearn.save_model
    save(scaled, folder / "skops", serialization_format="skops", **shared)
    forest = RandomForestClassifier(5, n_jobs=2, random_state=0).fit(table, known)
    save(
        forest, folder / "forest", serialization_format="skops", skops_trusted_types=trees, **shared
    )
    save(scaled, folder / "pickle", serialization_format="cloudpickle", **shared)
    no_names = LogisticRegression().fit(table.to_numpy(), known)
    save(no_names, folder / "bare", serialization_format="skops", pip_requirements=["scikit-learn"])
    boosted = xgboost.XGBClassifier(n_estimators=3).fit(table, known)
    mlflow.xgboost.save_model(boosted, folder / "xgboost", **shared)
    mlflow.xgboost.save_model(boosted.get_booster(), folder / "booster", **shared)
    light = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(table, known)
    mlflow.lightgbm.save_model(light.booster_, folder / "lightgbm", **shared)
    mlflow.pyfunc.save_model(folder / "pyfunc", python_model=Doubled(), **shared)
    broken = {**shared, "input_example": None}
    mlflow.pyfunc.save_model(folder / "broken", python_model=Broken(), **broken)
    expected = {
        name: np.asarray(mlflow.pyfunc.load_model(str(folder / name)).predict(table)).tolist()
        for name in ("skops", "forest", "pickle", "xgboost", "booster", "lightgbm")
    }
    rows = table.to_dict("records")
    (folder / "expected.json").write_text(json.dumps({"rows": rows, "predictions": expected}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
