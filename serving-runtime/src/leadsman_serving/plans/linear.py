"""Scalers and linear models as NumPy: the same operations on the same numbers, without checks."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leadsman_serving.flavors import Predictor
from leadsman_serving.plans.links import EXP, logistic
from leadsman_serving.table import Array, Table

_FILE = "arrays.npz"
PREDICT, PROBABILITIES, SCORES = "predict", "predict_proba", "decision_function"
EACH = "each"
"""Beside the softmax: each class by itself, and then made to add up."""


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
        if settings["function"] == SCORES:
            self._classes = None
        self._serves_shares = settings["function"] == PROBABILITIES
        self._shares = settings["shares"]
        self._is_exp = settings["link"] == EXP
        self._is_flat = bool(settings["is_flat"])
        self._labels = None if self._classes is None else self._classes.tolist()
        self._has_one_score = self._weights.size == len(self._weights)
        self._is_number = self._has_one_score and (self._is_flat or self._weights.ndim == 1)
        self._column = np.ascontiguousarray(self._weights.ravel())
        self._values = np.empty(len(self._weights))
        # Quicker than to have NumPy find out of what kind the values are.
        self._place = self._values.data.cast("B")
        self._pack = struct.Struct(f"{len(self._weights)}d").pack_into
        self._offset = self._bias.item() if self._has_one_score else 0.0

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method of the original gives."""
        del params
        if self._serves_shares:
            return self.probabilities(table)
        scores = self._scores(table)
        if self._classes is None:
            return np.exp(scores) if self._is_exp else scores
        if scores.ndim == 1:
            return self._classes[(scores > 0).astype(np.intp)]
        return self._classes[scores.argmax(axis=1)]

    def probabilities(self, table: Table) -> Array | None:
        """Logistic for two classes, all or each for more; None for a model without any."""
        if self._shares is None:
            return None
        scores = self._scores(table)
        if scores.ndim == 1:
            with np.errstate(over="ignore"):
                second = 1.0 / (1.0 + np.exp(-scores))
            return np.asarray(np.vstack((1.0 - second, second)).transpose())
        if self._shares == EACH:
            return _each(scores)
        scores = np.exp(scores - scores.max(axis=1).reshape(-1, 1))
        scores /= scores.sum(axis=1).reshape(-1, 1)
        return np.asarray(scores)

    def row(self, values: Sequence[Any]) -> object:
        """What `predict` gives for one row, as JSON has it: the same operations, bit for bit.

        For one thread at a time: the row has one place in memory, and nothing is made anew.
        """
        row = self._values
        self._pack(self._place, 0, *values)
        if self._serves_shares:
            return self.probabilities(Table(row.reshape(1, -1))).tolist()[0]  # type: ignore[union-attr]
        for operation, operand in self._steps:
            operation(row, operand, row)
        if not self._has_one_score:
            scores = np.dot(row, self._weights) + self._bias
            return scores.tolist() if self._labels is None else self._labels[scores.argmax()]
        score = float(row.dot(self._column)) + self._offset
        if self._is_exp:
            return np.exp(score).item()
        if self._labels is not None:
            return self._labels[score > 0]
        return score if self._is_number else [score]

    def _scores(self, table: Table) -> Array:
        rows = table.array().astype(np.float64, copy=False)
        for operation, operand in self._steps:
            rows = operation(rows, operand)
        scores = rows @ self._weights + self._bias
        return scores.ravel() if self._is_flat else scores


def _each(scores: Array) -> Array:
    """The logistic of each class's score, made to add up to one."""
    shares = logistic(scores)
    with np.errstate(invalid="ignore"):  # where no class has any share
        return np.asarray(shares / shares.sum(axis=1).reshape(-1, 1))


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


def load(folder: Path, settings: Mapping[str, Any]) -> Predictor:
    """A plan from its files: of a linear model, or of another formula."""
    with np.load(folder / _FILE, allow_pickle=False) as stored:
        arrays = dict(stored)
    if "form" not in settings:
        return LinearPlan(arrays, settings)
    from leadsman_serving.plans.formulas import FormulaPlan  # noqa: PLC0415 - few models need it

    return FormulaPlan(arrays, settings)
