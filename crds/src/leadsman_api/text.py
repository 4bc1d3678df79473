"""What is kept as text where only text can be: a tag, a file, a termination message."""

from __future__ import annotations

from typing import Self

from pydantic import ValidationError

from leadsman_api.contract import Contract


class Text(Contract):
    """A part of the contract that one program of ours writes as text, and another one reads."""

    def to_text(self) -> str:
        """One line of JSON, without what is not known."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @classmethod
    def from_text(cls, text: str | None) -> Self | None:
        """Read such a line; None for what another program wrote, or nobody."""
        try:
            return cls.model_validate_json(text or "")
        except ValidationError:
            return None
