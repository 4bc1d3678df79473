"""The page `/docs`: the routes as the model's signature and example make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from leadsman_serving.columns import FLOATS, INTEGERS, Column
from leadsman_serving.endpoints import kserve, mlflow, open_inference, ours
from leadsman_serving.model import Model
from leadsman_serving.protocols.media import CSV, PARQUET
from leadsman_serving.protocols.open_inference import BINARY
from leadsman_serving.protocols.open_inference_metadata import inputs_of
from leadsman_serving.protocols.problem import PROBLEM
from leadsman_serving.schema import Schema
from leadsman_serving.settings import Settings

_REFUSALS = {
    "400": "the body can't be read",
    "401": "no key, or a wrong one",
    "408": "the body came too slowly",
    "413": "a larger body or more rows than allowed",
    "415": "another type than the route takes",
    "422": "a value does not fit the model",
    "429": "more requests than this pod takes",
    "500": "the model failed; the log has the details under the request's id",
    "503": "not ready, or too much to do: try again after `Retry-After`",
    "504": "no answer within the timeout",
}
_TYPES = (
    dict.fromkeys(INTEGERS, "integer")
    | dict.fromkeys(FLOATS, "number")
    | {"string": "string", "boolean": "boolean", "binary": "string", "datetime": "string"}
)
_FORMATS = {"binary": "byte", "datetime": "date-time", "integer": "int32", "long": "int64"}
_INPUTS = {"type": ["array", "object"]}
_PARAMS = {"type": ["object", "null"]}
_KEYS = {
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def document(app: FastAPI, model: Model | None, settings: Settings) -> None:
    """Let the app's description tell of the routes that are answered in front of it."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, model, settings)
        return app.openapi_schema

    # FastAPI's own way to extend it.
    app.openapi = openapi  # type: ignore[method-assign]


def _described(app: FastAPI, model: Model | None, settings: Settings) -> dict[str, Any]:
    described = get_openapi(
        title=settings.model_name or app.title,
        version=settings.model_version or app.version,
        description=f"Served by Leadsman {app.version}.",
        routes=app.routes,
    )
    hot = hot_paths(model, settings)
    if settings.api_keys_dir:
        described.setdefault("components", {})["securitySchemes"] = _KEYS
        for route in hot.values():
            route["post"]["security"] = [{name: []} for name in _KEYS]
    described["paths"] = {**hot, **described["paths"]}
    return described


def hot_paths(model: Model | None, settings: Settings) -> dict[str, Any]:
    """The routes that predict, in the words of OpenAPI."""
    schema = model.schema if model else Schema()
    row = row_schema(schema)
    example = model.example[0] if model and model.example else None
    found = {ours.PATH: _ours(row, example), mlflow.PATH: _mlflow(row, model)}
    if settings.model_name:
        found[kserve.path_of(settings.model_name)] = _kserve(row, example)
    for path in open_inference.paths(settings.model_name, settings.model_version):
        found[path] = _open_inference(schema, example)
    return found


def row_schema(schema: Schema) -> dict[str, Any]:
    """One row, by place or by name."""
    if schema.tensors:
        return {}
    columns = schema.columns
    length = {"minItems": len(columns), "maxItems": len(columns)} if columns else {}
    kinds = [_value(column, schema) for column in columns]
    items: dict[str, Any] = kinds[0] if kinds and all(one == kinds[0] for one in kinds) else {}
    by_place = {"type": "array", "items": items, **length}
    if not schema.names:
        return by_place
    by_name = {
        "type": "object",
        "required": [column.name for column in columns if column.required],
        "properties": dict(zip(schema.names, kinds, strict=True)),
    }
    return {"anyOf": [by_name, by_place]}


def _value(column: Column, schema: Schema) -> dict[str, Any]:
    """One value of a column, which may be missing where the model takes that."""
    kind = _TYPES.get(column.type)
    if kind is None:
        return {}
    may_lack = not column.required or (column.type in FLOATS and schema.allows_missing)
    form = {"format": _FORMATS[column.type]} if column.type in _FORMATS else {}
    return {"type": [kind, "null"] if may_lack else kind, **form}


def _ours(row: Mapping[str, Any], example: object) -> dict[str, Any]:
    body = {
        "type": "object",
        "properties": {
            "features": row,
            "rows": {"type": "array", "items": row, "minItems": 1},
            "probabilities": {"type": "boolean", "default": False},
            "proba": {"type": "boolean", "default": False},
        },
        "oneOf": [{"required": ["features"]}, {"required": ["rows"]}],
        "additionalProperties": False,
    }
    return _route(
        "Predictions for one row (`features`) or several (`rows`), by place or by name.",
        {"application/json": _content(body, None if example is None else {"features": example})},
        {"anyOf": [{"required": ["prediction"]}, {"required": ["predictions"]}]},
        (PROBLEM, ("type", "title", "status", "code", "detail", "request_id")),
    )


def _mlflow(row: Mapping[str, Any], model: Model | None) -> dict[str, Any]:
    rows = {"type": "array", "items": row, "minItems": 1}
    split = {"type": "object", "required": ["data"], "properties": {"data": rows}}
    by_name = row.get("anyOf", [{"type": "object"}])[0]
    forms: dict[str, Any] = {
        "dataframe_split": split,
        "dataframe_records": {**rows, "items": by_name},
        "instances": rows,
        "inputs": _INPUTS,
    }
    body = {
        "type": "object",
        "properties": {**forms, "params": _PARAMS},
        "oneOf": [{"required": [name]} for name in forms],
    }
    return _route(
        "MLflow's scoring protocol.",
        {
            "application/json": _content(body, model.body if model else None),
            CSV: {"schema": {"type": "string"}},
            PARQUET: {"schema": {"type": "string", "format": "binary"}},
        },
        {"required": ["predictions"]},
        ("application/json", ("error_code", "message", "request_id")),
    )


def _kserve(row: Mapping[str, Any], example: object) -> dict[str, Any]:
    rows = {"type": "array", "items": row, "minItems": 1}
    body = {
        "type": "object",
        "properties": {"instances": rows, "inputs": _INPUTS, "parameters": _PARAMS},
        "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
    }
    return _route(
        "KServe's first protocol.",
        {"application/json": _content(body, None if example is None else {"instances": [example]})},
        {"required": ["predictions"]},
        ("application/json", ("error",)),
    )


def _open_inference(schema: Schema, example: object) -> dict[str, Any]:
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "datatype": {"type": "string"},
            "parameters": {"type": "object"},
            "data": {"type": "array"},
        },
    }
    inputs = {"type": "array", "items": tensor, "minItems": 1}
    body = {"type": "object", "required": ["inputs"], "properties": {"inputs": inputs}}
    tensors = _example_tensors(schema, example)
    return _route(
        "The Open Inference Protocol.",
        {
            "application/json": _content(body, {"inputs": tensors} if tensors else None),
            BINARY: {"schema": {"type": "string", "format": "binary"}},
        },
        {"required": ["model_name", "outputs"]},
        ("application/json", ("error",)),
    )


def _example_tensors(schema: Schema, example: object) -> list[dict[str, Any]]:
    """The example's row, a tensor for each column."""
    if schema.tensors or not schema.columns or example is None:
        return []
    values = (
        [example.get(name) for name in schema.names] if isinstance(example, Mapping) else example
    )
    return [
        {"name": one.name, "datatype": one.datatype, "shape": [1, 1], "data": [value]}
        for one, value in zip(inputs_of(schema), values, strict=True)  # type: ignore[call-overload]
    ]


def _content(schema: Mapping[str, Any], example: object) -> dict[str, Any]:
    return {"schema": schema} | ({"example": example} if example is not None else {})


def _route(
    summary: str,
    content: Mapping[str, Any],
    answer: Mapping[str, Any],
    refusal: tuple[str, tuple[str, ...]],
) -> dict[str, Any]:
    """`refusal` is the type of an error's body and the members that it has."""
    fine = {"schema": {"type": "object", **answer}}
    media, members = refusal
    refused = {media: {"schema": {"type": "object", "required": list(members)}}}
    return {
        "post": {
            "tags": ["inference"],
            "summary": summary,
            "requestBody": {"required": True, "content": content},
            "responses": {
                "200": {"description": "the answer", "content": {"application/json": fine}},
                **{
                    status: {"description": meaning, "content": refused}
                    for status, meaning in _REFUSALS.items()
                },
            },
        }
    }
