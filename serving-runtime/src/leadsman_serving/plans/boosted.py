"""What the plans of boosting libraries share: from what an engine gives to labels and shares."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from leadsman_serving.table import Array, Table

FILE = "plan.model"
BOOSTER, REGRESSION, BINARY, CLASSES = "booster", "regression", "binary", "classes"
"""What the original is: a bare booster, a regressor, a classifier of two or more classes."""
PREDICT, PROBABILITIES = "predict", "predict_proba"


class Engine(Protocol):
    """From rows to what the objective gives: a number a row, or one for each class."""

    def __call__(self, rows: Array) -> Array:
        """Rows by features."""

    def row(self, values: Sequence[Any]) -> list[float]:
        """All that it gives for one row; for one thread at a time."""


class BoostedPlan:
    """Calls the library itself, with everything but the row prepared before."""

    def __init__(self, engine: Engine, settings: Mapping[str, Any]) -> None:
        """`kind` of the settings says what the original makes of the engine's numbers."""
        self._engine, self._kind = engine, settings["kind"]
        classes = settings["classes"]
        self._classes = None if classes is None else np.array(classes)
        self._labels: list[Any] = [] if self._classes is None else self._classes.tolist()
        self._serves_shares = settings["function"] == PROBABILITIES

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method of the original gives."""
        del params
        if self._serves_shares:
            return self.probabilities(table)
        found = self._engine(table.array())
        if self._classes is None:
            return found
        if self._kind == BINARY:
            return self._classes[(found > 0.5).astype(np.intp)]  # noqa: PLR2004 - more likely than not
        return self._classes[found.argmax(axis=1)]

    def row(self, values: Sequence[Any]) -> object:
        """What `predict` gives for one row, as JSON has it; for one thread at a time."""
        if self._serves_shares:
            found: Any = self.predict(Table(matrix=np.array((values,), np.float64)))
            return found.tolist()[0]
        scores = self._engine.row(values)
        if self._kind == BINARY:
            return self._labels[scores[0] > 0.5]  # noqa: PLR2004 - more likely than not
        if self._kind == CLASSES:
            return self._labels[scores.index(max(scores))]
        return scores[0] if len(scores) == 1 else scores

    def probabilities(self, table: Table) -> Array | None:
        """The probability of each class; None for what knows no classes."""
        if self._classes is None:
            return None
        found = self._engine(table.array())
        if self._kind == BINARY:
            return np.vstack((1.0 - found, found)).transpose()
        return found


def library_of(package: str) -> str:
    """Name and version of a package, without importing it."""
    return f"{package} {version(package)}"


def shared_object(package: str, name: str) -> ctypes.CDLL:
    """A package's own native library, without importing the package; OSError without one."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise OSError(f"there is no package {package}")
    folder = Path(found.submodule_search_locations[0])
    return ctypes.CDLL(str(folder / "lib" / name))
