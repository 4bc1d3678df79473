"""XGBoost's call for dense rows, with its two texts of configuration made once.

https://xgboost.readthedocs.io/en/stable/c.html, XGBoosterPredictFromDense
"""

from __future__ import annotations

import ctypes
import json
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from leadsman_serving.plans.boosted import FILE, BoostedPlan, shared_object
from leadsman_serving.table import Array


class Rows:
    """A booster that is asked for rows as they lie in memory; for one thread at a time."""

    def __init__(self, model: bytes, features: int, iterations: int) -> None:
        """Read a model; RuntimeError where the library refuses it. 0 iterations are all."""
        self._library = shared_object("xgboost", "libxgboost.so")
        self._library.XGBGetLastError.restype = ctypes.c_char_p
        self._handle = ctypes.c_void_p()
        self._call(
            self._library.XGBoosterCreate, None, ctypes.c_uint64(0), ctypes.byref(self._handle)
        )
        self._call(
            self._library.XGBoosterLoadModelFromBuffer,
            self._handle, model, ctypes.c_uint64(len(model)),
        )  # fmt: skip
        self._call(self._library.XGBoosterSetParam, self._handle, b"nthread", b"1")
        # With one of our own for the rows the call need not make one each time: half of its cost.
        self._rows = ctypes.c_void_p()
        self._call(self._library.XGProxyDMatrixCreate, ctypes.byref(self._rows))
        self._features = features
        self._config = json.dumps(
            {"type": 0, "training": False, "iteration_begin": 0, "iteration_end": iterations,
             "strict_shape": False, "missing": math.nan, "cache_id": 0}
        ).encode()  # fmt: skip
        # One place in memory for single rows, so that its description is written once.
        self._row = np.empty((1, features), np.float32)
        self._single, self._row_text = self._row[0], _described(self._row)
        self._shape, self._dimensions = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
        self._result = ctypes.POINTER(ctypes.c_float)()
        self._to = tuple(map(ctypes.byref, (self._shape, self._dimensions, self._result)))
        self._predict = self._library.XGBoosterPredictFromDense
        self._prepared = (
            self._handle, self._row_text, self._config, self._rows, *self._to,
        )  # fmt: skip
        self._outputs = self(np.zeros((1, features))).size

    def __call__(self, rows: Array) -> Array:
        """What the objective gives for each row, in single precision."""
        if rows.shape[1] != self._features:
            raise ValueError(f"{rows.shape[1]} features, the model takes {self._features}")
        if len(rows) == 1:
            self._row[:] = rows
            text = self._row_text
        else:
            rows = np.ascontiguousarray(rows, np.float32)
            text = _described(rows)
        self._call(self._predict, self._handle, text, self._config, self._rows, *self._to)
        shape = tuple(self._shape[: self._dimensions.value])
        found = np.ctypeslib.as_array(self._result, shape)
        return found.copy()  # the library uses the place again

    def row(self, values: Sequence[Any]) -> list[float]:
        """What the objective gives for one row; for one thread at a time."""
        self._single[:] = values
        if self._predict(*self._prepared):
            raise RuntimeError(self._library.XGBGetLastError().decode())
        return self._result[: self._outputs]

    def _call(self, function: Any, *arguments: Any) -> None:  # noqa: ANN401 - of C
        if function(*arguments):
            raise RuntimeError(self._library.XGBGetLastError().decode())


def _described(rows: Array) -> bytes:
    """NumPy's own description of an array: where it lies, and what of."""
    interface = dict(rows.__array_interface__)
    interface.pop("descr", None)
    interface["data"] = (interface["data"][0], True)
    return json.dumps(interface).encode()


def library() -> str:
    """Name and version of what runs it."""
    return f"xgboost {version('xgboost-cpu')}"


def load(folder: Path, settings: Mapping[str, Any]) -> BoostedPlan:
    """A plan from its files."""
    model = (folder / FILE).read_bytes()
    return BoostedPlan(Rows(model, settings["features"], settings["iterations"]), settings)
