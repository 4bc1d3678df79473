"""Models of LightGBM: its estimators, and bare boosters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np

from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.flavors.estimators import Estimator, load_estimator
from leadsman_serving.model_file import ModelFile
from leadsman_serving.policy import Storage, storage_of, stored_file
from leadsman_serving.table import Array, Table


class Booster:
    """A booster on one thread: pods scale, not threads."""

    def __init__(self, booster: lightgbm.Booster) -> None:
        """Keep the booster."""
        self.original = booster

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> Array:
        """What the booster's objective gives; it goes by the places of columns, not by names."""
        del params
        rows = table.matrix if table.matrix is not None else table.frame()
        return np.asarray(self.original.predict(rows, num_threads=1))

    def probabilities(self, table: Table) -> None:
        """A bare booster does not know classes."""
        del table


def load(file: ModelFile, loading: Loading) -> Estimator | Booster:
    """The model in the class that it was logged in."""
    if storage_of(file, "lightgbm") is Storage.NATIVE:
        return Booster(lightgbm.Booster(model_file=str(stored_file(file, "lightgbm"))))
    return Estimator(load_estimator(file, "lightgbm", loading))
