"""Scalers and linear models as NumPy: the same operations on the same numbers, without checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leadsman_serving.table import Array, Table

_FILE = "arrays.npz"
PREDICT, PROBABILITIES = "predict", "predict_proba"


class LinearPlan:
    """Scale, multiply, and name the class; the order of operations is the original's."""

    def __init__(self, arrays: Mapping[str, Array], settings: Mapping[str, Any]) -> None:
        """`steps` of the settings name an operation each, whose array is `step_N`."""
        self._steps = [
            (_OPERATIONS[name], arrays[f"step_{number}"])
            for number, name in enumerate(settings["steps"])
        ]
        self._weights, self._bias = arrays["weights"], arrays["bias"]
        self._classes = None if settings["classes"] is None else np.array(settings["classes"])
        self._serves_shares = settings["function"] == PROBABILITIES
        self._has_shares = bool(settings["has_probabilities"])
        self._is_flat = bool(settings["is_flat"])

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method of the original gives."""
        del params
        if self._serves_shares:
            return self.probabilities(table)
        scores = self._scores(table)
        if self._classes is None:
            return scores
        if scores.ndim == 1:
            return self._classes[(scores > 0).astype(np.intp)]
        return self._classes[scores.argmax(axis=1)]

    def probabilities(self, table: Table) -> Array | None:
        """Logistic for two classes, softmax for more; None for a model without any."""
        if not self._has_shares:
            return None
        scores = self._scores(table)
        if scores.ndim == 1:
            with np.errstate(over="ignore"):
                second = 1.0 / (1.0 + np.exp(-scores))
            return np.asarray(np.vstack((1.0 - second, second)).transpose())
        scores = np.exp(scores - scores.max(axis=1).reshape(-1, 1))
        scores /= scores.sum(axis=1).reshape(-1, 1)
        return np.asarray(scores)

    def _scores(self, table: Table) -> Array:
        rows = table.array().astype(np.float64, copy=False)
        for operation, operand in self._steps:
            rows = operation(rows, operand)
        scores = rows @ self._weights + self._bias
        return scores.ravel() if self._is_flat else scores


_OPERATIONS: dict[str, Any] = {
    "subtract": np.subtract,
    "divide": np.divide,
    "multiply": np.multiply,
    "add": np.add,
}


def library() -> str:
    """Name and version of what runs it."""
    return f"numpy {np.__version__}"


def save(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write the arrays."""
    np.savez(folder / _FILE, allow_pickle=False, **arrays)


def load(folder: Path, settings: Mapping[str, Any]) -> LinearPlan:
    """A plan from its files."""
    with np.load(folder / _FILE, allow_pickle=False) as arrays:
        return LinearPlan(dict(arrays), settings)
