"""Pydantic's errors as a user wants them: the field's path, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadsman_api.structural import Schema, structural_schema

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from leadsman_api.custom_resource import Resource

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a resource."""

    path: str
    """Path of the field, such as `spec.rollout.steps[2]`; empty for the document."""
    message: str
    """What to write instead."""

    @property
    def line(self) -> str:
        """Path and message on one line."""
        return f"{self.path}: {self.message}" if self.path else self.message


def problems_of(
    error: ValidationError, document: Mapping[str, Any], resource: type[Resource]
) -> list[Problem]:
    """The problems that pydantic found, in the order of the document."""
    schema = structural_schema(resource)
    problems = {_problem(details, document, schema): details for details in error.errors()}
    wrong = [problem.path for problem in problems]
    return [
        problem
        for problem, details in problems.items()
        # A list is too short for pydantic when an item is wrong: the item is the problem.
        if details["type"] != "too_short"
        or not any(path.startswith(f"{problem.path}[") for path in wrong)
    ]


def _problem(details: ErrorDetails, document: Mapping[str, Any], schema: Schema) -> Problem:
    location = _written_location(details["loc"], document)
    if details["type"].startswith("union_tag"):
        location = (*location, "type")
    return Problem(_path(location), _message(details, location, schema))


def _message(details: ErrorDetails, location: Location, schema: Schema) -> str:
    match details["type"]:
        case "extra_forbidden":
            return _unknown(str(location[-1]), _schema_at(schema, location[:-1]))
        case "missing":
            return f"is needed: {_schema_at(schema, location).get('description', 'write it')}"
        case "enum" | "literal_error" | "union_tag_invalid" | "union_tag_not_found":
            words = _schema_at(schema, location).get("enum", [])
            return f"write one of {', '.join(words)}"
        case "rule" | "form":
            return details["msg"]
        case _:
            return _reworded(details)


def _reworded(details: ErrorDetails) -> str:
    """Pydantic's own message, with the words of the API server or with the value in it."""
    context = details.get("ctx", {})
    if details["type"] == "too_short":
        return f"should have at least {context['min_length']} items"
    if details["type"] == "too_long":
        return f"must have at most {context['max_length']} items"
    return details["msg"].replace("Input", _shown(details["input"]), 1)


def _unknown(name: str, schema: Schema) -> str:
    known = list(schema.get("properties", ()))
    # A field of another member of a union: the schema's own rule says whose it is.
    for rule in schema.get("x-kubernetes-validations", ()):
        if name in known and rule["message"].startswith(f"{name} belongs to"):
            return str(rule["message"])
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"unknown field, did you mean {close[0]}?"
    return f"unknown field, the fields here are {', '.join(known)}"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list) else repr(value)


def _written_location(location: Location, document: object) -> Location:
    """Where the problem is in the document: pydantic's own steps through unions left out."""
    written: list[str | int] = []
    current = document
    for step in location:
        if isinstance(current, Mapping) and current.get("type") == step and step not in current:
            continue
        written.append(step)
        current = _inside(current, step)
    return tuple(written)


def _inside(value: object, step: str | int) -> object:
    if isinstance(value, Mapping):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) else None


def _schema_at(schema: Schema, location: Location) -> Schema:
    for step in location:
        inner = schema.get("items") if isinstance(step, int) else _field_of(schema, step)
        schema = inner or {}
    return schema


def _field_of(schema: Schema, name: str) -> Schema | None:
    known: Schema | None = schema.get("properties", {}).get(name)
    return known or schema.get("additionalProperties")


def _path(location: Location) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return path.removeprefix(".")
