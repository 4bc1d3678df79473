"""Models of XGBoost: its estimators, and bare boosters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xgboost
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.errors import ModelRefused
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model_file import ModelFile
from leadsman_serving.policy import stored_file
from leadsman_serving.table import Array, Table

_ESTIMATORS = {
    one.__name__: one
    for one in (
        xgboost.XGBClassifier,
        xgboost.XGBModel,
        xgboost.XGBRanker,
        xgboost.XGBRegressor,
        xgboost.XGBRFClassifier,
        xgboost.XGBRFRegressor,
    )
}


class Booster:
    """A booster, asked by the names of its features."""

    def __init__(self, booster: xgboost.Booster) -> None:
        """Keep it to one thread: pods scale, not threads."""
        booster.set_param({"nthread": 1})
        self.original = booster

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> Array:
        """What the booster's objective gives."""
        del params
        if table.matrix is None:
            return np.asarray(self.original.predict(xgboost.DMatrix(table.frame(), nthread=1)))
        # A booster that was trained without names refuses rows with names.
        names = (
            (table.names or self.original.feature_names) if self.original.feature_names else None
        )
        rows = xgboost.DMatrix(table.matrix, feature_names=names and list(names), nthread=1)
        return np.asarray(self.original.predict(rows))

    def probabilities(self, table: Table) -> None:
        """A bare booster does not know classes."""
        del table


class BoostedEstimator(Estimator):
    """An estimator that is given an array where names say that its order is the model's."""

    def __init__(self, estimator: xgboost.XGBModel) -> None:
        """Keep the names that it was fitted with."""
        super().__init__(estimator)
        self._names = tuple(estimator.get_booster().feature_names or ())

    @override
    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        return super().predict(self._nameless(table), params)

    @override
    def probabilities(self, table: Table) -> Array | None:
        return super().probabilities(self._nameless(table))

    def _nameless(self, table: Table) -> Table:
        if table.matrix is not None and table.names == self._names:
            return Table(matrix=table.matrix)
        return table


def load(file: ModelFile, loading: Loading) -> Estimator | Booster:
    """The model in the class that it was logged in; its own format holds no code."""
    del loading
    path, name = stored_file(file, "xgboost"), file.class_name("xgboost")
    if name == "Booster":
        return Booster(xgboost.Booster(model_file=str(path)))
    if name not in _ESTIMATORS:
        raise ModelRefused(
            Reason.UNSUPPORTED_FLAVOR,
            f"the model is a {name}: this runtime serves Booster, {', '.join(_ESTIMATORS)}",
        )
    estimator = _ESTIMATORS[name](n_jobs=1)
    estimator.load_model(path)
    return BoostedEstimator(estimator)
