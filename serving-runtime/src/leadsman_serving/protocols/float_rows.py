"""Many rows of floats and nothing else: read with a typed decoder, which checks as it reads.

What it does not know is read in the general way, which has the words for it. Half of the time
that a request for many rows takes went into looking at the type of each number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from leadsman_serving.protocols.written import read_json
from leadsman_serving.schema import Schema
from leadsman_serving.table import FloatRows

_PLAIN = ("rows", "inputs", "instances")
_SPLIT = "dataframe_split"


def read_rows(body: bytes, schema: Schema) -> Any:  # noqa: ANN401 - JSON
    """As `read_json`; rows that hold a float for each column are `FloatRows`."""
    length = len(schema.columns)
    # Of one column each value may stand for itself.
    if length > 1 and schema.has_doubles_only:
        try:
            return _content(_decoder(length)(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
    return read_json(body)


def _content(asked: Any) -> dict[str, Any]:  # noqa: ANN401 - made below
    """What the general way makes of the same body."""
    content: dict[str, Any] = {
        name: FloatRows(rows)
        for name in _PLAIN
        if (rows := getattr(asked, name)) is not msgspec.UNSET
    }
    split = asked.dataframe_split
    if split is not msgspec.UNSET:
        content[_SPLIT] = {"columns": split.columns, "data": FloatRows(split.data)}
    return content


@lru_cache(maxsize=8)
def _decoder(length: int) -> Callable[[bytes], Any]:
    """Reads bodies with rows of so many floats."""
    rows: Any = list[tuple.__class_getitem__((float,) * length)]  # type: ignore[misc]
    split = msgspec.defstruct(
        "Split", [("data", rows), ("columns", list[str])], forbid_unknown_fields=True
    )
    kinds = {**dict.fromkeys(_PLAIN, rows), _SPLIT: split}
    body = msgspec.defstruct(
        "Body",
        [(name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in kinds.items()],
        forbid_unknown_fields=True,
    )
    return msgspec.json.Decoder(body).decode
