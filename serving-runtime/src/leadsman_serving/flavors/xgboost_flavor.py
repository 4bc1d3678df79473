"""Models of XGBoost: its estimators, and bare boosters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xgboost

from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model_file import ModelFile
from leadsman_serving.schema import Table


class Booster:
    """A booster, asked by the names of its features."""

    def __init__(self, booster: xgboost.Booster) -> None:
        """Keep it to one thread: pods scale, not threads."""
        booster.set_param({"nthread": 1})
        self._booster = booster

    def predict(self, table: Table) -> np.ndarray[Any, Any]:
        """What the booster's objective gives."""
        names = list(table.columns) if isinstance(table, pd.DataFrame) else None
        return np.asarray(self._booster.predict(xgboost.DMatrix(table, feature_names=names)))

    def probabilities(self, table: Table) -> None:  # noqa: ARG002 - a booster has none
        """A bare booster does not know classes."""
        return


def load(file: ModelFile, loading: Loading) -> Estimator | Booster:  # noqa: ARG001 - data only
    """The model in the class that it was logged in; its own format holds no code."""
    path = file.path("xgboost", "data", "model_data")
    kind = str(file.flavor("xgboost").get("model_class", "")).rpartition(".")[2]
    if kind and kind != "Booster":
        estimator = getattr(xgboost, kind)()
        estimator.load_model(path)
        return Estimator(estimator)
    return Booster(xgboost.Booster(model_file=str(path)))
