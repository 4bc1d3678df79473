"""The rows of a Parquet file, as MLflow's clients send frames.

A small file may hold much: a run of equal values takes a few bytes. So it is judged by what it
says of itself before anything is unpacked, and what unpacks without bound is not taken at all.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from leadsman_serving.columns import refused
from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.media import unsupported
from leadsman_serving.schema import Schema

UNPACKED = 16
"""How many times its own size a file may unpack to."""
_BATCH = 1024
# What Snappy packs is at most some twenty times larger; gzip, Brotli and Zstandard know no such
# bound. https://github.com/google/snappy/blob/main/format_description.txt
_CODECS = {"UNCOMPRESSED", "SNAPPY"}
# Deltas of texts share beginnings: each row of a tiny file could be a megabyte.
_ENCODINGS = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY", "BIT_PACKED"}
_INDEX = "__index_level_"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a file may hold at most."""

    rows: int
    bytes: int
    """Of a body; unpacked it may be some times larger."""


def read_parquet(body: bytes, schema: Schema, bounds: Bounds) -> tuple[list[Any], int]:
    """Rows by name of the columns that the model knows, and how many others there are.

    BadRequest for what is no such file (400), packed otherwise (415) or too large (413).
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - large, and few clients send it
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise unsupported("this image has no pyarrow to read Parquet: send JSON or CSV") from error
    try:
        # Threads off: pods scale, not threads.
        file = pq.ParquetFile(pa.BufferReader(body), pre_buffer=False)
        names = [name for name in file.schema_arrow.names if not name.startswith(_INDEX)]
        taken = [name for name in names if name in schema.names] if schema.names else names
        _check(file, set(taken), bounds)
        # Texts as a list of different ones: equal ones lie in memory once.
        file = pq.ParquetFile(
            pa.BufferReader(body), metadata=file.metadata, read_dictionary=taken, pre_buffer=False
        )
        rows = list(_rows(file, taken, bounds))
    except (pa.ArrowException, OSError) as error:
        message = f"no Parquet file: {error}"
        raise BadRequest(HTTPStatus.BAD_REQUEST, "InvalidParquet", message) from error
    return rows, len(names) - len(taken)


def _check(file: Any, taken: set[str], bounds: Bounds) -> None:  # noqa: ANN401 - no types
    """Refuse by the file's own account of what is in it."""
    about = file.metadata
    if about.num_rows > bounds.rows:
        raise _too_much(f"{about.num_rows} rows, {bounds.rows} are allowed", "TooManyRows")
    nested = next((one.name for one in file.schema_arrow if _is_nested(one, taken)), None)
    if nested is not None:
        raise refused(f"column {nested!r} holds lists or objects: send JSON", nested)
    parts = [
        group.column(place)
        for group in map(about.row_group, range(about.num_row_groups))
        for place in range(group.num_columns)
    ]
    parts = [part for part in parts if part.path_in_schema in taken]
    for part in parts:
        if part.compression not in _CODECS or not set(part.encodings) <= _ENCODINGS:
            raise unsupported(
                f"column {part.path_in_schema!r} is packed with {part.compression} and"
                f" {', '.join(part.encodings)}: write it with Snappy and the usual encodings"
            )
    if sum(part.total_uncompressed_size for part in parts) > UNPACKED * bounds.bytes:
        raise _unpacks_to_too_much(bounds)


def _is_nested(field: Any, taken: set[str]) -> bool:  # noqa: ANN401 - no types
    import pyarrow as pa  # noqa: PLC0415 - read already

    return field.name in taken and bool(pa.types.is_nested(field.type))


def _rows(file: Any, names: list[str], bounds: Bounds) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    """The rows, part by part, until they grow too large."""
    size = 0
    for batch in file.iter_batches(_BATCH, columns=names, use_threads=False):
        size += batch.nbytes
        if size > UNPACKED * bounds.bytes:
            raise _unpacks_to_too_much(bounds)
        columns = [_values(batch.column(name)) for name in names]
        for row in zip(*columns, strict=True):
            yield dict(zip(names, row, strict=True))


def _values(array: Any) -> list[Any]:  # noqa: ANN401 - no types
    """A column as JSON would bring it: numbers, words, moments as text, bytes in Base64."""
    import pyarrow as pa  # noqa: PLC0415 - read already

    kind = array.type
    if pa.types.is_dictionary(kind):
        different = _values(array.dictionary)
        return [None if one is None else different[one] for one in array.indices.to_pylist()]
    if pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    elif pa.types.is_temporal(kind):
        array = array.cast(pa.string())
    values: list[Any] = array.to_pylist()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [None if one is None else base64.b64encode(one).decode() for one in values]
    return values


def _too_much(message: str, code: str) -> BadRequest:
    return BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code, f"{message}: send fewer at a time")


def _unpacks_to_too_much(bounds: Bounds) -> BadRequest:
    most = UNPACKED * bounds.bytes
    return _too_much(f"the file unpacks to more than the {most} bytes allowed", "BodyTooLarge")
