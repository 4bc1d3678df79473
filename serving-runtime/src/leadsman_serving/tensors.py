"""The tensors of a signature, and models without one: arrays of numbers from nested lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadsman_serving.columns import refused
from leadsman_serving.table import Array, Table


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input of a model that takes tensors."""

    name: str | None
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    """With -1 for any length; the first dimension counts the rows."""

    def array(self, rows: Sequence[Any]) -> Array:
        """The rows as an array; BadRequest when they do not fit."""
        array = numbers(rows, self.dtype)
        fits = len(array.shape) == len(self.shape) and all(
            wanted in (-1, given)
            for wanted, given in zip(self.shape[1:], array.shape[1:], strict=True)
        )
        if not fits:
            raise refused(
                f"a row has the shape {list(array.shape[1:])},"
                f" the model takes {list(self.shape[1:])}",
                self.name,
            )
        return array


def table_of_tensors(tensors: Sequence[Tensor], rows: Sequence[Any]) -> Table:
    """Rows for the one tensor of a model, or for each of several by its name."""
    if len(tensors) == 1 and not isinstance(rows[0], Mapping):
        return Table(matrix=tensors[0].array(rows), is_tensor=True)
    for tensor in tensors:
        lacking = next((n for n, row in enumerate(rows) if not _has(row, tensor.name)), None)
        if lacking is not None:
            raise refused(f"row {lacking} lacks {tensor.name!r}", tensor.name, lacking)
    arrays = {
        str(tensor.name): tensor.array([row[tensor.name] for row in rows]) for tensor in tensors
    }
    return Table(columns=arrays, is_tensor=True)


def table_without_signature(rows: Sequence[Any]) -> Table:
    """Rows for a model of which nothing is known: by name as they are, by place as numbers."""
    if not isinstance(rows[0], Mapping):
        return Table(matrix=numbers(rows, np.dtype(np.float64)))
    names = tuple(map(str, rows[0]))
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping) or set(row) != set(names):
            raise refused(f"row {number} must name {', '.join(names)}, as row 0 does", row=number)
    columns = {name: np.asarray([row[name] for row in rows]) for name in names}
    return Table(columns=columns, names=names)


def numbers(rows: Sequence[Any], dtype: np.dtype[Any]) -> Array:
    """Nested lists as an array of a type, without a value being changed by it."""
    try:
        given = _of_kind(rows, dtype)
        with np.errstate(all="ignore"):
            array = given.astype(dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise refused(f"rows must hold numbers and be equally long: {error}") from error
    if dtype.kind in "biu" and not np.array_equal(array, given):
        raise refused(f"rows hold values that are no {dtype}")
    return array


def _of_kind(rows: Sequence[Any], dtype: np.dtype[Any]) -> Array:
    """The rows as NumPy reads them, where texts are texts and numbers are numbers or missing."""
    given = np.asarray(rows)
    if given.dtype.kind in ("biuf" if dtype.kind in "biuf" else "U"):
        return given
    given = np.asarray(rows, dtype=object)
    if any(isinstance(value, str) != (dtype.kind == "U") for value in given.flat):
        raise TypeError(f"they must hold {dtype}")
    return given


def _has(row: object, name: str | None) -> bool:
    return isinstance(row, Mapping) and name in row
