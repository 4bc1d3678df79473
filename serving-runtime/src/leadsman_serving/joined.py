"""Tables of several requests as one, and one answer as those of several.

Only what is of the same kind is joined: an array that holds both would otherwise be of a third
kind, and a model may answer differently for it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from leadsman_serving.table import Array, Table


class NotByRow(Exception):
    """What a model gave can't be told apart by rows."""


def kind_of(table: Table) -> Hashable:
    """Equal for tables that one array, or one frame, holds as each of their own would."""
    if table.columns is not None:
        columns = tuple((name, _array_kind(one)) for name, one in table.columns.items())
        return columns, table.names, table.is_tensor
    return _array_kind(table.array()), table.names, table.is_tensor


def _array_kind(array: Array) -> Hashable:
    """Type and shape of a row; of objects, the types in each column as well.

    pandas decides by all of a column's values what it is a column of: a gap among words is
    another value than a gap alone.
    """
    if array.dtype != object:
        return array.dtype.str if array.dtype.kind not in "US" else array.dtype.kind, array.shape[
            1:
        ]
    by_column = array.reshape(len(array), -1).T
    return tuple(frozenset(map(type, column)) for column in by_column), array.shape[1:]


def length(table: Table) -> int:
    """How many rows there are."""
    if table.matrix is not None:
        return len(table.matrix)
    return len(next(iter((table.columns or {}).values())))


def joined(tables: Sequence[Table]) -> Table:
    """All rows, one table's after the other's; all are of one kind."""
    if len(tables) == 1:
        return tables[0]
    first = tables[0]
    if first.columns is None:
        return replace(first, matrix=np.concatenate([one.array() for one in tables]))
    columns = {
        name: np.concatenate([(one.columns or {})[name] for one in tables])
        for name in first.columns
    }
    return replace(first, columns=columns)


def taken(table: Table, places: Sequence[int] | slice) -> Table:
    """The rows at these places."""
    if table.columns is None:
        return replace(table, matrix=table.array()[places])
    columns: Mapping[str, Array] = {name: one[places] for name, one in table.columns.items()}
    return replace(table, columns=columns)


def apart(values: object, lengths: Sequence[int]) -> list[Any]:
    """What a model gave, for each of the tables; NotByRow where that can't be said."""
    if not _is_by_row(values) or len(values) != sum(lengths):  # type: ignore[arg-type]
        raise NotByRow(type(values).__name__)
    rows: Any = values.iloc if hasattr(values, "iloc") else values
    return [rows[begin:end] for begin, end in _bounds(lengths)]


def _bounds(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    begin = 0
    for length_of_one in lengths:
        yield begin, begin + length_of_one
        begin += length_of_one


def _is_by_row(values: object) -> bool:
    """An array, a list, or a frame or series of pandas."""
    if isinstance(values, np.ndarray):
        return values.ndim > 0
    return type(values) is list or hasattr(values, "iloc")
