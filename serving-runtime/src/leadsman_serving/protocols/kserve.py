"""KServe's first protocol, which is TensorFlow Serving's: instances in, predictions out.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from leadsman_serving.columns import refused
from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.exchange import Answer
from leadsman_serving.protocols.invocations import Asked, by_columns, by_rows
from leadsman_serving.protocols.params import Param, read_params
from leadsman_serving.schema import Schema

_KEYS = ("instances", "inputs")


def parse(content: object, schema: Schema, params: Sequence[Param]) -> Asked:
    """The rows of `instances`, or of `inputs`: by place, by name, or as columns.

    Other members, such as `signature_name`, are left alone: clients send what servers ignore.
    """
    if not isinstance(content, Mapping):
        raise refused('write an object such as {"instances": [[1, 2], [3, 4]]}')
    found = [key for key in _KEYS if key in content]
    if len(found) != 1:
        raise refused(f"write exactly one of {' and '.join(_KEYS)}")
    read = read_params(content.get("parameters"), params)
    rows = _rows(found[0], content[found[0]], schema)
    return Asked(rows, read, schema.unknown(rows))


def refusal(error: BadRequest, _request_id: str) -> Answer:
    """An error as KServe's clients read it: nothing but a sentence."""
    return Answer(
        msgspec.json.encode({"error": error.message}), error.status.value, headers=error.headers
    )


def _rows(key: str, value: object, schema: Schema) -> list[Any]:
    if isinstance(value, Mapping):
        return by_columns(value)
    rows = by_rows(key, value, schema)
    if any(_is_a_frame(row) for row in rows):
        return [one for row in rows for one in (by_columns(row) if _is_a_frame(row) else [row])]
    return rows


def _is_a_frame(row: object) -> bool:
    """Whether an instance is several rows in columns: KServe's own server makes frames of them."""
    return (
        isinstance(row, dict) and bool(row) and all(isinstance(one, list) for one in row.values())
    )
