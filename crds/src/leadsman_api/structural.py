"""JSON schema as pydantic writes it, made into the structural schema that Kubernetes takes.

References are written out, `null` goes, unions by `type` become one object with CEL rules,
and defaults of nested parts are written out in full.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

from leadsman_api.unions import merge_union

if TYPE_CHECKING:
    from leadsman_api.custom_resource import Resource
    from leadsman_api.rules import Immutable

Schema = dict[str, Any]

_FIRST = ("description", "type", "format", "default", "enum")
_LAST = ("required", "properties", "items", "additionalProperties", "x-kubernetes-validations")


@cache
def structural_schema(resource: type[Resource]) -> Schema:
    """The schema of a whole resource."""
    raw = resource.model_json_schema()
    schema = _structural(raw, raw["$defs"])
    properties = schema["properties"]
    # Kubernetes checks its own metadata, and lets a schema restrict no more than the name.
    name = properties["metadata"]["properties"]["name"]
    properties["metadata"] = {
        "type": "object",
        "properties": {
            "name": {key: name[key] for key in ("type", "pattern", "maxLength")},
        },
    }
    for plain in ("apiVersion", "kind"):
        properties[plain] = {"type": "string", "description": properties[plain]["description"]}
    properties["status"].pop("default", None)
    schema["required"] = ["metadata", "spec"]
    for immutable in resource.immutable:
        _freeze(schema, immutable)
    return schema


def _structural(raw: Schema, definitions: dict[str, Schema]) -> Schema:
    schema = _plain(raw, definitions)
    if "discriminator" in raw:
        return schema
    result: Schema = {key: value for key, value in schema.items() if key not in _DROPPED}
    if isinstance(result.get("exclusiveMinimum"), int | float):
        result |= {"minimum": result["exclusiveMinimum"], "exclusiveMinimum": True}
    if isinstance(result.get("exclusiveMaximum"), int | float):
        result |= {"maximum": result["exclusiveMaximum"], "exclusiveMaximum": True}
    if "properties" in schema:
        result["properties"] = {
            name: _structural(part, definitions) for name, part in schema["properties"].items()
        }
    items = schema.get("prefixItems", [schema["items"]] if "items" in schema else [])
    if items:
        result["items"] = _structural(items[0], definitions)
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result["additionalProperties"] = _structural(values, definitions)
    return _ordered(_with_defaults(result))


_DROPPED = ("title", "additionalProperties", "discriminator", "prefixItems", "$defs", "const")


def _plain(raw: Schema, definitions: dict[str, Schema]) -> Schema:
    """One level of the schema without references, `null` and unions."""
    if raw.get("x-kubernetes-preserve-unknown-fields"):
        return {key: value for key, value in raw.items() if key not in ("anyOf", "default")}
    if "$ref" in raw:
        target = _plain(definitions[raw["$ref"].rpartition("/")[2]], definitions)
        own = {key: value for key, value in raw.items() if key != "$ref"}
        return target | own | _described(target, own)
    if "discriminator" in raw:
        members = [_structural(member, definitions) for member in raw["oneOf"]]
        return merge_union(members, raw["discriminator"]["propertyName"])
    options = [option for option in raw.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        own = {key: value for key, value in raw.items() if key not in ("anyOf", "default")}
        target = _plain(options[0], definitions)
        return target | own | _described(target, own)
    if "const" in raw:
        return raw | {"enum": [raw["const"]]}
    return raw


def _described(target: Schema, own: Schema) -> Schema:
    """The field's own sentence, followed by the words when its value is one of a list."""
    if "enum" in target and "description" in own:
        return {"description": f"{own['description']} {target['description']}"}
    return {}


def _with_defaults(schema: Schema) -> Schema:
    """Write the defaults of a nested part out in full, and leave empty ones out.

    The API server evaluates CEL on the default as written, before it fills in what is nested.
    """
    if schema.get("default") == {}:
        schema["default"] = {
            name: deepcopy(part["default"])
            for name, part in schema.get("properties", {}).items()
            if "default" in part
        }
    if "default" in schema:
        schema["default"] = _without_nothing(schema["default"])
        if schema["default"] in ({}, [], None):
            del schema["default"]
    return schema


def _without_nothing(value: Any) -> Any:  # noqa: ANN401 - JSON of any kind
    """A default without the parts that say nothing: `null`, empty lists, empty objects."""
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    if isinstance(value, dict):
        parts = {name: _without_nothing(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part not in (None, {}, [])}
    return value


def _ordered(schema: Schema) -> Schema:
    middle = sorted(key for key in schema if key not in _FIRST and key not in _LAST)
    return {key: schema[key] for key in (*_FIRST, *middle, *_LAST) if key in schema}


def _freeze(schema: Schema, immutable: Immutable) -> None:
    """Add the transition rules of one field; at the root only where it may come or go."""
    *parents, last = immutable.field.split(".")
    always_there = immutable.default is None
    part = schema
    for name in (*parents, last):
        present = name in part.get("required", ()) or "default" in part["properties"][name]
        always_there = always_there and present
        part = part["properties"][name]
    if immutable.default is None and not immutable.only_presence:
        part.setdefault("x-kubernetes-validations", []).append(immutable.on_value)
    if not always_there:
        schema.setdefault("x-kubernetes-validations", []).append(immutable.on_presence)
