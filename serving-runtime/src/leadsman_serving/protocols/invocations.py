"""MLflow's scoring protocol, as its own server understands it.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/#inference-server-specification
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeGuard

import msgspec

from leadsman_serving.columns import refused
from leadsman_serving.errors import BadRequest
from leadsman_serving.protocols.csv_rows import read_csv
from leadsman_serving.protocols.exchange import JSON, Answer
from leadsman_serving.protocols.float_rows import read_rows
from leadsman_serving.protocols.media import CSV, PARQUET, PARQUETS, kind_of, unsupported
from leadsman_serving.protocols.params import Param, read_params
from leadsman_serving.protocols.parquet_rows import Bounds, read_parquet
from leadsman_serving.schema import Schema
from leadsman_serving.table import FloatRows

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
# MLflow's words by status: mlflow/exceptions.py.
_WORDS = {
    HTTPStatus.BAD_REQUEST: "BAD_REQUEST",
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
    HTTPStatus.UNPROCESSABLE_ENTITY: "INVALID_PARAMETER_VALUE",
    HTTPStatus.TOO_MANY_REQUESTS: "REQUEST_LIMIT_EXCEEDED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    HTTPStatus.SERVICE_UNAVAILABLE: "TEMPORARILY_UNAVAILABLE",
    HTTPStatus.GATEWAY_TIMEOUT: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for."""

    rows: list[Any]
    params: Mapping[str, Any] | None = None
    """MLflow's parameters of one request."""
    unknown: int = 0
    """Columns that the model does not know: they are left out."""


def parse(
    body: bytes, content_type: str, schema: Schema, params: Sequence[Param], bounds: Bounds
) -> Asked:
    """What a body asks; BadRequest with 415 for a type that is none of MLflow's three."""
    kind = kind_of(content_type)
    if kind == CSV:
        return _asked(list(read_csv(body, schema)), schema)
    if kind in PARQUETS:
        rows, unknown = read_parquet(body, schema, bounds)
        return Asked(_asked(rows, schema).rows, unknown=unknown)
    if kind != JSON:
        raise unsupported(f"send {JSON}, {CSV} or {PARQUET}, not {kind}")
    return of_json(read_rows(body, schema), schema, params)


def of_json(content: object, schema: Schema, params: Sequence[Param] = ()) -> Asked:
    """The rows of one of MLflow's four forms."""
    if not isinstance(content, Mapping):
        raise refused(f"write an object with one of {', '.join(_FORMS)}")
    found = [form for form in _FORMS if form in content]
    if len(found) != 1:
        raise refused(f"write exactly one of {', '.join(_FORMS)}; found {found or 'none'}")
    read = read_params(content.get("params"), params)
    return _asked(_rows(found[0], content[found[0]], schema), schema, read)


def refusal(error: BadRequest, request_id: str) -> Answer:
    """An error as MLflow's clients read it, with the column and row where one is wrong."""
    word = _WORDS.get(error.status, "BAD_REQUEST")
    body = {
        "error_code": word, "message": error.message, "request_id": request_id, **error.more,
    }  # fmt: skip
    return Answer(msgspec.json.encode(body), error.status.value, headers=error.headers)


def by_columns(value: Mapping[str, Any]) -> list[Any]:
    """Columns of values, or single values, as rows by name."""
    lists = {name: one if isinstance(one, list) else [one] for name, one in value.items()}
    lengths = {len(one) for one in lists.values()}
    if len(lengths) != 1:
        raise refused("inputs must have columns of the same length")
    return [{name: one[place] for name, one in lists.items()} for place in range(lengths.pop())]


def by_rows(form: str, value: object, schema: Schema) -> list[Any]:
    """A list of rows; of a model with one column each value may stand for itself."""
    if not isinstance(value, list):
        raise refused(f"{form} must be a list of rows")
    if len(schema.names) == 1 and not any(isinstance(one, list | dict) for one in value):
        return [[one] for one in value]
    return value


def _asked(rows: list[Any], schema: Schema, params: Mapping[str, Any] | None = None) -> Asked:
    """Named rows of a model whose columns have no names by place, as MLflow takes them."""
    unknown = schema.unknown(rows)
    if schema.columns and not schema.names and rows and isinstance(rows[0], Mapping):
        known = len(schema.columns)
        rows = [list(row.values())[:known] if isinstance(row, Mapping) else row for row in rows]
    return Asked(rows, params, unknown)


def _rows(form: str, value: object, schema: Schema) -> list[Any]:
    if form == "dataframe_split":
        return _split(value, schema)
    if form == "inputs" and isinstance(value, Mapping):
        return by_columns(value)
    if form == "dataframe_records":
        return _filled(value)
    return by_rows(form, value, schema)


def _split(value: object, schema: Schema) -> list[Any]:
    if not isinstance(value, Mapping) or "data" not in value:
        raise refused("dataframe_split must be an object with data and columns")
    columns, data = value.get("columns"), value["data"]
    if not _is_matrix(data):
        raise refused("dataframe_split.data must be a list of rows, each a list")
    if columns is None or not schema.names:
        return data
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise refused("dataframe_split.columns must be a list of names")
    if tuple(columns) == schema.names:
        return data
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise refused(f"dataframe_split.columns names {twice!r} twice", twice)
    wrong = next((row for row in data if len(row) != len(columns)), None)
    if wrong is not None:
        raise refused(
            f"a row has {len(wrong)} values, dataframe_split.columns names {len(columns)}"
        )
    return [dict(zip(columns, row, strict=True)) for row in data]


def _is_matrix(data: object) -> TypeGuard[list[Any]]:
    if type(data) is FloatRows:
        return True
    return isinstance(data, list) and all(isinstance(row, list) for row in data)


def _filled(rows: object) -> list[Any]:
    """Records as a frame has them: a name that any of them has, all have."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise refused("dataframe_records must be a list of objects")
    names = dict.fromkeys(name for row in rows for name in row)
    if all(len(row) == len(names) for row in rows):
        return rows
    return [{name: row.get(name) for name in names} for row in rows]
