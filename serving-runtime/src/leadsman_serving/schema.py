"""The signature of a model as what clients may send: columns with types, or tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from leadsman_serving.columns import FLOATS, Column, refused
from leadsman_serving.table import Array, FloatRows, Table
from leadsman_serving.tensors import Tensor, table_of_tensors, table_without_signature

_SAMPLES: dict[str, Any] = {
    "string": "", "boolean": False, "binary": "", "datetime": "2026-01-01T00:00:00",
    "integer": 0, "long": 0, "float": 0.0, "double": 0.0,
}  # fmt: skip
_GUESSED = {"string", "binary", "datetime"}


@dataclass(frozen=True, slots=True)
class Schema:
    """All inputs; without columns and tensors anything is taken."""

    columns: tuple[Column, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    allows_missing: bool = True
    """Whether the model takes numbers that are missing; found out at the start."""
    names: tuple[str, ...] = field(init=False)
    """The names of the columns; empty where they have none."""
    has_doubles_only: bool = field(init=False)

    def __post_init__(self) -> None:
        """Find once what each request asks for."""
        named = tuple(column.name for column in self.columns if column.name is not None)
        object.__setattr__(self, "names", named)
        doubles = bool(self.columns) and all(one.type == "double" for one in self.columns)
        object.__setattr__(self, "has_doubles_only", doubles)

    def unknown(self, rows: Sequence[Any]) -> int:
        """How many names of the first row are none of the model's."""
        if not self.names or not rows or not isinstance(rows[0], Mapping):
            return 0
        return len(rows[0]) - sum(name in rows[0] for name in self.names)

    @property
    def can_be_guessed(self) -> bool:
        """Whether a made-up row is one that any such model takes: numbers only, no words."""
        return bool(self.columns) and all(
            column.type in _SAMPLES and column.type not in _GUESSED for column in self.columns
        )

    def sample(self) -> list[Any] | None:
        """A made-up row; None when nothing is known of the columns."""
        if not self.columns or any(column.type not in _SAMPLES for column in self.columns):
            return None
        return [_SAMPLES[column.type] for column in self.columns]

    def table(self, rows: Sequence[Any]) -> Table:
        """Rows by position or by name; BadRequest names the column that is wrong."""
        if not rows:
            raise refused("no row was sent: send at least one")
        if self.tensors:
            return table_of_tensors(self.tensors, rows)
        if not self.columns:
            return table_without_signature(rows)
        matrix = self._numbers(rows)
        if matrix is not None:
            return Table(matrix=matrix, names=self.names)
        return self._checked(rows)

    def _numbers(self, rows: Sequence[Any]) -> Array | None:
        """All rows at once, where every value is a plain number and every column a double."""
        if not self.has_doubles_only:
            return None
        if type(rows) is FloatRows:
            matrix = rows.matrix()
            return matrix if np.isfinite(matrix).all() else None
        try:
            lists = [
                row if type(row) is list else [row[name] for name in self.names] for row in rows
            ]
            if not {float, int}.issuperset(map(type, chain.from_iterable(lists))):
                return None
            matrix = np.array(lists, np.float64)
        except (KeyError, TypeError, ValueError, OverflowError, IndexError):
            return None  # what is wrong is told by the slower way
        fits = matrix.shape == (len(rows), len(self.columns)) and bool(np.isfinite(matrix).all())
        return matrix if fits else None

    def _checked(self, rows: Sequence[Any]) -> Table:
        """Value by value, so that the one that is wrong can be named."""
        values = [self._row(row, number) for number, row in enumerate(rows)]
        arrays = [
            column.array([row[place] for row in values], allows_missing=self.allows_missing)
            for place, column in enumerate(self.columns)
        ]
        return self.assembled(arrays)

    def assembled(self, arrays: Sequence[Array]) -> Table:
        """One checked array for each column, in their order, as the rows that they make."""
        kinds = {array.dtype for array in arrays}
        if len(kinds) == 1 and next(iter(kinds)).kind in "fi":
            return Table(matrix=np.column_stack(arrays), names=self.names)
        if self.names:
            return Table(columns=dict(zip(self.names, arrays, strict=True)), names=self.names)
        numeric = all(kind.kind in "fi" for kind in kinds)
        return Table(
            matrix=np.column_stack(arrays if numeric else [one.astype(object) for one in arrays])
        )

    def _row(self, row: object, number: int) -> list[Any]:
        if isinstance(row, Mapping):
            return self._by_name(row, number)
        if not isinstance(row, Sequence) or isinstance(row, str):
            message = f"row {number} is no list of values and no object with named values"
            raise refused(message, row=number)
        if len(row) != len(self.columns):
            message = f"row {number} has {len(row)} features, the model takes {len(self.columns)}"
            raise refused(message, row=number)
        return list(row)

    def _by_name(self, row: Mapping[str, Any], number: int) -> list[Any]:
        if not self.names:
            message = "the model's features have no names: send a list of values"
            raise refused(message, row=number)
        missing = [
            column.name
            for column in self.columns
            if column.required and column.name is not None and column.name not in row
        ]
        if missing:
            message = f"row {number} lacks {', '.join(repr(name) for name in missing)}"
            raise refused(message, missing[0], number)
        return [row.get(name) for name in self.names]

    def with_gaps(self, row: object) -> list[Any] | None:
        """The row with every floating-point number missing; None where it has none."""
        if not any(column.type in FLOATS for column in self.columns):
            return None
        return [
            math.nan if column.type in FLOATS else value
            for column, value in zip(self.columns, self._row(row, 0), strict=True)
        ]


def schema_of(inputs: Sequence[Mapping[str, Any]] | None) -> Schema:
    """The schema that a signature's inputs describe."""
    if not inputs:
        return Schema()
    if inputs[0].get("type") == "tensor":
        return Schema(tensors=tuple(map(_tensor, inputs)))
    return Schema(
        tuple(
            Column(one.get("name"), str(one["type"]), bool(one.get("required", True)))
            for one in inputs
        )
    )


def _tensor(described: Mapping[str, Any]) -> Tensor:
    spec = described["tensor-spec"]
    kind = np.dtype("U" if spec["dtype"] in ("str", "object") else spec["dtype"])
    return Tensor(described.get("name"), kind, tuple(spec["shape"]))
