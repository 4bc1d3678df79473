"""MLflow's scoring protocol, as its own server understands it.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/#inference-server-specification
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import pandas as pd

from leadsman_serving.errors import BadRequest
from leadsman_serving.schema import Schema, refused

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
JSON, CSV = "application/json", "text/csv"


def parse_json(content: object, schema: Schema) -> list[Any]:
    """The rows of one of MLflow's four forms."""
    if not isinstance(content, Mapping):
        raise refused(f"write an object with one of {', '.join(_FORMS)}")
    found = [form for form in _FORMS if form in content]
    if len(found) != 1:
        raise refused(f"write exactly one of {', '.join(_FORMS)}; found {found or 'none'}")
    value = content[found[0]]
    if found[0] == "dataframe_split":
        return _split(value)
    if found[0] == "inputs" and isinstance(value, Mapping):
        return _columns(value)
    if not isinstance(value, list):
        raise refused(f"{found[0]} must be a list of rows")
    if found[0] == "inputs" and len(schema.names) == 1 and not isinstance(value[0], list | dict):
        return [[one] for one in value]
    return value


def parse_csv(body: bytes, schema: Schema) -> list[Any]:
    """The rows of a text with a header line."""
    try:
        dtypes = {one.name: str for one in schema.columns if one.type == "string"}
        frame = pd.read_csv(io.BytesIO(body), dtype=dtypes)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "InvalidCSV", f"no CSV: {error}") from error
    return list(frame.to_dict(orient="records"))


def _split(value: object) -> list[Any]:
    if not isinstance(value, Mapping) or "data" not in value:
        raise refused("dataframe_split must be an object with data and columns")
    columns, data = value.get("columns"), value["data"]
    if not isinstance(data, list):
        raise refused("dataframe_split.data must be a list of rows")
    if columns is None:
        return data
    wrong = next((row for row in data if len(row) != len(columns)), None)
    if wrong is not None:
        raise refused(
            f"a row has {len(wrong)} values, dataframe_split.columns names {len(columns)}"
        )
    return [dict(zip(columns, row, strict=True)) for row in data]


def _columns(value: Mapping[str, Any]) -> list[Any]:
    """Columns of values, or single values, as rows by name."""
    lists = {name: one if isinstance(one, list) else [one] for name, one in value.items()}
    lengths = {len(one) for one in lists.values()}
    if len(lengths) != 1:
        raise refused("inputs must have columns of the same length")
    return [{name: one[place] for name, one in lists.items()} for place in range(lengths.pop())]
