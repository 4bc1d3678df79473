"""Hypothesis strategies that make resources from the models' own JSON schema.

Each part is made by itself, and loses the fields that its model refuses: so rules which cross
fields cost a field and not the whole resource.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from leadsman_api.contract import Contract
from leadsman_api.custom_resource import Resource

Schema = dict[str, Any]
Values = st.SearchStrategy[Any]

_NULL = {"type": "null"}
_SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["gini", "log2"])
_PRINTABLE = st.characters(min_codepoint=33, max_codepoint=126)
_TIMES = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
# What a pattern can't say, written out; words are short because only their form matters.
_BY_NAME: dict[str, Values] = {
    "uri": st.sampled_from(["sklearn://iris", "s3://bucket/key.csv", "pvc://claim/a.parquet"]),
    "cron": st.sampled_from(["@daily", "0 3 * * 1", "*/5 1,2 1-5 * MON"]),
    "timeZone": st.sampled_from(["Etc/UTC", "Europe/Berlin"]),
    "steps": st.lists(st.integers(1, 100), min_size=1, max_size=4, unique=True).map(sorted),
    "type": st.sampled_from(["Ready", "RolledOut"]),
    "reason": st.sampled_from(["Promoted", "StepHolding"]),
    "space": st.fixed_dictionaries(
        {"booster": st.just({"categorical": ["gbtree", "dart", None, 1, True]})},
        optional={
            "depth": st.just({"int": [2, 12], "log": True}),
            "rate": st.just({"float": [0.25, 0.5], "when": {"parameter": "booster", "in": [1]}}),
        },
    ),
}


def resources_of(resource: type[Resource]) -> Values:
    """Valid documents of a kind, whole, status included."""
    schema = resource.model_json_schema()
    return _object(schema, schema["$defs"], resource.__name__)


@cache
def models() -> dict[str, TypeAdapter[Any]]:
    """Every model of the contract, by its name in the schema."""
    found: dict[str, TypeAdapter[Any]] = {}
    pending: list[type[BaseModel]] = [Contract]
    while pending:
        model = pending.pop()
        pending += model.__subclasses__()
        found[model.__name__] = TypeAdapter(model)
    return found


def _object(schema: Schema, definitions: dict[str, Schema], name: str) -> Values:
    required = set(schema.get("required", ()))
    fields = {
        field: _values(part, definitions, field)
        for field, part in schema["properties"].items()
        if field != "affinity"
    }

    @st.composite
    def document(draw: st.DrawFn) -> Schema:
        written = {
            field: draw(values)
            for field, values in fields.items()
            if field in required or draw(st.booleans())
        }
        return _mended(name, written, required)

    return document().filter(bool)


def _mended(name: str, document: Schema, required: set[str]) -> Schema:
    """The document without the optional parts that its model refuses; empty when none is left."""
    while True:
        try:
            models()[name].validate_python(document)
        except ValidationError as error:
            blamed = {details["loc"][0] for details in error.errors() if details["loc"]}
            optional = [field for field in document if field not in required]
            dropped = [field for field in optional if field in blamed] or optional[-1:]
            if not dropped:
                return {}
            document = {field: document[field] for field in document if field not in dropped}
        else:
            return document


def _values(schema: Schema, definitions: dict[str, Schema], field: str = "") -> Values:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        target = definitions[name]
        return _object(target, definitions, name) if "properties" in target else _scalar(target)
    if field in _BY_NAME and "const" not in schema:
        return _BY_NAME[field]
    options: list[Schema] = schema.get("anyOf", []) + schema.get("oneOf", [])
    members = [option for option in options if option != _NULL]
    if members and "x-kubernetes-int-or-string" not in schema:
        return st.one_of([_values(member, definitions) for member in members])
    is_collection = schema.get("type") in ("array", "object")
    return _collection(schema, definitions) if is_collection else _scalar(schema)


def _collection(schema: Schema, definitions: dict[str, Schema]) -> Values:
    if schema.get("type") == "array":
        least = schema.get("minItems", 0)
        items = _values(schema["items"], definitions)
        return st.lists(items, min_size=least, max_size=max(least, 2))
    values = schema.get("additionalProperties")
    known = _values(values, definitions) if isinstance(values, dict) else _SCALARS
    return st.dictionaries(st.sampled_from(["cpu", "a"]), known)


def _scalar(schema: Schema) -> Values:
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("format") or schema.get("type") or "quantity"
    if kind == "string" and "pattern" in schema:
        return st.from_regex(schema["pattern"], alphabet=_PRINTABLE, fullmatch=True).filter(
            lambda text: schema.get("minLength", 0) <= len(text) <= min(schema["maxLength"], 40)
        )
    return _OF_KIND[kind](schema)


def _words(schema: Schema) -> Values:
    return st.text("ab-c", min_size=schema.get("minLength", 0), max_size=9)


def _integers(schema: Schema) -> Values:
    low: int = schema.get("minimum", 0)
    return st.integers(low, min(schema.get("maximum", low + 9), low + 9))


def _numbers(schema: Schema) -> Values:
    lows = [schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema]
    highs = [schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema]
    low = float(lows[0]) if lows else -9.0
    high = float(highs[0]) if highs else low + 9
    return st.floats(
        low,
        high,
        exclude_min="exclusiveMinimum" in schema,
        exclude_max="exclusiveMaximum" in schema,
        width=32,
    )


_OF_KIND: dict[str, Callable[[Schema], Values]] = {
    "boolean": lambda _: st.booleans(),
    "date-time": lambda _: _TIMES,
    "integer": _integers,
    "int32": _integers,
    "int64": _integers,
    "number": _numbers,
    "quantity": lambda _: st.integers(0, 9) | st.sampled_from(["500m", "1.5Gi", "2"]),
    "string": _words,
}
