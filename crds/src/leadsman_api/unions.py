"""Unions told apart by a field, as the one object that a structural schema can describe.

Which fields a member needs and which it has not become CEL rules, made from the union.
"""

from __future__ import annotations

from typing import Any

from leadsman_api.rules import listed

Schema = dict[str, Any]


def merge_union(members: list[Schema], by: str) -> Schema:
    """One object with the fields of all members, and the rules that tell them apart."""
    values = [member["properties"][by]["enum"][0] for member in members]
    properties: dict[str, Schema] = {}
    for member in members:
        for name, schema in member["properties"].items():
            known = properties.setdefault(name, schema)
            if name != by and known != schema:
                raise TypeError(f"{name} must be the same in every member of the union")
    discriminator = members[0]["properties"][by]
    properties[by] = discriminator | {
        "description": f"{discriminator['description']} {_words(values, members)}",
        "enum": values,
    }
    required = [name for name in properties if all(_needs(member, name) for member in members)]
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "x-kubernetes-validations": [
            *_belonging(properties, members, values, by),
            *_missing(required, members, values, by),
            *_rules(members, values, by),
        ],
    }


def _words(values: list[str], members: list[Schema]) -> str:
    pairs = zip(values, members, strict=True)
    return " ".join(f"{value}: {_lowered(member['description'])}" for value, member in pairs)


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _needs(member: Schema, name: str) -> bool:
    return name in member.get("required", ())


def _belonging(
    properties: dict[str, Schema], members: list[Schema], values: list[str], by: str
) -> list[Schema]:
    """Refuse a field on the members that have no use for it."""
    pairs = list(zip(values, members, strict=True))
    owners = {
        name: [value for value, member in pairs if name in member["properties"]]
        for name in properties
    }
    return [
        {
            "rule": f"!has(self.{escaped(name)}) || self.{by} in {_quoted(having)}",
            "message": f"{name} belongs to {by} {listed(having, 'and')}: leave it out",
            "fieldPath": f".{name}",
        }
        for name, having in owners.items()
        if len(having) < len(members)
    ]


def _missing(
    required: list[str], members: list[Schema], values: list[str], by: str
) -> list[Schema]:
    """Demand a field on the members that can't do without it."""
    return [
        {
            "rule": f"self.{by} != '{value}' || has(self.{escaped(name)})",
            "message": f"{by} {value} needs {name}: "
            + _lowered(member["properties"][name]["description"]),
            "fieldPath": f".{name}",
        }
        for value, member in zip(values, members, strict=True)
        for name in member.get("required", ())
        if name not in required
    ]


def _rules(members: list[Schema], values: list[str], by: str) -> list[Schema]:
    """The members' own rules, each for its member only."""
    return [
        rule | {"rule": f"self.{by} != '{value}' || ({rule['rule']})"}
        for value, member in zip(values, members, strict=True)
        for rule in member.get("x-kubernetes-validations", ())
    ]


def _quoted(values: list[str]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def escaped(name: str) -> str:
    """A field name as CEL takes it: its reserved words between underscores."""
    return f"__{name}__" if name in _RESERVED else name


_RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
