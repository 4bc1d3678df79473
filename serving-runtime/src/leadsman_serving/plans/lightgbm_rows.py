"""LightGBM's call for single rows, which its Python package does not offer.

https://lightgbm.readthedocs.io/en/stable/C-API.html, LGBM_BoosterPredictForMatSingleRowFast
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leadsman_serving.plans.boosted import FILE, BoostedPlan, library_of, shared_object
from leadsman_serving.table import Array

NORMAL, LEAVES = 0, 2
"""What is predicted: what the objective gives, or the number of each tree's leaf."""
_FLOAT64, _ROW_MAJOR = 1, 1
_PARAMETERS = b"num_threads=1 predict_disable_shape_check=false"


class Rows:
    """A booster with a handle for single rows; for one thread at a time."""

    def __init__(self, model: bytes, kind: int = NORMAL) -> None:
        """Read a model's text; RuntimeError where the library refuses it."""
        self._library, self._kind = shared_object("lightgbm", "lib_lightgbm.so"), kind
        self._library.LGBM_GetLastError.restype = ctypes.c_char_p
        self._handle = ctypes.c_void_p()
        iterations = ctypes.c_int()
        self._call(
            self._library.LGBM_BoosterLoadModelFromString,
            model, ctypes.byref(iterations), ctypes.byref(self._handle),
        )  # fmt: skip
        self._features = self._number("LGBM_BoosterGetNumFeature")
        self._outputs = self._number(
            "LGBM_BoosterGetNumClasses" if kind == NORMAL else "LGBM_BoosterNumberOfTotalModel"
        )
        self.out = np.empty(self._outputs)
        """What the last single row has given."""
        self._length = ctypes.c_int64()
        self._fast = ctypes.c_void_p()
        self._call(
            self._library.LGBM_BoosterPredictForMatSingleRowFastInit,
            self._handle, kind, 0, -1, _FLOAT64, self._features, _PARAMETERS,
            ctypes.byref(self._fast),
        )  # fmt: skip
        # One place in memory for single rows, so that the call is made ready once.
        self._row = np.empty(self._features)
        self._place: Any = self._row.data.cast("B")
        self._pack = struct.Struct(f"{self._features}d").pack_into
        self._predict_row = self._library.LGBM_BoosterPredictForMatSingleRowFast
        self._prepared = (
            self._fast, ctypes.c_void_p(self._row.ctypes.data), ctypes.byref(self._length),
            ctypes.c_void_p(self.out.ctypes.data),
        )  # fmt: skip

    def __call__(self, rows: Array) -> Array:
        """What is predicted for each row."""
        rows = np.ascontiguousarray(rows, np.float64)
        if rows.shape[1] != self._features:
            raise ValueError(f"{rows.shape[1]} features, the model takes {self._features}")
        if len(rows) == 1:
            self._row[:] = rows[0]
            self._call(self._predict_row, *self._prepared)
            return self.out.copy() if self._outputs == 1 else self.out.reshape(1, -1).copy()
        out = np.empty((len(rows), self._outputs))
        self._call(
            self._library.LGBM_BoosterPredictForMat,
            self._handle, ctypes.c_void_p(rows.ctypes.data), _FLOAT64, len(rows), self._features,
            _ROW_MAJOR, self._kind, 0, -1, _PARAMETERS, ctypes.byref(self._length),
            ctypes.c_void_p(out.ctypes.data),
        )  # fmt: skip
        return out.ravel() if self._outputs == 1 else out

    def single(self, values: Sequence[Any]) -> None:
        """Predict one row into `out`; for one thread at a time."""
        try:
            self._pack(self._place, 0, *values)
        except struct.error:  # a None, which NumPy takes for a gap; or too few values
            self._row[:] = values
        if self._predict_row(*self._prepared):
            raise RuntimeError(self._library.LGBM_GetLastError().decode())

    def row(self, values: Sequence[Any]) -> list[float]:
        """What is predicted for one row; for one thread at a time."""
        self.single(values)
        found: list[float] = self.out.tolist()
        return found

    def _number(self, name: str) -> int:
        found = ctypes.c_int()
        self._call(getattr(self._library, name), self._handle, ctypes.byref(found))
        return found.value

    def _call(self, function: Any, *arguments: Any) -> None:  # noqa: ANN401 - of C
        if function(*arguments):
            raise RuntimeError(self._library.LGBM_GetLastError().decode())


def library() -> str:
    """Name and version of what runs it."""
    return library_of("lightgbm")


def load(folder: Path, settings: Mapping[str, Any]) -> BoostedPlan:
    """A plan from its files."""
    return BoostedPlan(Rows((folder / FILE).read_bytes()), settings)
