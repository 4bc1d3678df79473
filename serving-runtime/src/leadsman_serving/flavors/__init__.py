"""One module a library: each turns a model's files into something that predicts.

Only the module of the flavor that serves is imported: start-up time is mostly imports.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol

from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.model_file import ModelFile
from leadsman_serving.table import Array, Table


class Predictor(Protocol):
    """A loaded model."""

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """One prediction for each row: an array, a list or a frame.

        `params` are MLflow's parameters of one request; only code of its own heeds them.
        """

    def probabilities(self, table: Table) -> Array | None:
        """The probability of each class for each row; None for a model without any."""


_MODULES = {
    "sklearn": "sklearn_flavor",
    "xgboost": "xgboost_flavor",
    "lightgbm": "lightgbm_flavor",
    "onnx": "onnx_flavor",
    "python_function": "pyfunc",
}


def load(file: ModelFile, flavor: str, loading: Loading) -> Predictor:
    """Load the model with the library of its flavor; whatever that raises is raised."""
    module = importlib.import_module(f"leadsman_serving.flavors.{_MODULES[flavor]}")
    predictor: Predictor = module.load(file, loading)
    return predictor
