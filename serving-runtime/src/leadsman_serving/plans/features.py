"""Columns of any kind as one matrix of numbers: what stands before the model of a pipeline.

Numbers go through the original's own operations in their order; words are looked up in tables
that the original has filled in. A row takes some microseconds, and no frame is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from leadsman_serving.table import Array, Table

FILE = "features.npz"
NUMBERS, WORDS, BESIDE = "numbers", "words", "beside"
REFUSED = -1
"""In place of a line of a table: the original refuses such a value."""
_EPSILON = float(np.finfo(np.float64).eps)
Columns: TypeAlias = Sequence[Array]
Step: TypeAlias = tuple[Callable[..., Array], tuple[Array, ...]]


class Block(Protocol):
    """Some columns of the matrix."""

    def rows(self, columns: Columns) -> Array:
        """Rows by columns, from all columns of the table; ValueError for a value it refuses."""

    def row(self, values: Sequence[Any]) -> Array:
        """The same for one row: a matrix of one row."""


class Features:
    """All columns that the model at the end of a pipeline takes."""

    def __init__(self, arrays: Mapping[str, Array], settings: Mapping[str, Any]) -> None:
        """`block` of the settings describes the outermost block, whose arrays have names."""
        self._block = _block(settings["block"], arrays)
        self.of_columns, self.row = self._block.rows, self._block.row

    def __call__(self, table: Table) -> Array:
        """The matrix of a table whose columns stand in the signature's order."""
        if table.columns is not None:
            return self.of_columns(list(table.columns.values()))
        return self.of_columns(list(table.array().T))


class _Numbers:
    """Numbers, with operations that are applied to all of them at once."""

    def __init__(self, places: Sequence[int], steps: Sequence[Step]) -> None:
        self._places, self._steps = list(places), steps

    def rows(self, columns: Columns) -> Array:
        chosen = np.column_stack([columns[place] for place in self._places])
        return _after(_as_floats(chosen), self._steps)

    def row(self, values: Sequence[Any]) -> Array:
        # A gap, None, becomes a NaN here, and a truth value 0 or 1.
        chosen = np.array([[values[place] for place in self._places]], np.float64)
        return _after(chosen, self._steps)


class _Words:
    """Columns of categories: each value stands for a line of numbers."""

    def __init__(self, described: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        self._base = arrays[described["base"]]
        self._columns = [
            (
                one["place"],
                arrays[one["at"]],
                arrays[one["lines"]],
                {value: line for line, value in enumerate(one["values"])},
                (one["missing"], one["unknown"]),
            )
            for one in described["columns"]
        ]

    def rows(self, columns: Columns) -> Array:
        made = np.repeat(self._base[np.newaxis], len(columns[0]), axis=0)
        for place, at, lines, known, others in self._columns:
            chosen = [_line(value, known, others) for value in columns[place].tolist()]
            made[:, at] = lines[chosen]
        return made

    def row(self, values: Sequence[Any]) -> Array:
        made = self._base.copy()
        for place, at, lines, known, others in self._columns:
            made[at] = lines[_line(values[place], known, others)]
        return made[np.newaxis]


def _line(value: Any, known: Mapping[Any, int], others: tuple[int, int]) -> int:  # noqa: ANN401 - JSON
    """The line of a value: others are that of a gap, and that of what is not known."""
    found = known.get(value)
    if found is None:
        is_missing = value is None or value != value  # noqa: PLR0124 - a NaN
        found = others[0] if is_missing else others[1]
        if found == REFUSED:
            raise ValueError(f"a category that the model does not know: {repr(value)[:50]}")
    return found


class _Beside:
    """Blocks beside each other, and what is done to all of them."""

    def __init__(self, blocks: Sequence[Block], steps: Sequence[Step]) -> None:
        self._blocks, self._steps = blocks, steps

    def rows(self, columns: Columns) -> Array:
        return _after(np.hstack([block.rows(columns) for block in self._blocks]), self._steps)

    def row(self, values: Sequence[Any]) -> Array:
        beside = np.concatenate([block.row(values) for block in self._blocks], axis=1)
        return _after(beside, self._steps)


def _block(described: Mapping[str, Any], arrays: Mapping[str, Array]) -> Block:
    if described["kind"] == WORDS:
        return _Words(described, arrays)
    steps = [
        (OPERATIONS[name], tuple(arrays[operand] for operand in operands))
        for name, *operands in described["steps"]
    ]
    if described["kind"] == NUMBERS:
        return _Numbers(described["places"], steps)
    return _Beside([_block(one, arrays) for one in described["blocks"]], steps)


def _after(rows: Array, steps: Sequence[Step]) -> Array:
    for operation, operands in steps:
        rows = operation(rows, *operands)
    return rows


def _as_floats(rows: Array) -> Array:
    """Singles stay singles, as in the original; all else is told in doubles."""
    return rows if rows.dtype.kind == "f" else rows.astype(np.float64)


def _filled(rows: Array, fill: Array) -> Array:
    return np.where(np.isnan(rows), fill.astype(rows.dtype, copy=False), rows)


def _filled_and_told(rows: Array, fill: Array, told: Array) -> Array:
    """With a column beside for each that may have gaps: whether it has one."""
    return np.hstack((_filled(rows, fill), np.isnan(rows[:, told]).astype(rows.dtype)))


def _taken(rows: Array, places: Array) -> Array:
    return rows[:, places]


def _projected(rows: Array, vectors: Array, shift: Array) -> Array:
    return rows @ vectors - shift


def _multiplied_out(rows: Array, powers: Array) -> Array:
    """Products of columns: a row of `powers` has the places of the factors, then -1."""
    made = np.ones((len(rows), len(powers)), rows.dtype)
    for factor in powers.T:
        made *= np.where(factor < 0, 1.0, rows[:, factor])
    return made


def _scaled_to_length(rows: Array, norm: Array) -> Array:
    """Divided by the sum of sizes (1) or the length (2) of each row; the smallest rows stay."""
    lengths = np.abs(rows).sum(axis=1) if norm == 1 else np.sqrt((rows * rows).sum(axis=1))
    lengths[lengths < 10 * np.finfo(lengths.dtype).eps] = 1.0
    return np.asarray(rows / lengths[:, np.newaxis])


def _powered(rows: Array, powers: Array) -> Array:
    """The Yeo-Johnson transformation of each column by its power.

    https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.yeojohnson.html
    """
    made = np.empty_like(rows)
    for place, power in enumerate(powers.tolist()):
        values, is_up = rows[:, place], rows[:, place] >= 0
        up, down = np.log1p(values[is_up]), np.log1p(-values[~is_up])
        made[is_up, place] = up if abs(power) < _EPSILON else np.expm1(power * up) / power
        rest = 2 - power
        made[~is_up, place] = -down if abs(rest) <= _EPSILON else -np.expm1(rest * down) / rest
    return made


def _ranked(rows: Array, quantiles: Array, references: Array) -> Array:
    """The share of the values seen that lie below: between those of equal ones, the middle."""
    made = np.empty_like(rows)
    for place, known in enumerate(quantiles.T):
        values = rows[:, place]
        from_below = np.interp(values, known, references)
        made[:, place] = 0.5 * (from_below - np.interp(-values, -known[::-1], -references[::-1]))
        made[values == known[-1], place] = 1
        made[values == known[0], place] = 0
    return made


def _binned(rows: Array, edges: Array) -> Array:
    """The number of the bin: how many inner edges of the column lie at the value or below."""
    _refuse_gaps(rows)
    made = np.empty_like(rows)
    for place, inner in enumerate(edges):
        made[:, place] = np.searchsorted(inner, rows[:, place], side="right")
    return made


def _told_apart(rows: Array, places: Array, codes: Array) -> Array:
    """A column for each code of each column: whether it has it."""
    return np.equal(rows[:, places], codes).astype(rows.dtype)


def _above(rows: Array, threshold: Array) -> Array:
    _refuse_gaps(rows)
    return np.greater(rows, threshold).astype(rows.dtype)


def _refuse_gaps(rows: Array) -> None:
    if np.isnan(rows).any():
        raise ValueError("a number is missing")


def _zeros_as_gaps(rows: Array) -> Array:
    """XGBoost takes what a sparse matrix leaves out, its zeros, for missing."""
    return np.where(rows == 0.0, np.nan, rows)


OPERATIONS: dict[str, Callable[..., Array]] = {
    "subtract": np.subtract,
    "divide": np.divide,
    "multiply": np.multiply,
    "add": np.add,
    "clip": np.clip,
    "fill": _filled,
    "fill_and_tell": _filled_and_told,
    "take": _taken,
    "project": _projected,
    "multiply_out": _multiplied_out,
    "scale_to_length": _scaled_to_length,
    "zeros_as_gaps": _zeros_as_gaps,
    "power": _powered,
    "rank": _ranked,
    "bin": _binned,
    "tell_apart": _told_apart,
    "above": _above,
    "log1p": np.log1p, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "exp": np.exp, "sqrt": np.sqrt, "cbrt": np.cbrt, "square": np.square, "absolute": np.abs,
    "reciprocal": np.reciprocal, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "sign": np.sign,
    "arcsinh": np.arcsinh,
}  # fmt: skip


def save(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write the arrays."""
    np.savez(folder / FILE, allow_pickle=False, **arrays)


def load(folder: Path, settings: Mapping[str, Any]) -> Features:
    """What stands before the model, from its files."""
    with np.load(folder / FILE, allow_pickle=False) as arrays:
        return Features(dict(arrays), settings)
