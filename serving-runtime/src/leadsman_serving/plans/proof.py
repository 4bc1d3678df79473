"""Whether a plan answers as the original does: on the example, around it, at splits, with gaps.

Labels have to be equal and numbers nearly so; shape and kind of the answer as well. Rows are
asked for together and one by one, since engines treat a single row differently.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leadsman_serving.errors import BadRequest
from leadsman_serving.flavors import Predictor
from leadsman_serving.schema import Schema
from leadsman_serving.table import Array, Table

ROWS = 512
"""Rows that are made up, beside the example's own."""
_SINGLE = 64
_FEWEST_SINGLE = 12
_SINGLE_SECONDS = 0.5
"""How long the original is asked for rows one by one, if it was asked for the fewest."""
_TIMED = 15
SAME, CLOSE, NEAR = 0.0, 1e-12, 1e-6
"""How far a number may lie from the original's, of its size: the same to the last bit; by the
same operations, whose sums may be taken in another order; by another library's operations."""
ABSOLUTE = 1e-9
"""Allowed beside that, where numbers need not be the same."""
_EXTREMES = (0.0, -0.0, 1e-300, 1e12, -1e12)
_BEYOND_SINGLES = 1e39
_SPREADS = (0.01, 0.3, 3.0)
UNKNOWN = "\N{EM DASH} a word that no model knows"


class Different(Exception):
    """The plan is not the original; the message says where."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the comparison showed."""

    rows: int
    largest_difference: float
    row_seconds: float
    """What one row takes."""
    original_seconds: float
    """What it takes the original."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the original says of a table; both are None for rows that it refuses."""

    served: object
    """What the served method gives."""
    shares: Array | None
    """The probability of each class; None for a model without any."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of a model's inputs beside its example."""

    splits: Mapping[int, Sequence[float]] = field(default_factory=dict)
    """Values at which the model decides otherwise, by the place of the column."""
    known: Mapping[int, Sequence[Any]] = field(default_factory=dict)
    """Categories that the model knows, by the place of the column."""


def answers_of(original: Predictor, tables: Sequence[Table]) -> list[Answer]:
    """What the original says, asked once for all plans that are compared with it.

    A slow one is asked for fewer rows by themselves: there may be fewer answers than tables.
    """
    began, answers = time.monotonic(), []
    for table in tables:
        answers.append(_answer(original, table))
        if len(answers) > _FEWEST_SINGLE and time.monotonic() - began > _SINGLE_SECONDS:
            break
    return answers


def prove(
    plan: Predictor,
    original: Predictor,
    tables: Sequence[Table],
    answers: Sequence[Answer] | None = None,
    relative: float = NEAR,
) -> Proof:
    """Compare on all tables; Different names the first thing that is not the same.

    `relative` is how far a number may lie from the original's; 0 is to the last bit.
    """
    largest, rows = 0.0, 0
    answers = answers or answers_of(original, tables)
    for table, answer in zip(tables, answers, strict=False):
        rows += _length(table)
        largest = max(largest, _compare(plan, answer, table, relative))
    single = _one(tables[0], 0)
    return Proof(rows, largest, _row_seconds(plan, single), _row_seconds(original, single))


def _row_seconds(predictor: Predictor, row: Table) -> float:
    """What a row usually takes."""
    times = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        predictor.predict(row)
        times.append(time.perf_counter() - started)
    return sorted(times)[_TIMED // 2]


def tables_for(
    schema: Schema, example: Sequence[Any], hints: Hints, original: Predictor, seed: int = 0
) -> list[Table]:
    """The rows to compare on: all that the original takes together, then some one by one."""
    rows = [*example, *_made_up(schema, example, hints, np.random.default_rng(seed))]
    good = [row for row in rows if _table(schema, row) is not None]
    # A row that it refuses would hide all others.
    taken = _taken(schema, good, original)
    whole = _table(schema, *taken) if taken else None
    if whole is None:
        raise Different("there is no row to compare on")
    large = _large(schema, example)
    singles = [schema.table([row]) for row in good[:_SINGLE]]
    return [whole, *([] if large is None else [large]), *singles]


def _large(schema: Schema, example: Sequence[Any]) -> Table | None:
    """The example with a number that many models refuse; None where no column takes it."""
    places = [place for place, one in enumerate(schema.columns) if one.type == "double"]
    if not places or not example:
        return None
    row = _values(schema, example[0])
    row[places[0]] = _BEYOND_SINGLES
    return _table(schema, row)


def _taken(schema: Schema, rows: list[Any], original: Predictor) -> list[Any]:
    """The rows that the original does not refuse: found by halves."""
    if not rows or _answer(original, schema.table(rows)).served is not None:
        return rows
    if len(rows) == 1:
        return []
    half = len(rows) // 2
    return [*_taken(schema, rows[:half], original), *_taken(schema, rows[half:], original)]


def _table(schema: Schema, *rows: object) -> Table | None:
    try:
        return schema.table(list(rows))
    except BadRequest:
        return None


def _made_up(
    schema: Schema, example: Sequence[Any], hints: Hints, chance: np.random.Generator
) -> Iterator[list[Any]]:
    """Rows like the example's, with values pushed about, set beside splits, and left out."""
    if not schema.columns or not example:
        return
    for number in range(ROWS):
        row = _values(schema, example[number % len(example)])
        yield [_value(schema, place, value, hints, chance) for place, value in enumerate(row)]


def _value(
    schema: Schema,
    place: int,
    value: Any,  # noqa: ANN401 - JSON
    hints: Hints,
    chance: np.random.Generator,
) -> object:
    """Another value for a column, of its type."""
    kind = schema.columns[place].type
    known, splits = hints.known.get(place), hints.splits.get(place)
    if known and chance.random() < 0.5:  # noqa: PLR2004 - half
        return known[int(chance.integers(len(known)))]
    if kind in ("double", "float"):
        return _number(value, splits, schema, chance)
    if kind in ("integer", "long") and value is not None:
        return _whole(value, splits, chance)
    if kind == "boolean":
        return bool(chance.random() < 0.5)  # noqa: PLR2004 - half
    if kind == "string" and chance.random() < 0.2:  # noqa: PLR2004 - now and then
        return UNKNOWN if chance.random() < 0.5 else None  # noqa: PLR2004 - half
    return value


def _whole(value: Any, splits: Sequence[float] | None, chance: np.random.Generator) -> int:  # noqa: ANN401
    """A whole number beside a split, or near the example's."""
    near = int(value)
    if splits and chance.random() < 0.4:  # noqa: PLR2004 - often
        near = math.floor(splits[int(chance.integers(len(splits)))])
    return near + int(chance.integers(-3, 4))


def _number(
    value: object, splits: Sequence[float] | None, schema: Schema, chance: np.random.Generator
) -> float:
    """A value at or right beside a split, or one like the example's."""
    if schema.allows_missing and chance.random() < 0.03:  # noqa: PLR2004 - now and then
        return math.nan
    if splits and chance.random() < 0.4:  # noqa: PLR2004 - often
        split = float(splits[int(chance.integers(len(splits)))])
        beside = (split, *_neighbours(split))
        return float(beside[int(chance.integers(len(beside)))])
    if chance.random() < 0.03:  # noqa: PLR2004 - now and then
        return float(chance.choice(_EXTREMES))
    base = float(value) if isinstance(value, int | float) and not math.isnan(value) else 0.0
    spread = float(chance.choice(_SPREADS))
    return base + spread * (abs(base) or 1.0) * float(chance.standard_normal())


def _neighbours(split: float) -> tuple[float, ...]:
    """The numbers next to a split, of doubles and of singles."""
    single = np.float32(split)
    return (
        float(np.nextafter(split, math.inf)),
        float(np.nextafter(split, -math.inf)),
        float(np.nextafter(single, np.float32(math.inf))),
        float(np.nextafter(single, np.float32(-math.inf))),
    )


def _values(schema: Schema, row: object) -> list[Any]:
    if isinstance(row, dict):
        return [row.get(column.name) for column in schema.columns]
    return list(row)  # type: ignore[call-overload, no-any-return]


def _answer(original: Predictor, table: Table) -> Answer:
    try:
        return Answer(original.predict(table), original.probabilities(table))
    except Exception:  # noqa: BLE001 - whatever it raises, it refuses
        return Answer(None, None)


def _answers_alone(plan: Predictor, table: Table) -> bool:
    """Whether a plan has an answer to a row by the shorter way of single requests."""
    own: Any = getattr(plan, "row", None)
    if own is None or _length(table) > 1:
        return False
    try:
        own(_only_row(table))
    except Exception:  # noqa: BLE001 - whatever it raises, it refuses
        return False
    return True


def _compare(plan: Predictor, answer: Answer, table: Table, relative: float) -> float:
    if answer.served is None:
        # Whatever the original refuses, the plan must not answer.
        if _answer(plan, table).served is not None or _answers_alone(plan, table):
            raise Different("the original refuses a row that the plan answers")
        return 0.0
    largest = _difference(answer.served, plan.predict(table), "predict", relative)
    own: Any = getattr(plan, "row", None)
    if own is not None and _length(table) == 1:
        wanted = np.asarray(answer.served)
        # As JSON has it: whole numbers stay whole, and singles become doubles.
        given = np.asarray([own(_only_row(table))])
        given = given.astype(wanted.dtype) if wanted.dtype == np.float32 else given
        largest = max(largest, _difference(wanted, given, "a row alone", relative))
    if answer.shares is None:
        return largest
    shares = plan.probabilities(table)
    return max(largest, _difference(answer.shares, shares, "probabilities", relative))


def _only_row(table: Table) -> list[Any]:
    columns = table.matrix.T if table.matrix is not None else (table.columns or {}).values()
    return [column.tolist()[0] for column in columns]


def _difference(wanted: object, given: object, what: str, relative: float) -> float:
    """The largest difference of any number; Different where it is too large."""
    ours, theirs = np.asarray(given), np.asarray(wanted)
    if ours.shape != theirs.shape:
        raise Different(f"{what} has the shape {ours.shape}, the original's {theirs.shape}")
    if _is_of_numbers(theirs) is not _is_of_numbers(ours):
        raise Different(f"{what} gives {ours.dtype}, the original {theirs.dtype}")
    if not _is_of_numbers(theirs):
        if not np.array_equal(ours.astype(theirs.dtype), theirs):
            wrong = int(np.argmax(ours.ravel() != theirs.ravel()))
            raise Different(f"row {wrong}: {ours.ravel()[wrong]}, not {theirs.ravel()[wrong]}")
        return 0.0
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        raise Different(f"{what} lacks other numbers than the original's")
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinite less infinite
        apart = np.where(ours == theirs, 0.0, np.nan_to_num(np.abs(ours - theirs)))
    allowed = (ABSOLUTE if relative else 0.0) + relative * np.nan_to_num(np.abs(theirs))
    if (apart > allowed).any():
        raise Different(f"{what} is {apart.max():.3g} off, more than is allowed")
    return float(apart.max(initial=0.0))


def _is_of_numbers(answers: Array) -> bool:
    return bool(answers.dtype.kind == "f")


def _length(table: Table) -> int:
    if table.matrix is not None:
        return len(table.matrix)
    return len(next(iter((table.columns or {}).values())))


def _one(table: Table, place: int) -> Table:
    if table.matrix is not None:
        return Table(matrix=table.matrix[place : place + 1], names=table.names)
    columns = {name: values[place : place + 1] for name, values in (table.columns or {}).items()}
    return Table(columns=columns, names=table.names)
