"""What a model costs, and whether it answers rows together as one by one: tried at the start.

Only what was seen to be equal to the last bit is joined later on: a model that looks at all rows
of a call at once, or a library that adds up in another order, would answer a client by who else
asks.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from leadsman_serving.columns import FLOATS, INTEGERS
from leadsman_serving.cost import Cost, fitted
from leadsman_serving.errors import BadRequest
from leadsman_serving.joined import NotByRow, apart, joined, kind_of, taken
from leadsman_serving.model import Model
from leadsman_serving.schema import Schema
from leadsman_serving.table import Table

SIZES = (1, 2, 8, 32, 128)
"""Rows of the calls that are timed."""
_TIMES = 5
_SECONDS = 0.4
"""How long either trial goes on: a slow model is known after fewer calls."""
_ROWS = 24
"""Rows that are asked for together and one by one."""
_TOGETHER = (2, 7, _ROWS)
"""Libraries choose another way by the number of rows, so several are tried."""


async def measured(call: Callable[[int], Awaitable[None]]) -> Cost:
    """The cost of a call with so many rows; small calls first, as many as there is time for."""
    ends = time.perf_counter() + _SECONDS
    found: list[tuple[int, float]] = []
    for rows in SIZES:
        if found and time.perf_counter() + found[-1][1] * rows / found[-1][0] > ends:
            break
        times: list[float] = []
        while len(times) < _TIMES and (not times or time.perf_counter() < ends):
            began = time.perf_counter()
            await call(rows)
            times.append(time.perf_counter() - began)
        found.append((rows, sorted(times)[len(times) // 2]))
    return fitted(found)


def answers_by_row(model: Model) -> bool:
    """Whether each row's answer is the same whoever is asked for beside it.

    Code of its own may do anything with the rows of a call, and few trials prove nothing of it.
    """
    if model.is_code or not model.example:
        return False
    kinds: dict[Hashable, list[Table]] = {}
    for row in varied(model.schema, model.example):
        try:
            table = model.schema.table([row])
        except BadRequest:
            continue
        kinds.setdefault(kind_of(table), []).append(table)
    tables = max(kinds.values(), key=len, default=[])
    try:
        return _agree(model.predict, tables) and _agree(model.probabilities, tables)
    except Exception:  # noqa: BLE001 - a model that refuses such rows is not proven by them
        return False


def varied(schema: Schema, example: Sequence[Any]) -> Iterator[object]:
    """The rows of the example, then the same with other numbers."""
    for number in range(_ROWS):
        row, turn = example[number % len(example)], number // len(example)
        if not schema.columns or not turn:
            yield row
            continue
        values = [row.get(one.name) for one in schema.columns] if isinstance(row, dict) else row
        yield [
            _moved(value, column.type, turn)
            for value, column in zip(values, schema.columns, strict=True)
        ]


def _moved(value: Any, kind: str, turn: int) -> object:  # noqa: ANN401 - JSON
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if kind in FLOATS:
        return value * (1 + turn / 7) + turn / 13
    return value + turn % 3 if kind in INTEGERS else value


def _agree(predict: Callable[[Table], object], tables: Sequence[Table]) -> bool:
    """Whether rows together get what each gets alone; not known of rows that are all the same."""
    ends = time.perf_counter() + _SECONDS
    alone: list[Any] = []
    for table in tables:
        if len(alone) > 1 and time.perf_counter() > ends:
            break
        alone.append(predict(table))
    if alone and alone[0] is None:  # it has no probabilities
        return True
    whole = joined(tables[: len(alone)]) if len(alone) > 1 else None
    if whole is None or _are_same([taken(whole, [place]) for place in range(len(alone))]):
        return False
    for size in _TOGETHER:
        number = min(size, len(alone))
        given = predict(taken(whole, slice(number)))
        try:
            parts = apart(given, [1] * number)
        except NotByRow:
            return False
        if not all(map(_equal, parts, alone)):
            return False
    return True


def _are_same(rows: Sequence[Table]) -> bool:
    """Whether all these tables of one row have the same values."""
    # As texts, because no NaN equals another. No frame: pandas would double the server's memory.
    return len({repr(_values(one)) for one in rows}) == 1


def _values(row: Table) -> list[Any]:
    if row.columns is None:
        return [row.array().tolist()]
    return [column.tolist() for column in row.columns.values()]


def _equal(one: Any, other: Any) -> bool:  # noqa: ANN401 - whatever libraries give
    """To the last bit, and of the same type."""
    if type(one) is not type(other):
        return False
    if hasattr(one, "equals"):  # frames and series, whose rows have other numbers
        left, right = one.reset_index(drop=True), other.reset_index(drop=True)
        return bool(left.equals(right))
    if not isinstance(one, np.ndarray):
        return bool(one == other)
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
