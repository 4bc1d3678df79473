"""Lists as the API server keeps them: told apart by a key, without repetitions, or as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
"""Schema of a list that has one owner and is replaced as a whole."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """A list without repetitions: of its items, or of one field of them."""

    by: str = ""

    def check(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return the list, or refuse each item that was there before."""
        keys = [getattr(item, self.by) if self.by else item for item in items]
        repeated = [index for index, key in enumerate(keys) if key in keys[:index]]
        if repeated:
            raise ValidationError.from_exception_data(
                "list", [self._complaint(index, str(keys[index])) for index in repeated]
            )
        return items

    def _complaint(self, index: int, key: str) -> InitErrorDetails:
        message = f"{key} stands here a second time: take one of them out"
        return InitErrorDetails(type=PydanticCustomError("rule", message), loc=(index,), input=key)

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the list after its items."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say how items are told apart, by which server-side apply merges them too."""
        if not self.by:
            return handler(schema) | {"x-kubernetes-list-type": "set"}
        return handler(schema) | {
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": [self.by],
        }
