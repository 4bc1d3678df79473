"""MLflow's scoring protocol, as its own server understands it.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/#inference-server-specification
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from leadsman_serving.columns import refused
from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.exchange import JSON
from leadsman_serving.protocols.written import read_json
from leadsman_serving.schema import Schema

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
CSV = "text/csv"
_UTF8 = ("utf-8", "utf8")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for."""

    rows: list[Any]
    params: Mapping[str, Any] | None = None
    """MLflow's parameters of one request."""


def parse(body: bytes, content_type: str, schema: Schema) -> Asked:
    """The rows of a body; BadRequest with 415 for a type that is neither JSON nor CSV."""
    kind, _, parameters = content_type.partition(";")
    name, _, charset = parameters.strip().partition("=")
    if name == "charset" and charset.strip('"').lower() not in _UTF8:
        raise _unsupported(f"send text as UTF-8, not as {charset}")
    kind = kind.strip().lower() or JSON
    if kind == CSV:
        return Asked(_csv(body, schema))
    if kind != JSON and not kind.endswith("+json"):
        raise _unsupported(f"send {JSON} or {CSV}, not {kind}")
    return of_json(read_json(body), schema)


def of_json(content: object, schema: Schema) -> Asked:
    """The rows of one of MLflow's four forms."""
    if not isinstance(content, Mapping):
        raise refused(f"write an object with one of {', '.join(_FORMS)}")
    found = [form for form in _FORMS if form in content]
    if len(found) != 1:
        raise refused(f"write exactly one of {', '.join(_FORMS)}; found {found or 'none'}")
    params = content.get("params")
    if params is not None and not isinstance(params, Mapping):
        raise refused("params must be an object")
    return Asked(_rows(found[0], content[found[0]], schema), params)


def _rows(form: str, value: object, schema: Schema) -> list[Any]:
    if form == "dataframe_split":
        return _split(value, schema)
    if form == "inputs" and isinstance(value, Mapping):
        return _columns(value)
    if not isinstance(value, list):
        raise refused(f"{form} must be a list of rows")
    if form == "dataframe_records":
        return _filled(value)
    if (
        form == "inputs"
        and len(schema.names) == 1
        and not any(isinstance(one, list | dict) for one in value)
    ):
        return [[one] for one in value]
    return value


def _split(value: object, schema: Schema) -> list[Any]:
    if not isinstance(value, Mapping) or "data" not in value:
        raise refused("dataframe_split must be an object with data and columns")
    columns, data = value.get("columns"), value["data"]
    if not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise refused("dataframe_split.data must be a list of rows, each a list")
    if columns is None or not schema.names or tuple(columns) == schema.names:
        return data
    wrong = next((row for row in data if len(row) != len(columns)), None)
    if wrong is not None:
        raise refused(
            f"a row has {len(wrong)} values, dataframe_split.columns names {len(columns)}"
        )
    return [dict(zip(columns, row, strict=True)) for row in data]


def _filled(rows: list[Any]) -> list[Any]:
    """Records as a frame has them: a name that any of them has, all have."""
    if not all(isinstance(row, dict) for row in rows):
        raise refused("dataframe_records must be a list of objects")
    names = dict.fromkeys(name for row in rows for name in row)
    if all(len(row) == len(names) for row in rows):
        return rows
    return [{name: row.get(name) for name in names} for row in rows]


def _columns(value: Mapping[str, Any]) -> list[Any]:
    """Columns of values, or single values, as rows by name."""
    lists = {name: one if isinstance(one, list) else [one] for name, one in value.items()}
    lengths = {len(one) for one in lists.values()}
    if len(lengths) != 1:
        raise refused("inputs must have columns of the same length")
    return [{name: one[place] for name, one in lists.items()} for place in range(lengths.pop())]


def _csv(body: bytes, schema: Schema) -> list[Any]:
    """The rows of a text with a header line."""
    import pandas as pd  # noqa: PLC0415 - for the one form that needs it

    try:
        texts = {one.name: str for one in schema.columns if one.type in ("string", "datetime")}
        frame = pd.read_csv(io.BytesIO(body), dtype=texts)
    except ValueError as error:  # of pandas and of the text's encoding alike
        raise BadRequest(HTTPStatus.BAD_REQUEST, "InvalidCSV", f"no CSV: {error}") from error
    if schema.columns and not schema.names:
        return list(frame.to_numpy(dtype=object).tolist())
    return list(frame.to_dict(orient="records"))


def _unsupported(message: str) -> BadRequest:
    return BadRequest(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
