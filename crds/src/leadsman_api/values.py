"""Typed values that fields are made of: texts with a form, durations, quantities, times.

Each says in its schema, in CEL and in Python the same thing: what to write instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from leadsman_api import durations
from leadsman_api.patterns import compiled

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


def _validation(rule: str, advice: str) -> dict[str, str]:
    return {"rule": rule, "message": advice}


def _refusal(advice: str) -> PydanticCustomError:
    return PydanticCustomError("form", advice)


@dataclass(frozen=True, slots=True)
class Form:
    """The form that a text must have, and the advice for one that has not."""

    pattern: str
    advice: str
    longest: int = 253

    def check(self, text: str) -> str:
        """Return the text, or refuse it with the advice."""
        if len(text) > self.longest or compiled(self.pattern).search(text) is None:
            raise _refusal(self.advice)
        return text

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the form after the type."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Pattern for tools; the CEL rule repeats it with words."""
        cel_pattern = self.pattern.replace("\\", "\\\\").replace("'", "\\'")
        return {
            **handler(schema),
            "pattern": self.pattern,
            "minLength": 1,
            "maxLength": self.longest,
            "x-kubernetes-validations": [
                _validation(f"self.matches('{cel_pattern}')", self.advice)
            ],
        }


@dataclass(frozen=True, slots=True)
class DurationForm:
    """A span of time, written `1h30m`."""

    positive: bool = False

    def check(self, value: object) -> timedelta:
        """Read the text; a timedelta is taken as it is."""
        if isinstance(value, str):
            try:
                value = durations.parse_duration(value)
            except ValueError:
                value = None
        if not isinstance(value, timedelta) or value < timedelta(0):
            raise _refusal(f"write a duration such as {durations.EXAMPLES}")
        if self.positive and not value:
            raise _refusal("write a duration longer than 0s")
        return value

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """A text on the wire, a timedelta in Python."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self.check,
            serialization=core_schema.plain_serializer_function_ser_schema(
                durations.format_duration, return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Pattern for tools; the CEL rules repeat it with words."""
        del schema, handler
        advice = f"write a duration such as {durations.EXAMPLES}"
        validations = [_validation(f"self.matches('{durations.PATTERN}')", advice)]
        if self.positive:
            validations.append(
                _validation(
                    f"!self.matches('{durations.PATTERN}') || duration(self) > duration('0s')",
                    "write a duration longer than 0s",
                )
            )
        return {
            "type": "string",
            "pattern": durations.PATTERN,
            "minLength": 2,
            "maxLength": 32,
            "x-kubernetes-validations": validations,
        }


_QUANTITY_PATTERN = r"^[0-9]{1,15}(\.[0-9]{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
_QUANTITY_ADVICE = "write a quantity such as 500m, 2, 512Mi or 1.5Gi"
_MULTIPLES = {
    "": Decimal(1), "m": Decimal("0.001"),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9),
    "T": Decimal(10**12), "P": Decimal(10**15),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30),
    "Ti": Decimal(2**40), "Pi": Decimal(2**50),
}  # fmt: skip


class Quantity(str):
    """An amount of CPU, memory or another resource, written as Kubernetes writes it."""

    __slots__ = ()

    @property
    def amount(self) -> Decimal:
        """The amount in the plain unit: cores, bytes, pieces."""
        number = self.rstrip("mkMGTPi")
        return Decimal(number) * _MULTIPLES[self[len(number) :]]

    def times(self, factor: int) -> Quantity:
        """So many times the amount, in the same unit."""
        number = self.rstrip("mkMGTPi")
        return Quantity(f"{Decimal(number) * factor}{self[len(number) :]}")

    @classmethod
    def check(cls, value: object) -> Quantity:
        """Read a text or a whole number."""
        text = str(value) if isinstance(value, str | int) and value is not True else ""
        if compiled(_QUANTITY_PATTERN).search(text) is None:
            raise _refusal(_QUANTITY_ADVICE)
        return cls(text)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """A text or a whole number on the wire."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls.check, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Kubernetes' own form of `int or string`."""
        del schema, handler
        return {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": _QUANTITY_PATTERN,
            "maxLength": 32,
            "x-kubernetes-validations": [_validation("isQuantity(string(self))", _QUANTITY_ADVICE)],
        }


def _write_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Duration = Annotated[timedelta, DurationForm()]
PositiveDuration = Annotated[timedelta, DurationForm(positive=True)]
Time = Annotated[
    datetime,
    PlainSerializer(_write_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]

Percent = Annotated[int, Field(ge=0, le=100, json_schema_extra={"format": "int32"})]
"""A whole number of hundredths."""
Fraction = Annotated[float, Field(ge=0, le=1)]
"""A share between 0 and 1."""
Count = Annotated[int, Field(ge=0, le=2**31 - 1, json_schema_extra={"format": "int32"})]
"""A number of things."""
VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1, json_schema_extra={"format": "int32"})]
"""The number of a version in the registry."""

Label = Annotated[
    str,
    Form(
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "write a name of lower-case letters, digits and '-', such as churn-errors",
        longest=63,
    ),
]
ObjectName = Annotated[
    str,
    Form(
        r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$",
        "write the name of a Kubernetes object: lower-case letters, digits, '-' and '.'",
    ),
]
Key = Annotated[str, Form(r"^[-._a-zA-Z0-9]+$", "write a key of letters, digits, '-', '_' and '.'")]
ModelName = Annotated[
    str,
    Form(
        r"^[^/:\s]([^/:]*[^/:\s])?$",
        "write the name of a registered model, without '/' and ':'",
    ),
]
Alias = Annotated[
    str,
    Form(
        r"^[A-Za-z_][-A-Za-z0-9_]*$",
        "write an alias such as champion: letters, digits, '-' and '_', not starting with a digit",
    ),
]
Metric = Annotated[
    str,
    Form(r"^[A-Za-z][-A-Za-z0-9_./ ]*$", "write the name of a metric, such as roc_auc"),
]
Column = Annotated[str, Form(r"\S", "write the name of a column")]
Image = Annotated[
    str,
    Form(
        r"^[a-z0-9][a-zA-Z0-9._/:@-]*$",
        "write an image such as registry.example.com/churn:1.2 or one with @sha256:…",
        longest=500,
    ),
]
HttpUri = Annotated[
    str,
    Form(
        r"^https?://[^\s/?#]+[^\s]*$",
        "write an address such as http://mlflow.mlflow:5000",
        longest=500,
    ),
]
Digest = Annotated[
    str,
    Form(r"^sha256:[0-9a-f]{64}$", "write a digest: sha256: and 64 hexadecimal digits", longest=71),
]
Sentence = Annotated[str, Field(max_length=1024)]
"""A sentence for people."""
Word = Annotated[str, Field(min_length=1, max_length=253)]
"""A short text of any form."""
