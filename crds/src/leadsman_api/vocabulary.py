"""Closed word lists: enums whose every member carries the sentence that explains it.

The sentence reaches the CRD (`kubectl explain`) and the reference page from here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Term(StrEnum):
    """A word of a closed list, with the sentence that explains it."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Keep the sentence beside the value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the enum by its words, so that `kubectl explain` lists them."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        schema["description"] = " ".join(f"{term.value}: {term.sentence}" for term in cls)
        return schema
