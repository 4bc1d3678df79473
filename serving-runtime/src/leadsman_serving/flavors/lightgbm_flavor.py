"""Models of LightGBM: its estimators, and bare boosters."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np

from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.flavors.estimators import Estimator, load_estimator
from leadsman_serving.model_file import ModelFile
from leadsman_serving.schema import Table


class Booster:
    """A booster on one thread: pods scale, not threads."""

    def __init__(self, booster: lightgbm.Booster) -> None:
        """Keep the booster."""
        self._booster = booster

    def predict(self, table: Table) -> np.ndarray[Any, Any]:
        """What the booster's objective gives."""
        return np.asarray(self._booster.predict(table, num_threads=1))

    def probabilities(self, table: Table) -> None:  # noqa: ARG002 - a booster has none
        """A bare booster does not know classes."""
        return


def load(file: ModelFile, loading: Loading) -> Estimator | Booster:
    """The model in the class that it was logged in."""
    kind = str(file.flavor("lightgbm").get("lgb_class", "")).rpartition(".")[2]
    if kind and kind != "Booster":
        return Estimator(load_estimator(file, "lightgbm", loading))
    path = file.path("lightgbm", "data", "model_data")
    return Booster(lightgbm.Booster(model_file=str(path)))
