"""The rows of a CSV text with a header line, as MLflow's clients send them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from leadsman_serving.columns import refused
from leadsman_serving.errors import BadRequest
from leadsman_serving.schema import Schema

MOST_COLUMNS = 20_000
"""More names than this are no table but an attack: reading them takes minutes."""


def read_csv(body: bytes, schema: Schema) -> list[Mapping[str, Any]]:
    """Rows by name; words and moments stay the texts that they are."""
    import pandas as pd  # noqa: PLC0415 - for the one form that needs it

    if body.partition(b"\n")[0].count(b",") >= MOST_COLUMNS:
        raise refused(f"the header names more than {MOST_COLUMNS} columns")
    texts = {one.name: str for one in schema.columns if one.type in ("string", "datetime")}
    try:
        frame = pd.read_csv(io.BytesIO(body), dtype=texts)
    except ValueError as error:  # of pandas and of the text's encoding alike
        raise BadRequest(HTTPStatus.BAD_REQUEST, "InvalidCSV", f"no CSV: {error}") from error
    # What pandas makes of lines with more values than names: it shifts them all.
    if not isinstance(frame.index, pd.RangeIndex):
        message = "no CSV: the lines have more values than the header has names"
        raise BadRequest(HTTPStatus.BAD_REQUEST, "InvalidCSV", message)
    rows: list[Mapping[str, Any]] = frame.to_dict(orient="records")
    return rows
