"""Rules that cross fields, declared once beside the model they belong to.

A rule holds its CEL form for the API server and its Python form for pydantic, one message and
one field path. The common shapes are made by functions, so that both forms come from one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from leadsman_api.durations import format_duration

_PLACEHOLDER = re.compile(r"\{([A-Za-z.]+)\}")
_VALUE = re.compile(r" (\(\{[A-Za-z.]+\}\)|\{[A-Za-z.]+\})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What must hold between the fields of one model.

    A message may quote values as `{minReplicas}`; both sides fill them in.
    """

    cel: str
    check: Callable[[Any], bool]
    message: str
    field: str = ""

    def describe(self, model: BaseModel) -> str:
        """The message, with the values of this model in it."""
        return _PLACEHOLDER.sub(lambda match: shown(value_at(model, match[1])), self.message)

    def as_validation(self) -> dict[str, str]:
        """The entry of `x-kubernetes-validations`."""
        validation = {"rule": self.cel, "message": _VALUE.sub("", self.message)}
        if _PLACEHOLDER.search(self.message):
            validation["messageExpression"] = _message_expression(self.message)
        if self.field:
            validation["fieldPath"] = f".{self.field}"
        return validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Immutable:
    """A field that is decided when the resource is created and never changes after.

    A default says what an absent field means, so that writing it out is no change. Of some fields
    only that they are there is decided.
    """

    field: str
    advice: str
    default: str | int | None = None
    only_presence: bool = False

    @property
    def message(self) -> str:
        """What the user reads when the field was changed."""
        change = "can't come or go" if self.only_presence else "can't be changed"
        return f"{self.field} {change}: {self.advice}"

    def holds(self, new: BaseModel, old: BaseModel) -> bool:
        """Whether the field is the same in both."""
        if self.only_presence:
            return (self._meant(new) is None) == (self._meant(old) is None)
        return bool(self._meant(new) == self._meant(old))

    @property
    def on_value(self) -> dict[str, str]:
        """The transition rule for the field itself."""
        return {"rule": "self == oldSelf", "message": self.message}

    @property
    def on_presence(self) -> dict[str, str]:
        """The transition rule at the root, for a field that comes or goes."""
        new, old = self._in_cel("self"), self._in_cel("oldSelf")
        return {
            "rule": f"{new} == {old}",
            "message": self.message,
            "fieldPath": f".{self.field}",
        }

    def _in_cel(self, root: str) -> str:
        """What the field means, or only whether it is there: its own rule compares the value.

        Not by `orValue()`: of an optional's value the API server can't bound the cost.
        """
        first, *rest = self.field.split(".")
        if self.default is None:
            return f"{root}.{first}" + "".join(f".?{part}" for part in rest) + ".hasValue()"
        prefixes = (".".join([first, *rest[: length + 1]]) for length in range(len(rest)))
        there = " && ".join(f"has({root}.{prefix})" for prefix in prefixes)
        literal = f"'{self.default}'" if isinstance(self.default, str) else str(self.default)
        return f"({there} ? {root}.{self.field} : {literal})"

    def _meant(self, resource: BaseModel) -> object:
        value = value_at(resource, self.field)
        return self.default if value is None else value


def value_at(model: BaseModel, path: str) -> Any:  # noqa: ANN401 - fields of any type
    """The value at a path of wire names, `None` where something on the way is absent."""
    value: Any = model
    for part in path.split("."):
        if value is None:
            return None
        value = getattr(value, _attribute(type(value), part))
    return value


def shown(value: object) -> str:
    """A value as it stands in a message, the same text that CEL's `string()` gives."""
    return format_duration(value) if isinstance(value, timedelta) else str(value)


def listed(words: Sequence[str], conjunction: str) -> str:
    """The words as a sentence lists them: `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def exactly_one_of(*fields: str, field: str = "") -> Rule:
    """One of these fields, no more and no less."""
    names = listed(fields, "or")
    present = " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in fields)
    return Rule(
        cel=f"{present} == 1",
        check=lambda model: _count(model, fields) == 1,
        message=f"write exactly one of {names}",
        field=field,
    )


def at_most_one_of(*fields: str, because: str) -> Rule:
    """Fields that exclude one another."""
    present = " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in fields)
    return Rule(
        cel=f"{present} <= 1",
        check=lambda model: _count(model, fields) <= 1,
        message=f"write only one of {listed(fields, 'or')}: {because}",
        field=fields[0],
    )


def at_least_one_of(*fields: str, because: str) -> Rule:
    """One of these fields at the least."""
    return Rule(
        cel=" || ".join(f"has(self.{name})" for name in fields),
        check=lambda model: _count(model, fields) >= 1,
        message=f"write at least one of {listed(fields, 'or')}: {because}",
    )


def in_order(low: str, high: str) -> Rule:
    """Two numbers of which the first must not be above the second, where both are given."""

    def check(model: BaseModel) -> bool:
        lower, upper = value_at(model, low), value_at(model, high)
        return lower is None or upper is None or bool(lower <= upper)

    return Rule(
        cel=f"!has(self.{low}) || !has(self.{high}) || self.{low} <= self.{high}",
        check=check,
        message=f"{low} ({{{low}}}) must not be above {high} ({{{high}}}): "
        f"lower {low} or raise {high}",
        field=low,
    )


def only_with(field: str, *, by: str, values: Sequence[str]) -> Rule:
    """A field that has a meaning only for some values of another one."""
    quoted = ", ".join(f"'{value}'" for value in values)

    def check(model: BaseModel) -> bool:
        return value_at(model, field) is None or value_at(model, by) in values

    return Rule(
        cel=f"{_absent(field)} || self.{by} in [{quoted}]",
        check=check,
        message=f"{field} belongs to {by} {listed(values, 'or')}: leave it out or write that {by}",
        field=field,
    )


def needed_with(field: str, *, by: str, value: str, advice: str) -> Rule:
    """A field that one value of another field cannot do without."""

    def check(model: BaseModel) -> bool:
        return value_at(model, by) != value or value_at(model, field) is not None

    return Rule(
        cel=f"self.{by} != '{value}' || has(self.{field})",
        check=check,
        message=f"{by} {value} needs {field}: {advice}",
        field=field,
    )


def _absent(path: str) -> str:
    """CEL that is true where the field, or a part on the way to it, is not there."""
    parts = path.split(".")
    prefixes = (".".join(parts[: length + 1]) for length in range(len(parts)))
    return " || ".join(f"!has(self.{prefix})" for prefix in prefixes)


def _attribute(model: type[BaseModel], wire_name: str) -> str:
    for name, field in model.model_fields.items():
        if field.alias == wire_name:
            return name
    raise AttributeError(f"{model.__name__} has no field {wire_name}")


def _count(model: BaseModel, fields: Sequence[str]) -> int:
    return sum(value_at(model, name) is not None for name in fields)


def _message_expression(template: str) -> str:
    """The message as a CEL expression.

    By `format`, not by `+`: of a sum of texts the API server can't bound the cost.
    """
    text = _PLACEHOLDER.sub("%s", template).replace("'", "\\'")
    values = ", ".join(f"self.{path}" for path in _PLACEHOLDER.findall(template))
    return f"'{text}'.format([{values}])"
