"""The usual request, one row, in one pass from the bytes of its body to its answer's.

Whatever is unusual is left to the general way, which has the words for it: this one only knows
how to be right, and says None for all else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np

from leadsman_serving.model import Model
from leadsman_serving.table import Table
from leadsman_serving.worker import INLINE_SECONDS, Worker

_COLUMN = "c{}"
_KINDS: dict[str, Any] = {
    "double": float,
    "string": str,
    "boolean": bool,
    "long": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "integer": Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)],
}
_NUMBERS = {"double", "long", "integer"}

Predict: TypeAlias = Callable[[Sequence[Any]], object]
"""From the values of one row, in the order of the columns, to what JSON has a word for."""


class SingleRow:
    """Answers `{"features": ...}` for a model that knows its columns."""

    def __init__(self, model: Model, worker: Worker[Any, Any], version: Mapping[str, str]) -> None:
        """`version` stands at the end of each answer."""
        self._worker, self._predict = worker, predict_of(model)
        columns = model.schema.columns
        self._decode = _decoder(model)
        self._encode = msgspec.json.Encoder().encode
        self._has_numbers_only = all(one.type in _NUMBERS for one in columns)
        self._floats = tuple(place for place, one in enumerate(columns) if one.type == "double")
        self._tail = b"," + msgspec.json.encode(version)[1:] if version else b"}"

    @staticmethod
    def suits(model: Model) -> bool:
        """Whether each column is of a type whose values need no words when they are right."""
        columns = model.schema.columns
        return bool(columns) and not model.is_code and all(one.type in _KINDS for one in columns)

    def __call__(self, body: bytes) -> bytes | None:
        """The body of the answer; None where the general way has to find out."""
        worker = self._worker
        if worker.seconds >= INLINE_SECONDS or worker.waiting:
            return None
        try:
            row = self._decode(body).features
            values = row if type(row) is tuple else msgspec.structs.astuple(row)
            total = sum(values) if self._has_numbers_only else self._sum(values)
            # An infinite number, or a sum that is too large to be told from one.
            if total - total != 0.0:
                return None
            return b'{"prediction":' + self._encode(self._predict(values)) + self._tail
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
    if any(one.type != "double" for one in schema.columns):
        return lambda values: _plain(predict(schema.table([list(values)])))
    names = schema.names
    return lambda values: _plain(predict(Table(np.array((values,), np.float64), names=names)))


def _plain(found: object) -> object:
    """The first prediction of an array; TypeError for what is written otherwise."""
    if type(found) is not np.ndarray:
        raise TypeError(type(found))
    return found.tolist()[0]


def _decoder(model: Model) -> Callable[[bytes], Any]:
    """Of bodies with nothing but a row, by place or by name."""
    columns, names = model.schema.columns, model.schema.names
    types = [_KINDS[one.type] for one in columns]
    kinds: Any = tuple[tuple(types)]  # type: ignore[misc] # known when the model is
    if names:
        fields = [(_COLUMN.format(place), kind) for place, kind in enumerate(types)]
        renamed = {_COLUMN.format(place): name for place, name in enumerate(names)}
        # Names that the model does not know are counted in the general way.
        kinds |= msgspec.defstruct("Row", fields, rename=renamed, forbid_unknown_fields=True)
    body = msgspec.defstruct("Body", [("features", kinds)], forbid_unknown_fields=True)
    return msgspec.json.Decoder(body).decode
