"""The usual request, one row, in one pass from the bytes of its body to its answer's.

Whatever is unusual is left to the general way, which has the words for it: this one only knows
how to be right, and says None for all else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np

from leadsman_serving.model import Model
from leadsman_serving.table import Table
from leadsman_serving.usual_forms import KINDS, Form
from leadsman_serving.worker import INLINE_SECONDS, Worker

_NUMBERS = {"double", "long", "integer"}

Predict: TypeAlias = Callable[[Sequence[Any]], object]
"""From the values of one row, in the order of the columns, to what JSON has a word for."""


class SingleRow:
    """Answers the usual body of one protocol, for a model that knows its columns."""

    def __init__(self, model: Model, worker: Worker[Any, Any], form: Form) -> None:
        """Keep what is the same for every request."""
        self._worker, self._predict = worker, predict_of(model)
        columns = model.schema.columns
        self._decode, self._values, self._written = form.decode, form.values, form.written
        self._encode = msgspec.json.Encoder().encode
        self._has_numbers_only = all(one.type in _NUMBERS for one in columns)
        self._floats = tuple(place for place, one in enumerate(columns) if one.type == "double")

    @staticmethod
    def suits(model: Model) -> bool:
        """Whether each column is of a type whose values need no words when they are right."""
        columns = model.schema.columns
        return bool(columns) and not model.is_code and all(one.type in KINDS for one in columns)

    def __call__(self, body: bytes) -> bytes | None:
        """The body of the answer; None where the general way has to find out."""
        worker = self._worker
        if worker.seconds >= INLINE_SECONDS or worker.waiting:
            return None
        return self.answer(body)

    def answer(self, body: bytes) -> bytes | None:
        """The same, however long it takes and whoever waits."""
        try:
            asked = self._decode(body)
            values = self._values(asked)
            total = sum(values) if self._has_numbers_only else self._sum(values)
            # An infinite number, or a sum that is too large to be told from one.
            if total - total != 0.0:
                return None
            return self._written(asked, self._encode(self._predict(values)))
        except Exception:  # noqa: BLE001 - it fails again in the general way, which tells of it
            return None

    def _sum(self, values: Sequence[Any]) -> float:
        return float(sum(values[place] for place in self._floats))


def predict_of(model: Model) -> Predict:
    """What predicts one row: the plan's own way, or a table of one row for what has none."""
    own: Predict | None = getattr(model.predictor, "row", None)
    if own is not None:
        return own
    predict, schema = model.predictor.predict, model.schema
    if not schema.has_doubles_only:
        return lambda values: _plain(predict(schema.table([list(values)])))
    names = schema.names
    return lambda values: _plain(predict(Table(np.array((values,), np.float64), names=names)))


def _plain(found: object) -> object:
    """The first prediction of an array; TypeError for what is written otherwise."""
    if type(found) is not np.ndarray:
        raise TypeError(type(found))
    return found.tolist()[0]
