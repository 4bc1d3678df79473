"""What one request asks of a model, and what it is given, however its protocol writes that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leadsman_serving.table import Table


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the model gave for the rows of one request."""

    values: object
    """Whatever the library gives: an array, a list, a frame."""
    shares: list[Any] | None = None
    """The probability of each class for each row, where that was asked for and is known."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one request asks."""

    rows: int
    table: Callable[[], Table]
    """Makes the rows, where the model runs: many take their time. Raises BadRequest."""
    written: Callable[[Predicted], bytes]
    """The body of the answer; runs there as well."""
    params: Mapping[str, Any] | None = None
    """MLflow's parameters of one request; only code of its own heeds them."""
    wants_shares: bool = False
    unknown: int = 0
    """Columns that were sent and that the model does not know."""
    media_type: str = "application/json"
    headers: Mapping[str, str] | None = None
