"""The page `/docs`: the routes as the model's signature and example make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from leadsman_serving.model import Model
from leadsman_serving.protocols.media import CSV
from leadsman_serving.protocols.problem import PROBLEM
from leadsman_serving.schema import Schema, json_schema

_PROBLEMS = {
    "400": "the body is no JSON or no CSV",
    "401": "no key, or a wrong one",
    "413": "a larger body or more rows than allowed",
    "415": "another type than JSON or CSV",
    "422": "a value does not fit the model; `column` and `row` say which",
    "429": "more requests than this pod takes",
    "500": "the model failed; the log has the details under the request's id",
    "503": "not ready, or too much to do: try again after `Retry-After`",
    "504": "no answer within the timeout",
}


def document(app: FastAPI, model: Model | None) -> None:
    """Let the app's description tell of the routes that are answered in front of it."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = get_openapi(title=app.title, version=app.version, routes=app.routes)
            described["paths"] = {**hot_paths(model), **described["paths"]}
            app.openapi_schema = described
        return app.openapi_schema

    # FastAPI's own way to extend it.
    app.openapi = openapi  # type: ignore[method-assign]


def hot_paths(model: Model | None) -> dict[str, Any]:
    """The routes that predict, in the words of OpenAPI."""
    schema = model.schema if model else Schema()
    row = json_schema(schema)
    example: Any = model.example[0] if model and model.example else None
    ours = {
        "type": "object",
        "properties": {
            "features": row,
            "rows": {"type": "array", "items": row},
            "probabilities": {"type": "boolean", "default": False},
        },
        "oneOf": [{"required": ["features"]}, {"required": ["rows"]}],
    }
    theirs = {
        "type": "object",
        "properties": {
            name: {}
            for name in ("dataframe_split", "dataframe_records", "instances", "inputs", "params")
        },
    }
    body = model.body if model else None
    return {
        "/predict": _route(
            "Predictions for one row (`features`) or several (`rows`), by place or by name.",
            {"application/json": _content(ours, {"features": example} if example else None)},
            {"prediction": {}, "predictions": {}, "probabilities": {}, "model": {}, "version": {}},
        ),
        "/invocations": _route(
            "MLflow's scoring protocol.",
            {"application/json": _content(theirs, body), CSV: {"schema": {"type": "string"}}},
            {"predictions": {}},
        ),
    }


def _content(schema: Mapping[str, Any], example: object) -> dict[str, Any]:
    return {"schema": schema} | ({"example": example} if example is not None else {})


def _route(summary: str, content: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    described = {"schema": {"type": "object", "properties": answer}}
    refusals = {
        status: {"description": meaning, "content": {PROBLEM: {}}}
        for status, meaning in _PROBLEMS.items()
    }
    fine = {"description": "the answer", "content": {"application/json": described}}
    return {
        "post": {
            "tags": ["inference"],
            "summary": summary,
            "requestBody": {"required": True, "content": content},
            "responses": {"200": fine, **refusals},
        }
    }
