"""Models that are a few lines of Python, to see what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import numpy as np

from leadsman_serving.columns import Column
from leadsman_serving.errors import BadRequest
from leadsman_serving.model import Model
from leadsman_serving.question import Predicted, Question
from leadsman_serving.schema import Schema
from leadsman_serving.table import Table

__all__ = ["Rows", "SumOfRow", "pretended", "question"]

Rows = list[list[float]]
SCHEMA = Schema((Column("a", "double"), Column("b", "double")))


class SumOfRow:
    """Adds up each row; fails for the whole call when any number is negative."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        """`before` is called with each call."""
        self.calls: list[int] = []
        """Rows of each call that was made."""
        self._before = before

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> Any:
        """An array of sums."""
        del params
        self._before()
        array = table.array()
        self.calls.append(len(array))
        if (array < 0).any():
            raise ValueError("a negative number")
        return array.sum(axis=1)

    def probabilities(self, table: Table) -> Any:
        """Two shares for each row."""
        sums = table.array().sum(axis=1)
        return np.column_stack([sums, 1 - sums])


def pretended(predictor: Any, example: Rows | None = None, flavor: str = "sklearn") -> Model:
    """A model of two doubles."""
    rows = [[1.0, 2.0], [3.0, 5.0]] if example is None else example
    return Model(predictor, SCHEMA, flavor, example=tuple(rows))


def question(rows: Rows, *, shares: bool = False, dtype: str = "f8") -> Question:
    """Asks for these rows; none are refused as a body without rows is."""

    def table() -> Table:
        if not rows:
            raise BadRequest(HTTPStatus.UNPROCESSABLE_ENTITY, "InvalidInput", "no row was sent")
        return Table(matrix=np.array(rows, dtype), names=("a", "b"))

    def written(predicted: Predicted) -> bytes:
        return repr((predicted.values, predicted.shares)).encode()

    return Question(len(rows) or 1, table, written, wants_shares=shares)
