"""The search space: parameters by name, each with its kind, its bounds and its condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from leadsman_api.contract import UNTYPED, Contract
from leadsman_api.lists import ATOMIC
from leadsman_api.patterns import compiled
from leadsman_api.rules import Rule

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

_NAME = r"^[A-Za-z_][-A-Za-z0-9_.]{0,63}$"
_NAME_ADVICE = "name each parameter by letters, digits, _, - and dots, such as max_depth"
_UNKNOWN_ADVICE = "when.parameter must name another parameter of this space"
_KIND_ADVICE = "when.parameter must name a categorical parameter: int and float decide nothing"
_CHOICE_ADVICE = "when.in must hold choices of the parameter that decides"
_CYCLE_ADVICE = "a parameter can't depend on itself: break the circle of when"


def _scalar(value: object) -> object:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise PydanticCustomError("form", "write texts, numbers, true, false or null, no lists")


Scalar = Annotated[
    str | bool | int | float | None,
    PlainValidator(_scalar),
    Field(json_schema_extra={**UNTYPED, "nullable": True}),
]
Choices = Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=64)]
Step = Annotated[float, Field(gt=0)]
Integer = Annotated[int, Field(ge=-(2**53), le=2**53, json_schema_extra={"format": "int64"})]


_TWO = Field(min_length=2, max_length=2)


class When(Contract):
    """The condition under which a parameter exists at all."""

    parameter: Annotated[str, Field(min_length=1, max_length=64)]
    """A categorical parameter of the same space."""
    in_: Choices = Field(alias="in", json_schema_extra=ATOMIC)
    """The choices of it for which this parameter exists."""


def _is_log_above_zero(parameter: Parameter) -> bool:
    bounds = parameter.int_ or parameter.float_
    return not parameter.log or bounds is None or bounds[0] > 0


class Parameter(Contract):
    """One parameter of the search."""

    # CEL can't see a list of values without one type, so that `categorical` takes its part
    # in "exactly one of" through the schema.
    value_validations: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": ["int"]}, {"required": ["float"]}, {"required": ["categorical"]}]
    }
    invariants = (
        Rule(
            cel="!(has(self.int) && has(self.float))",
            check=lambda parameter: parameter.kinds() == 1,
            message="write exactly one of int, float or categorical",
        ),
        Rule(
            cel="!has(self.int) || self.int[0] <= self.int[1]",
            check=lambda parameter: (
                parameter.int_ is None or parameter.int_[0] <= parameter.int_[1]
            ),
            message="int needs the low bound first, such as [2, 12]",
            field="int",
        ),
        Rule(
            cel="!has(self.float) || self.float[0] <= self.float[1]",
            check=lambda parameter: (
                parameter.float_ is None or parameter.float_[0] <= parameter.float_[1]
            ),
            message="float needs the low bound first, such as [0.001, 0.3]",
            field="float",
        ),
        Rule(
            cel="!has(self.log) || !self.log || ("
            "(!has(self.int) || self.int[0] > 0) && (!has(self.float) || self.float[0] > 0.0))",
            check=_is_log_above_zero,
            message="log needs a low bound above 0: raise it or leave log out",
            field="log",
        ),
        Rule(
            cel="!has(self.log) || !self.log || !has(self.step)",
            check=lambda parameter: not parameter.log or parameter.step is None,
            message="log and step exclude one another: leave one of them out",
            field="step",
        ),
        Rule(
            cel="!has(self.log) && !has(self.step) || has(self.int) || has(self.float)",
            check=lambda parameter: (
                (parameter.log is None and parameter.step is None)
                or parameter.int_ is not None
                or parameter.float_ is not None
            ),
            message="log and step belong to int and float: leave them out of a categorical",
        ),
        Rule(
            cel="!has(self.int) || !has(self.step) || self.step == double(int(self.step))",
            check=lambda parameter: (
                parameter.int_ is None or parameter.step is None or parameter.step.is_integer()
            ),
            message="step ({step}) of an int must be a whole number",
            field="step",
        ),
    )

    int_: Annotated[tuple[Integer, ...], _TWO] | None = Field(
        default=None, alias="int", json_schema_extra=ATOMIC
    )
    """Whole numbers from the first to the second, both included."""
    float_: Annotated[tuple[float, ...], _TWO] | None = Field(
        default=None, alias="float", json_schema_extra=ATOMIC
    )
    """Numbers from the first to the second."""
    categorical: Choices | None = Field(default=None, json_schema_extra=ATOMIC)
    """One of these texts, numbers or truth values."""
    log: bool | None = None
    """Search on a logarithmic scale, for int and float above 0."""
    step: Step | None = None
    """Distance between two values, for int and float."""
    when: When | None = None
    """The condition under which the parameter exists; always when left out."""

    def kinds(self) -> int:
        """How many kinds were written; a parameter has one."""
        return sum(kind is not None for kind in (self.int_, self.float_, self.categorical))


@dataclass(frozen=True, slots=True)
class SpaceForm:
    """What must hold between the parameters of one space."""

    def check(self, space: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
        """Return the space, or refuse it with one message for each parameter in the wrong."""
        complaints = [
            InitErrorDetails(
                type=PydanticCustomError("rule", message),
                loc=location,
                input=space[location[0]],
            )
            for name, parameter in space.items()
            for location, message in _complaints(name, parameter, space)
        ]
        if complaints:
            raise ValidationError.from_exception_data("Space", complaints)
        return space

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the space after its parameters."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The part of it that CEL can see."""
        return {
            **handler(schema),
            "x-kubernetes-validations": [
                _for_each(f"!name.matches('{_NAME}')", _NAME_ADVICE),
                _for_each(
                    "has(self[name].when) && !(self[name].when.parameter in self)",
                    _UNKNOWN_ADVICE,
                ),
                _for_each(
                    "has(self[name].when) && self[name].when.parameter in self"
                    " && (has(self[self[name].when.parameter].int)"
                    " || has(self[self[name].when.parameter].float))",
                    _KIND_ADVICE,
                ),
            ],
        }


def _for_each(wrong: str, advice: str) -> dict[str, str]:
    """A rule over all parameters, whose message lists those that are in the wrong."""
    return {
        "rule": f"!self.exists(name, {wrong})",
        "message": advice,
        "messageExpression": f"'%s: {advice}'.format([self.filter(name, {wrong})])",
    }


def _complaints(
    name: str, parameter: Parameter, space: Mapping[str, Parameter]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where one parameter is wrong among the others, and what to write instead."""
    if compiled(_NAME).search(name) is None:
        yield (name,), _NAME_ADVICE
    if parameter.when is None:
        return
    deciding = space.get(parameter.when.parameter)
    if deciding is None:
        yield (name, "when", "parameter"), _UNKNOWN_ADVICE
    elif deciding.categorical is None:
        yield (name, "when", "parameter"), _KIND_ADVICE
    elif not _all_among(parameter.when.in_, deciding.categorical):
        yield (name, "when", "in"), _CHOICE_ADVICE
    elif _depends_on_itself(name, space):
        yield (name, "when", "parameter"), _CYCLE_ADVICE


def _all_among(values: Choices, choices: Choices) -> bool:
    # The type counts: to Python 1 and True are the same, to an estimator they are not.
    known = {(type(choice), choice) for choice in choices}
    return all((type(value), value) in known for value in values)


def _depends_on_itself(name: str, space: Mapping[str, Parameter]) -> bool:
    seen: set[str] = set()
    current: str | None = name
    while current is not None and current not in seen:
        seen.add(current)
        when = space[current].when if current in space else None
        current = when.parameter if when else None
    return current == name


Space = Annotated[Mapping[str, Parameter], Field(min_length=1, max_length=64), SpaceForm()]
