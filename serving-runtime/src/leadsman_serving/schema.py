"""The signature of a model as what clients may send: columns with types, or a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from leadsman_serving.errors import BadRequest

Table: TypeAlias = "pd.DataFrame | np.ndarray[Any, Any]"
"""Rows as a model takes them: a frame where columns have names, else an array."""

_INTEGERS = {"integer": np.int32, "long": np.int64}
_FLOATS = {"float": np.float32, "double": np.float64}
_DTYPES: dict[str, Any] = {**_INTEGERS, **_FLOATS, "boolean": np.bool_}
_SAMPLES: dict[str, Any] = {"string": "", "boolean": False, "binary": "", "datetime": "2026-01-01"}


@dataclass(frozen=True, slots=True)
class Column:
    """One input of the model."""

    name: str | None
    type: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Schema:
    """All inputs; without columns anything is taken."""

    columns: tuple[Column, ...] = ()
    tensor: np.dtype[Any] | None = None
    allows_missing: bool = True
    """Whether the model takes numbers that are missing; found out at the start."""

    @property
    def names(self) -> list[str]:
        """The names of the columns; empty where they have none."""
        return [column.name for column in self.columns if column.name is not None]

    def table(self, rows: Sequence[Any]) -> Table:
        """Rows by position or by name; BadRequest names the column that is wrong."""
        if not rows:
            raise refused("no row was sent: send at least one")
        if self.tensor is not None or not self.columns:
            return self._untyped(rows)
        values = [self._row(row, number) for number, row in enumerate(rows)]
        columns = {
            column.name or str(place): _typed(column, [row[place] for row in values])
            for place, column in enumerate(self.columns)
        }
        frame = pd.DataFrame(columns)
        return frame if self.names else frame.to_numpy()

    def sample(self) -> list[Any] | None:
        """A row of plain values that fits; None when nothing is known of the columns."""
        if not self.columns:
            return None
        return [_SAMPLES.get(column.type, 0) for column in self.columns]

    def _untyped(self, rows: Sequence[Any]) -> Table:
        if isinstance(rows[0], Mapping):
            return pd.DataFrame(list(rows))
        try:
            return np.asarray(rows, dtype=self.tensor or np.float64)
        except (ValueError, TypeError) as error:
            raise refused(f"rows must hold numbers and be equally long: {error}") from error

    def _row(self, row: object, number: int) -> list[Any]:
        if isinstance(row, Mapping):
            return self._by_name(row, number)
        if not isinstance(row, Sequence) or isinstance(row, str):
            raise refused(f"row {number} is no list of values and no object with named values")
        if len(row) != len(self.columns):
            raise refused(
                f"row {number} has {len(row)} features, the model takes {len(self.columns)}"
            )
        return [
            self._value(column, value, number)
            for column, value in zip(self.columns, row, strict=True)
        ]

    def _by_name(self, row: Mapping[str, Any], number: int) -> list[Any]:
        if not self.names:
            raise refused("the model's features have no names: send a list of values")
        missing = [
            column.name
            for column in self.columns
            if column.required and column.name is not None and column.name not in row
        ]
        if missing:
            raise refused(f"row {number} lacks {', '.join(repr(name) for name in missing)}")
        return [self._value(column, row.get(column.name or ""), number) for column in self.columns]

    def _value(self, column: Column, value: object, number: int) -> Any:  # noqa: ANN401 - of the column's type
        if value is None or (isinstance(value, float) and math.isnan(value)):
            if column.type in _FLOATS and self.allows_missing:
                return math.nan
            if not column.required or column.type in ("string", "datetime"):
                return None
            raise refused(f"row {number}: {_title(column)} is missing its value")
        check = _CHECKS.get(column.type)
        if check is not None and not check(value):
            shown = repr(value)[:50]
            raise refused(f"row {number}: {_title(column)} is no {column.type}: {shown}")
        return value


def schema_of(inputs: Sequence[Mapping[str, Any]] | None) -> Schema:
    """The schema that a signature's inputs describe."""
    if not inputs:
        return Schema()
    if inputs[0].get("type") == "tensor":
        return Schema(tensor=np.dtype(inputs[0]["tensor-spec"]["dtype"]))
    columns = tuple(
        Column(one.get("name"), str(one["type"]), bool(one.get("required", True))) for one in inputs
    )
    return Schema(columns)


def refused(message: str) -> BadRequest:
    """A body that is JSON and does not fit the model."""
    return BadRequest(HTTPStatus.UNPROCESSABLE_ENTITY, "InvalidInput", message)


def _title(column: Column) -> str:
    return f"column {column.name!r}" if column.name else "a feature"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_integer(value: object) -> bool:
    return _is_number(value) and float(value) == int(value)  # type: ignore[arg-type, call-overload]


_CHECKS: dict[str, Callable[[object], bool]] = {
    "integer": _is_integer,
    "long": _is_integer,
    "float": _is_number,
    "double": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
}


def _typed(column: Column, values: list[Any]) -> Any:  # noqa: ANN401 - an array or a list
    if column.type == "datetime":
        return pd.to_datetime(values)
    dtype = _DTYPES.get(column.type)
    if dtype is None or None in values:
        return pd.Series(values, dtype=object)
    try:
        return np.asarray(values).astype(dtype)
    except (OverflowError, ValueError) as error:
        raise refused(f"{_title(column)}: {error}") from error
