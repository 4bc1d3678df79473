"""Pipelines in two stages: columns become a matrix, and the plan of the last step answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadsman_serving.flavors import Predictor
from leadsman_serving.plans.features import Features
from leadsman_serving.table import Array, Table


class StagedPlan:
    """The features of a row, and what the model at the pipeline's end makes of them."""

    def __init__(self, features: Features, model: Predictor) -> None:
        """`model` is a plan that takes a matrix."""
        self._features, self._model = features, model

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method of the original gives."""
        return self._model.predict(Table(matrix=self._features(table)), params)

    def probabilities(self, table: Table) -> Array | None:
        """The probability of each class; None for a model without any."""
        return self._model.probabilities(Table(matrix=self._features(table)))

    def row(self, values: Sequence[Any]) -> object:
        """What `predict` gives for one row, as JSON has it; for one thread at a time."""
        made = self._features.row(values)
        own = getattr(self._model, "row", None)
        if own is not None:
            return own(made[0])
        found: Any = self._model.predict(Table(matrix=made))
        return found.tolist()[0]
