"""The columns of a signature, and how values from JSON become arrays of their types.

Stricter than MLflow where that would guess (a text is no number), and as mild where it costs
nothing (1 is a double, 1.0 is a long).
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np

from leadsman_serving.errors import BadRequest
from leadsman_serving.table import Array

INTEGERS: dict[str, Any] = {"integer": np.int32, "long": np.int64}
FLOATS: dict[str, Any] = {"float": np.float32, "double": np.float64}
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Column:
    """One input of a model."""

    name: str | None
    type: str
    """MLflow's name of the type, such as `double`."""
    required: bool = True

    def array(self, values: Sequence[Any], *, allows_missing: bool) -> Array:
        """The values as an array; BadRequest names the first that does not fit, and its row."""
        if self.type in FLOATS:
            return self._floats(values, allows_missing=allows_missing or not self.required)
        if self.type in INTEGERS:
            return self._integers(values)
        read = _READERS.get(self.type, _as_it_is)
        missing_is_fine = not self.required or self.type in ("string", "datetime")
        return _objects(
            [
                self._read(read, value, row, missing_is_fine=missing_is_fine)
                for row, value in enumerate(values)
            ],
            self.type,
        )

    def _floats(self, values: Sequence[Any], *, allows_missing: bool) -> Array:
        read = [
            self._read(_number, value, row, missing_is_fine=allows_missing)
            for row, value in enumerate(values)
        ]
        wide = np.array([math.nan if value is None else value for value in read], np.float64)
        with np.errstate(over="ignore"):
            narrow = wide.astype(FLOATS[self.type])
        lost = np.isinf(narrow)
        if lost.any():
            row = int(lost.argmax())
            raise self._unfit(values[row], row)
        return narrow

    def _integers(self, values: Sequence[Any]) -> Array:
        read = [
            self._read(_integer, value, row, missing_is_fine=not self.required)
            for row, value in enumerate(values)
        ]
        limits = np.iinfo(INTEGERS[self.type])
        for row, value in enumerate(read):
            if value is not None and not limits.min <= value <= limits.max:
                raise self._unfit(values[row], row)
        if None in read:  # as MLflow does: an array of integers has no place for a gap
            return np.array([math.nan if value is None else value for value in read], np.float64)
        return np.array(read, INTEGERS[self.type])

    def _read(
        self, read: Callable[[Any], Any], value: object, row: int, *, missing_is_fine: bool
    ) -> Any:  # noqa: ANN401 - of the column's type
        if value is None or (isinstance(value, float) and math.isnan(value)):
            if missing_is_fine:
                return None
            raise refused(f"row {row}: {self.title} is missing its value", self.name, row)
        try:
            return read(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise self._unfit(value, row) from error

    def _unfit(self, value: object, row: int) -> BadRequest:
        message = f"row {row}: {self.title} is no {self.type}: {repr(value)[:_SHOWN]}"
        return refused(message, self.name, row)

    @property
    def title(self) -> str:
        """What a message calls it."""
        return f"column {self.name!r}" if self.name else "a feature"


def refused(message: str, column: str | None = None, row: int | None = None) -> BadRequest:
    """A body that is JSON and does not fit the model."""
    more = {"column": column, "row": row}
    return BadRequest(HTTPStatus.UNPROCESSABLE_ENTITY, "InvalidInput", message, more)


def value_of(kind: str, value: object) -> Any:  # noqa: ANN401 - of the type
    """One value of one of MLflow's types; TypeError, ValueError or OverflowError if it is none."""
    if kind in FLOATS:
        return _number(value)
    if kind in INTEGERS:
        return _integer(value)
    return _READERS.get(kind, _as_it_is)(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)  # an infinite one is found in the array


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    whole = int(value)
    if whole != value:
        raise ValueError(value)
    return whole


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _binary(value: object) -> bytes:
    try:
        return base64.b64decode(_string(value), validate=True)
    except binascii.Error as error:
        raise ValueError(value) from error


def _datetime(value: object) -> np.datetime64:
    import pandas as pd  # noqa: PLC0415 - not every model needs it

    moment = pd.Timestamp(_string(value))
    # MLflow's type knows no time zone: a moment with one is told in UTC.
    return np.datetime64((moment.tz_convert(None) if moment.tzinfo else moment).isoformat(), "ns")


def _as_it_is(value: object) -> object:
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "boolean": _boolean,
    "string": _string,
    "binary": _binary,
    "datetime": _datetime,
}


def _objects(values: list[Any], kind: str) -> Array:
    if kind == "datetime":
        return np.array([np.datetime64("NaT") if one is None else one for one in values], "M8[ns]")
    if kind == "boolean" and None not in values:
        return np.array(values, np.bool_)
    array = np.empty(len(values), object)
    for place, value in enumerate(values):  # one by one: lists must not become dimensions
        array[place] = value
    return array
