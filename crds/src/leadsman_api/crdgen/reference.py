"""The reference page: every field with its type, default and sentence, and every closed word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from leadsman_api.conditions import ConditionType
from leadsman_api.environment import Variable
from leadsman_api.labels import API_VERSION, Annotation, Label, Tag
from leadsman_api.metrics import OperatorMetric, ServingMetric
from leadsman_api.reasons import Reason
from leadsman_api.structural import structural_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leadsman_api.custom_resource import Resource
    from leadsman_api.structural import Schema
    from leadsman_api.vocabulary import Term

# The spec of a TrainingRun stands on the page by itself.
_EMBEDDED = "spec.retraining.template"
_LONG = 10**12

_WORDS: dict[str, type[Term]] = {
    "Condition types": ConditionType,
    "Reasons": Reason,
    "Labels": Label,
    "Annotations": Annotation,
    "Tags in the registry": Tag,
    "Metrics of a serving pod": ServingMetric,
    "Metrics of the operator": OperatorMetric,
    "Environment variables of our pods": Variable,
}


def reference(resources: Sequence[type[Resource]]) -> str:
    """The page, in Markdown."""
    lines = [
        "<!-- Generated from the models in leadsman_api; do not edit.",
        "     To regenerate: uv run python -m leadsman_api.crdgen -->",
        "",
        "# Reference of the API",
        "",
        f"Both resources belong to `{API_VERSION}`.",
        "A field without a default may be left out, unless it says **needed**.",
    ]
    for resource in resources:
        lines += _resource(resource)
    for title, words in _WORDS.items():
        lines += ["", f"## {title}", "", "| word | meaning |", "|---|---|"]
        lines += [f"| `{word}` | {_cell(word.sentence)} |" for word in words]
    return "\n".join(lines) + "\n"


def _resource(resource: type[Resource]) -> list[str]:
    schema = structural_schema(resource)
    names = resource.names
    lines = ["", f"## {names.kind}", "", schema["description"], ""]
    lines += [f"`kubectl get {names.plural}`, in short `{names.short[0]}`."]
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for part in ("spec", "status"):
        fields = _fields(schema["properties"][part], part)
        lines += ["", f"### {names.kind} {part}", "", *rows, *fields]
        if part == "spec":
            lines += ["", f"### {names.kind}: what must hold", "", *_rules(schema, "")]
    return lines


def _fields(schema: Schema, path: str) -> Iterator[str]:
    for name, part in schema.get("properties", {}).items():
        field = f"{path}.{name}"
        needed = "**needed** " if name in schema.get("required", ()) else ""
        default = f"`{json.dumps(part['default'])}`" if _is_short_default(part) else ""
        meaning = needed + _cell(part.get("description", ""))
        yield f"| `{field}` | {_type(part)} | {default} | {meaning} |"
        if field != _EMBEDDED:
            yield from _fields(*_inside(part, field))


def _inside(schema: Schema, path: str) -> tuple[Schema, str]:
    """The object that holds the next fields, and its path."""
    if "items" in schema:
        return _inside(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        return _inside(schema["additionalProperties"], f"{path}.*")
    return schema, path


def _rules(schema: Schema, path: str) -> Iterator[str]:
    """What crosses fields, as a list; the forms of single values stand in their messages."""
    if schema.get("type") in ("object", "array"):
        for rule in schema.get("x-kubernetes-validations", ()):
            field = f"{path}{rule.get('fieldPath', '')}".removeprefix(".") or "the resource"
            yield f"- `{field}`: {rule['message']}"
    for name, part in schema.get("properties", {}).items():
        inner, inner_path = _inside(part, f"{path}.{name}")
        if inner_path != f".{_EMBEDDED}":
            yield from _rules(inner, inner_path)


def _is_short_default(schema: Schema) -> bool:
    return "default" in schema and not isinstance(schema["default"], dict)


def _type(schema: Schema) -> str:
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map of {_type(schema['additionalProperties'])}"
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity"
    if schema.get("format") == "date-time":
        return "time"
    return str(schema.get("type", "any value")) + _bounds(schema)


def _bounds(schema: Schema) -> str:
    bounds: dict[str, Any] = {
        (">" if schema.get("exclusiveMinimum") else "≥"): schema.get("minimum"),
        ("<" if schema.get("exclusiveMaximum") else "≤"): schema.get("maximum"),
    }
    shown = [f"{sign} {_number(bound)}" for sign, bound in bounds.items() if bound is not None]
    return f" {', '.join(shown)}" if shown else ""


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < _LONG else f"{value:g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
