"""Tensors of the Open Inference Protocol as the rows that a model takes.

A model with columns takes one tensor a column, or all of its numbers in one tensor of
[rows, columns]; a model of tensors takes them by their names.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from leadsman_serving.columns import FLOATS, INTEGERS, Column, refused
from leadsman_serving.protocols.open_inference_values import BYTES, NamedTensor
from leadsman_serving.schema import Schema
from leadsman_serving.table import Array, Table

_NUMBERS = "iuf"


def input_name(name: str | None, place: int) -> str:
    """What an input is called whose name the signature leaves open."""
    return name if name is not None else f"input-{place}"


def takes_matrix(schema: Schema) -> bool:
    """Whether all columns are numbers, so that one tensor may hold them."""
    numeric = FLOATS.keys() | INTEGERS.keys()
    return bool(schema.columns) and all(one.type in numeric for one in schema.columns)


def row_count(tensors: Sequence[NamedTensor]) -> int:
    """How many rows the tensors hold; BadRequest unless they agree on it."""
    if not tensors:
        raise refused("inputs is empty: send at least one tensor")
    names = [one.name for one in tensors]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise refused(f"input {twice!r} is there twice", twice)
    rows = tensors[0].shape[0]
    odd = next((one for one in tensors if one.shape[0] != rows), None)
    if odd is not None:
        raise refused(
            f"input {odd.name!r} has {odd.shape[0]} rows, {tensors[0].name!r} has {rows}", odd.name
        )
    if not rows:
        raise refused("no row was sent: send at least one")
    return rows


def table_of(tensors: Sequence[NamedTensor], schema: Schema) -> Table:
    """The rows; BadRequest names the inputs that are missing, unknown or of another shape."""
    if schema.tensors:
        return _of_tensors(tensors, schema)
    if not schema.columns:
        return _without_signature(tensors)
    size = len(schema.columns)
    if len(tensors) == 1 and takes_matrix(schema) and tensors[0].shape[1:] == [size]:
        return _of_matrix(tensors[0], schema)
    return _of_columns(tensors, schema)


def _of_matrix(tensor: NamedTensor, schema: Schema) -> Table:
    values = tensor.values
    if values.dtype.kind in _NUMBERS and schema.has_doubles_only:
        matrix = values.astype(np.float64, copy=False)
        if _fits(matrix, allows_missing=schema.allows_missing):
            return Table(matrix=matrix, names=schema.names)
    return schema.assembled(
        [_column(column, values[:, place], schema) for place, column in enumerate(schema.columns)]
    )


def _of_columns(tensors: Sequence[NamedTensor], schema: Schema) -> Table:
    columns = {input_name(one.name, place): one for place, one in enumerate(schema.columns)}
    given = {one.name: one for one in tensors}
    required = [name for name, column in columns.items() if column.required]
    instead = f"one input of the shape [rows, {len(columns)}], or " if takes_matrix(schema) else ""
    _check_names(given, columns, required, instead + "one of the shape [rows] for each column")
    rows = tensors[0].shape[0]
    return schema.assembled(
        [
            _column(column, _flat(given[name]), schema)
            if name in given
            else column.array([None] * rows, allows_missing=schema.allows_missing)
            for name, column in columns.items()
        ]
    )


def _column(column: Column, values: Array, schema: Schema) -> Array:
    """One column: numbers at once where they fit, all else value by value."""
    dtype = FLOATS.get(column.type)
    if dtype is not None and values.dtype.kind in _NUMBERS:
        with np.errstate(over="ignore"):
            floats: Array = values.astype(dtype)
        if _fits(floats, allows_missing=schema.allows_missing or not column.required):
            return floats
    dtype = INTEGERS.get(column.type)
    if dtype is not None and values.dtype.kind in "iu" and np.can_cast(values.dtype, dtype):
        return values.astype(dtype)
    return column.array(_plain(column, values.tolist()), allows_missing=schema.allows_missing)


def _fits(numbers: Array, *, allows_missing: bool) -> bool:
    """Whether a model may get them: none is infinite, and none is missing where that matters."""
    if allows_missing:
        return not bool(np.isinf(numbers).any())
    return bool(np.isfinite(numbers).all())


def _plain(column: Column, values: list[Any]) -> list[Any]:
    """Values as JSON would bring them; the bytes of a text are read as UTF-8."""
    return [_word(column, one, row) for row, one in enumerate(values)]


def _word(column: Column, value: object, row: int) -> object:
    if not isinstance(value, bytes):
        return value
    if column.type == "binary":
        return base64.b64encode(value).decode()
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise refused(f"row {row}: {column.title} is no UTF-8", column.name, row) from error


def _flat(tensor: NamedTensor) -> Array:
    """The values of one column."""
    if tensor.shape[1:] not in ([], [1]):
        raise refused(
            f"input {tensor.name!r} has the shape {tensor.shape}: one column has [rows] or"
            " [rows, 1]",
            tensor.name,
        )
    return tensor.values.reshape(-1)


def _of_tensors(tensors: Sequence[NamedTensor], schema: Schema) -> Table:
    wanted = schema.tensors
    if len(wanted) == len(tensors) == 1 and wanted[0].name is None:
        return Table(matrix=wanted[0].array(_words(tensors[0])), is_tensor=True)
    named = {input_name(one.name, place): one for place, one in enumerate(wanted)}
    given = {one.name: one for one in tensors}
    _check_names(given, named, named, "one input for each tensor")
    arrays = {name: one.array(_words(given[name])) for name, one in named.items()}
    if len(wanted) == 1:
        return Table(matrix=next(iter(arrays.values())), is_tensor=True)
    return Table(columns=arrays, is_tensor=True)


def _words(tensor: NamedTensor) -> Any:  # noqa: ANN401 - an array, which is a sequence of rows
    """The values, where bytes are the texts that tensors of a signature hold."""
    if tensor.datatype != BYTES:
        return tensor.values
    texts = np.empty(tensor.values.size, object)
    for place, one in enumerate(tensor.values.reshape(-1)):
        try:
            texts[place] = one.decode() if isinstance(one, bytes) else one
        except UnicodeDecodeError as error:
            message = f"input {tensor.name!r}: value {place} is no UTF-8"
            raise refused(message, tensor.name) from error
    return texts.reshape(tensor.values.shape)


def _without_signature(tensors: Sequence[NamedTensor]) -> Table:
    """Rows for a model of which nothing is known: one tensor as it is, several as columns."""
    if len(tensors) == 1 and len(tensors[0].shape) > 1:
        values = tensors[0].values
        return Table(matrix=values.astype(np.float64) if values.dtype.kind in "biuf" else values)
    columns = {one.name: _flat(NamedTensor(one.name, one.datatype, _words(one))) for one in tensors}
    return Table(columns=columns, names=tuple(columns))


def _check_names(
    given: Mapping[str, object], known: Mapping[str, object], required: Iterable[str], instead: str
) -> None:
    """Refuse unless all that is required is there, and nothing that is not known."""
    missing = [name for name in required if name not in given]
    unknown = [name for name in given if name not in known]
    if not missing and not unknown:
        return
    said = []
    if missing:
        said.append(f"missing: {', '.join(map(repr, missing))}")
    if unknown:
        said.append(f"unknown: {', '.join(map(repr, unknown))}")
    raise refused(f"inputs {'; '.join(said)}; send {instead}", (missing or unknown)[0])
