"""MLflow's parameters of one request, as a signature declares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadsman_serving.columns import refused, value_of


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter; its default is MLflow's affair."""

    name: str
    type: str
    """MLflow's name of the type, such as `double`."""
    is_list: bool = False

    def read(self, value: object) -> object:
        """The value as its type has it; BadRequest when it does not fit."""
        if value is None:
            return None
        if not self.is_list:
            return self._one(value)
        if not isinstance(value, list):
            raise refused(f"params.{self.name} must be a list of {self.type}")
        return [self._one(one) for one in value]

    def _one(self, value: object) -> object:
        try:
            read = value_of(self.type, value)
        except (TypeError, ValueError, OverflowError) as error:
            raise refused(f"params.{self.name} is no {self.type}: {value!r:.50}") from error
        # MLflow reads texts itself.
        return value if self.type in ("datetime", "binary") else read


def params_of(described: Sequence[Mapping[str, Any]] | None) -> tuple[Param, ...]:
    """The parameters of a signature."""
    return tuple(
        Param(str(one["name"]), str(one["type"]), bool(one.get("shape"))) for one in described or ()
    )


def read_params(given: object, declared: Sequence[Param]) -> Mapping[str, Any] | None:
    """Those of the given that the model knows; the others are left out, as MLflow does.

    BadRequest names one that does not fit.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise refused("params must be an object")
    return {one.name: one.read(given[one.name]) for one in declared if one.name in given}
