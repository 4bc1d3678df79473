"""Plans of trees that any library has fitted, run by LightGBM's call for single rows.

It tells the leaf of each tree. The leaves' values are added up here, in the order and the
precision of the original, so that the sums are its own to the last bit.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from leadsman_serving.plans import lightgbm_rows
from leadsman_serving.plans.boosted import BINARY, CLASSES, FILE, PROBABILITIES
from leadsman_serving.plans.lightgbm_rows import LEAVES, Rows
from leadsman_serving.plans.links import EXP, IDENTITY, SIGMOID, SOFTMAX
from leadsman_serving.table import Array, Table

VALUES = "leaves.npz"
_AT_A_TIME = 1024
_FEW = 8
"""So many rows are told faster one by one: together each tree is a step for itself."""
_LARGEST_POWER = 88.7
Link: TypeAlias = Callable[[Array], Array]


class LeafSums:
    """From rows to the sums of the leaves that they end in."""

    def __init__(self, rows: Rows, values: Array, firsts: Array, outputs: int) -> None:
        """`values` are those of all leaves, `firsts` says where each tree's begin."""
        self._rows, self._values, self._outputs = rows, values, outputs
        self._firsts = firsts.astype(np.float64)
        self._places = np.empty(len(firsts), np.intp)
        # Trees that take turns give one value each, others one for each output.
        self._takes_turns = values.ndim == 1

    def row(self, values: Sequence[Any]) -> Array:
        """The sums of one row; for one thread at a time."""
        found = self._leaves(values)
        if self._outputs == 1:
            # One after the other, where a sum would be taken by pairs.
            return np.asarray(np.add.accumulate(found)[-1:])
        return np.asarray(np.add.reduce(found.reshape(-1, self._outputs), 0))

    def only(self, values: Sequence[Any]) -> float:
        """The sum of one row where there is one output."""
        total: float = np.add.accumulate(self._leaves(values)).item(-1)
        return total

    def _leaves(self, values: Sequence[Any]) -> Array:
        rows, places = self._rows, self._places
        rows.single(values)
        np.add(rows.out, self._firsts, places, casting="unsafe")
        found: Array = self._values.take(places, 0)
        return found

    def __call__(self, rows: Array) -> Array:
        """Rows by outputs."""
        if len(rows) <= _FEW:
            return np.array([self.row(one) for one in rows.tolist()])
        parts = [
            self._together(rows[begin : begin + _AT_A_TIME])
            for begin in range(0, len(rows), _AT_A_TIME)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _together(self, rows: Array) -> Array:
        places = (self._rows(rows).reshape(len(rows), -1) + self._firsts).astype(np.intp)
        sums = np.zeros((len(rows), self._outputs), self._values.dtype)
        step = self._outputs if self._takes_turns else 1
        for first in range(0, places.shape[1], step):
            found = self._values[places[:, first : first + step]]
            sums += found if self._takes_turns else found[:, 0]
        return sums


class TreePlan:
    """Sums of leaves, and what the original makes of them."""

    def __init__(self, sums: LeafSums, settings: Mapping[str, Any]) -> None:
        """`divisor` and `link` of the settings turn sums into what is told.

        A row is of the second of two classes if its sum, divided, is more than `above`.
        """
        self._sums, self._kind = sums, settings["kind"]
        self._divisor, self._above = settings["divisor"], settings["above"]
        self._link = _links()[settings["link"]]
        classes = settings["classes"]
        self._classes = None if classes is None else np.array(classes)
        self._labels: list[Any] = [] if classes is None else list(classes)
        self._serves_shares = settings["function"] == PROBABILITIES
        tells_sums = self._kind == BINARY or settings["link"] == IDENTITY
        self._tells_one = settings["outputs"] == 1 and tells_sums and not self._serves_shares

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method of the original gives."""
        del params
        if self._serves_shares:
            return self.probabilities(table)
        return self._answers(self._divided(self._sums(table.array())))

    def probabilities(self, table: Table) -> Array | None:
        """The probability of each class; None for what knows no classes."""
        if self._classes is None:
            return None
        return self._shares(self._divided(self._sums(table.array())))

    def row(self, values: Sequence[Any]) -> object:
        """What `predict` gives for one row, as JSON has it; for one thread at a time."""
        if self._tells_one:
            total = self._sums.only(values) / self._divisor
            return self._labels[total > self._above] if self._kind == BINARY else total
        found = self._divided(self._sums.row(values))
        if self._serves_shares:
            shares: list[Any] = self._shares(found[np.newaxis])[0].tolist()
            return shares
        if self._kind == CLASSES:
            return self._labels[found.argmax()]
        told = self._link(found).tolist()
        return told[0] if len(told) == 1 else told

    def _answers(self, values: Array) -> Array:
        if self._classes is None:
            told = self._link(values)
            return told.ravel() if values.shape[1] == 1 else told
        if self._kind == BINARY:
            return np.asarray(self._classes[(values[:, 0] > self._above).astype(np.intp)])
        return np.asarray(self._classes[values.argmax(axis=1)])

    def _shares(self, values: Array) -> Array:
        found = self._link(values)
        if self._kind != BINARY:
            return found
        second = found[:, 0]
        return np.vstack((second.dtype.type(1) - second, second)).transpose()

    def _divided(self, values: Array) -> Array:
        return values if self._divisor == 1 else values / self._divisor


@cache
def _links() -> Mapping[str, Link]:
    return {IDENTITY: lambda sums: sums, SIGMOID: _sigmoid, EXP: _exp, SOFTMAX: _softmax}


def _sigmoid(sums: Array) -> Array:
    if sums.dtype != np.float32:
        with np.errstate(over="ignore"):
            return np.asarray(1.0 / (1.0 + np.exp(-sums)))
    # https://github.com/dmlc/xgboost/blob/v3.0.0/src/common/math.h
    one = np.float32(1)
    return one / (_exp(np.minimum(-sums, np.float32(_LARGEST_POWER))) + one)


def _exp(sums: Array) -> Array:
    if sums.dtype != np.float32:
        return np.asarray(np.exp(sums))
    # Of the C library, as XGBoost's: NumPy's own differs in the last bit.
    power = _libm().expf
    flat = [power(one) for one in sums.ravel().tolist()]
    return np.array(flat, np.float32).reshape(sums.shape)


def _softmax(sums: Array) -> Array:
    parts = _exp(sums - sums.max(axis=1, keepdims=True))
    # One after the other and in double precision, as XGBoost does.
    whole = np.add.accumulate(parts, axis=1, dtype=np.float64)[:, -1:]
    return np.asarray(parts / whole.astype(parts.dtype))


@cache
def _libm() -> ctypes.CDLL:
    library = ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6")
    library.expf.restype, library.expf.argtypes = ctypes.c_float, [ctypes.c_float]
    return library


def last_of_the_first_class() -> float:
    """The largest sum in single precision whose probability is not more than a half."""
    low, high = np.float32(0), np.float32(1)
    while np.nextafter(low, high) < high:
        middle = np.float32((low + high) / 2)
        is_more = _sigmoid(np.array([middle]))[0] > np.float32(0.5)
        low, high = (low, middle) if is_more else (middle, high)
    return float(low)


def library() -> str:
    """Name and version of what runs it."""
    return lightgbm_rows.library()


def load(folder: Path, settings: Mapping[str, Any]) -> TreePlan:
    """A plan from its files."""
    rows = Rows((folder / FILE).read_bytes(), LEAVES)
    with np.load(folder / VALUES, allow_pickle=False) as arrays:
        values, firsts = arrays["values"], arrays["firsts"]
    return TreePlan(LeafSums(rows, values, firsts, settings["outputs"]), settings)
