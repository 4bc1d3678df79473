"""Columns of categories as tables: the original itself is asked what each value becomes.

So an encoder's treatment of gaps, of rare and of unknown values need not be known here, whatever
stands before and after it, as long as no column changes what becomes of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import impute, preprocessing

from leadsman_serving.flavors.estimators import parts
from leadsman_serving.plans.features import REFUSED, WORDS
from leadsman_serving.plans.proof import UNKNOWN
from leadsman_serving.schema import Schema
from leadsman_serving.table import Array

KEEPS_COLUMNS_APART = (
    impute.SimpleImputer, preprocessing.OneHotEncoder, preprocessing.OrdinalEncoder,
    preprocessing.TargetEncoder, preprocessing.StandardScaler, preprocessing.MinMaxScaler,
    preprocessing.MaxAbsScaler, preprocessing.RobustScaler,
)  # fmt: skip
_MOST_NUMBERS = 4_000_000
_MOST_ASKED_ALONE = 2000
_UNKNOWN_NUMBER = -7_654_321


class NotApart(Exception):
    """It can't be written as tables; the message says why."""


def words_block(
    steps: Sequence[Any], schema: Schema, places: Sequence[int], keep: Callable[[Any], str]
) -> dict[str, Any]:
    """The description of a block for transformers that follow each other; or NotApart."""
    asked = _Asked(steps, schema, places)
    known = [
        list(_known(steps, number, len(places), schema.columns[place].type))
        for number, place in enumerate(places)
    ]
    row = asked.row([values[0] if values else None for values in known])
    if row is None:
        raise NotApart("the encoders refuse a row of known categories")
    columns, seen = [], np.zeros(len(row), np.intp)
    for number, values in enumerate(known):
        kind = schema.columns[places[number]].type
        column, at = _column(asked.column(number, values, kind), row, values)
        seen[at] += 1
        columns.append(
            {**column, "place": places[number], "at": keep(at), "lines": keep(column["lines"])}
        )
    if seen.max(initial=0) > 1:
        raise NotApart("one column of categories changes what becomes of another")
    return {"kind": WORDS, "base": keep(row), "columns": columns}


def _column(
    lines: list[Array | None], row: Array, values: Sequence[Any]
) -> tuple[dict[str, Any], Array]:
    """A column's table, from what each value becomes, a gap and something unknown at the end."""
    told = [line for line in lines if line is not None]
    if len(told) * len(row) > _MOST_NUMBERS:
        raise NotApart("there are too many categories for a table")
    matrix = np.array(told).reshape(len(told), len(row))
    at = np.flatnonzero((matrix != row).any(axis=0))
    place = iter(range(len(told)))
    numbers = [REFUSED if line is None else next(place) for line in lines]
    *known, missing, unknown = numbers
    kept = {value: line for value, line in zip(values, known, strict=True) if line != REFUSED}
    if list(kept.values()) != list(range(len(kept))):
        raise NotApart("the encoders refuse some of their own categories")
    column = {"values": list(kept), "missing": missing, "unknown": unknown, "lines": matrix[:, at]}
    return column, at


class _Asked:
    """The transformers, asked for rows in which a single value is another one."""

    def __init__(self, steps: Sequence[Any], schema: Schema, places: Sequence[int]) -> None:
        self._steps, self._schema, self._places = steps, schema, list(places)
        self._first: list[Any] = []

    def row(self, values: list[Any]) -> Array | None:
        """What a row becomes; it is the row in which values are changed from now on."""
        self._first = values
        found = self._tried([values])
        return None if found is None else np.asarray(found[0])

    def column(self, number: int, values: Sequence[Any], kind: str) -> list[Array | None]:
        """What a row becomes with each value in one column; None where it is refused."""
        unknown = UNKNOWN if kind == "string" else _UNKNOWN_NUMBER
        # Gaps and unknown values are what encoders refuse: known ones are asked for at once.
        return [*self._each(number, values), *self._each(number, (None, unknown))]

    def _each(self, number: int, values: Sequence[Any]) -> list[Array | None]:
        rows = [[*self._first[:number], value, *self._first[number + 1 :]] for value in values]
        together = self._tried(rows)
        if together is not None:
            return list(together)
        if len(rows) > _MOST_ASKED_ALONE:
            raise NotApart("there are too many categories to be asked for one by one")
        alone = [self._tried([row]) for row in rows]
        return [None if one is None else one[0] for one in alone]

    def _tried(self, rows: list[list[Any]]) -> Array | None:
        whole = []
        for row in rows:
            full: list[Any] = [_sample(column.type) for column in self._schema.columns]
            for place, value in zip(self._places, row, strict=True):
                full[place] = value
            whole.append(full)
        try:
            table = self._schema.table(whole)
            found: Any = table.frame_or_array()
            found = found.iloc[:, self._places] if table.names else found[:, self._places]
            for step in self._steps:
                found = step.transform(found)
        except Exception:  # noqa: BLE001 - whatever it raises, it refuses
            return None
        return np.asarray(found.toarray() if sparse.issparse(found) else found, np.float64)


def _sample(kind: str) -> Any:  # noqa: ANN401 - JSON
    """A value for a column that is not looked at."""
    return {"string": "", "boolean": False, "datetime": "2026-01-01T00:00:00"}.get(kind, 0)


def _known(steps: Sequence[Any], number: int, width: int, kind: str) -> Iterator[Any]:
    """The values that encoders know in one of their columns, as JSON has them."""
    seen: set[Any] = set()
    for part in (part for step in steps for part in parts(step)):
        known = getattr(part, "categories_", ())
        # An imputer before it may have left out a column: then it may be any of them.
        chosen = [known[number]] if len(known) == width else known
        for value in (value for values in chosen for value in np.asarray(values).tolist()):
            if value not in seen and _is_of(value, kind):
                seen.add(value)
                yield value


def _is_of(value: object, kind: str) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return False
    return kind in ("double", "float") or value == int(value)
