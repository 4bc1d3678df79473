"""LightGBM's call for single rows, which its Python package does not offer.

https://lightgbm.readthedocs.io/en/stable/C-API.html, LGBM_BoosterPredictForMatSingleRowFast
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leadsman_serving.plans.boosted import FILE, BoostedPlan, library_of, shared_object
from leadsman_serving.table import Array

_FLOAT64, _NORMAL, _ROW_MAJOR = 1, 0, 1
_PARAMETERS = b"num_threads=1 predict_disable_shape_check=false"


class Rows:
    """A booster with a handle for single rows; for one thread at a time."""

    def __init__(self, model: bytes) -> None:
        """Read a model's text; RuntimeError where the library refuses it."""
        self._library = shared_object("lightgbm", "lib_lightgbm.so")
        self._library.LGBM_GetLastError.restype = ctypes.c_char_p
        self._handle = ctypes.c_void_p()
        iterations = ctypes.c_int()
        self._call(
            self._library.LGBM_BoosterLoadModelFromString,
            model, ctypes.byref(iterations), ctypes.byref(self._handle),
        )  # fmt: skip
        features, outputs = ctypes.c_int(), ctypes.c_int()
        self._call(self._library.LGBM_BoosterGetNumFeature, self._handle, ctypes.byref(features))
        self._call(self._library.LGBM_BoosterGetNumClasses, self._handle, ctypes.byref(outputs))
        self._features, self._outputs = features.value, outputs.value
        self._out = np.empty(self._outputs)
        self._length = ctypes.c_int64()
        self._fast = ctypes.c_void_p()
        self._call(
            self._library.LGBM_BoosterPredictForMatSingleRowFastInit,
            self._handle, _NORMAL, 0, -1, _FLOAT64, self._features, _PARAMETERS,
            ctypes.byref(self._fast),
        )  # fmt: skip
        # One place in memory for single rows, so that the call is made ready once.
        self._row = np.empty(self._features)
        self._predict_row = self._library.LGBM_BoosterPredictForMatSingleRowFast
        self._prepared = (
            self._fast, ctypes.c_void_p(self._row.ctypes.data), ctypes.byref(self._length),
            ctypes.c_void_p(self._out.ctypes.data),
        )  # fmt: skip

    def __call__(self, rows: Array) -> Array:
        """What the objective gives for each row."""
        rows = np.ascontiguousarray(rows, np.float64)
        if rows.shape[1] != self._features:
            raise ValueError(f"{rows.shape[1]} features, the model takes {self._features}")
        if len(rows) == 1:
            self._row[:] = rows[0]
            self._call(self._predict_row, *self._prepared)
            return self._out.copy() if self._outputs == 1 else self._out.reshape(1, -1).copy()
        out = np.empty((len(rows), self._outputs))
        self._call(
            self._library.LGBM_BoosterPredictForMat,
            self._handle, ctypes.c_void_p(rows.ctypes.data), _FLOAT64, len(rows), self._features,
            _ROW_MAJOR, _NORMAL, 0, -1, _PARAMETERS, ctypes.byref(self._length),
            ctypes.c_void_p(out.ctypes.data),
        )  # fmt: skip
        return out.ravel() if self._outputs == 1 else out

    def row(self, values: Sequence[Any]) -> list[float]:
        """What the objective gives for one row; for one thread at a time."""
        self._row[:] = values
        if self._predict_row(*self._prepared):
            raise RuntimeError(self._library.LGBM_GetLastError().decode())
        return self._out.tolist()

    def _call(self, function: Any, *arguments: Any) -> None:  # noqa: ANN401 - of C
        if function(*arguments):
            raise RuntimeError(self._library.LGBM_GetLastError().decode())


def library() -> str:
    """Name and version of what runs it."""
    return library_of("lightgbm")


def load(folder: Path, settings: Mapping[str, Any]) -> BoostedPlan:
    """A plan from its files."""
    return BoostedPlan(Rows((folder / FILE).read_bytes()), settings)
