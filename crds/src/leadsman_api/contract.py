"""The base of every model of the contract: frozen, closed, camelCase on the wire.

It runs the model's rules after validation and hands the same rules to the schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

if TYPE_CHECKING:
    from leadsman_api.rules import Rule


def _add_rules(schema: dict[str, Any], model: type[Contract]) -> None:
    """Put the rules into the schema, in the form that the API server evaluates."""
    if model.invariants:
        schema["x-kubernetes-validations"] = [rule.as_validation() for rule in model.invariants]
    schema.update(model.value_validations)


class Contract(BaseModel):
    """A part of a resource."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        json_schema_extra=_add_rules,
    )

    invariants: ClassVar[tuple[Rule, ...]] = ()
    value_validations: ClassVar[dict[str, Any]] = {}
    """JSON-schema keywords for what CEL can't see, such as fields without one type."""

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        broken = [rule for rule in self.invariants if not rule.check(self)]
        if broken:
            raise ValidationError.from_exception_data(
                type(self).__name__, [self._complaint(rule) for rule in broken]
            )
        return self

    def _complaint(self, rule: Rule) -> InitErrorDetails:
        return InitErrorDetails(
            type=PydanticCustomError("rule", rule.describe(self)),
            loc=tuple(rule.field.split(".")) if rule.field else (),
            input=self,
        )

    def to_wire(self) -> dict[str, Any]:
        """The resource as it is written to YAML or sent to the API server."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def nested(model: type[Contract]) -> Any:  # noqa: ANN401 - a field of the model's own type
    """A part that may be left out because each of its own fields has a default."""
    return Field(default_factory=model, json_schema_extra={"default": {}})


UNTYPED: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}
"""Schema of a value that has no single type; the model checks it, the API server can't."""
