"""The usual request, a row of numbers, in one pass from the bytes of its body to its answer's.

Whatever is unusual is left to the general way, which has the words for it: this one only knows
how to be right, and says None for all else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from leadsman_serving.model import Model
from leadsman_serving.table import Array, Table
from leadsman_serving.worker import INLINE_SECONDS, Worker

_COLUMN = "c{}"


class SingleRow:
    """Answers `{"features": ...}` for a model whose columns are all doubles."""

    def __init__(self, model: Model, worker: Worker[Any, Any], version: Mapping[str, str]) -> None:
        """`version` stands at the end of each answer."""
        self._predict, self._worker = model.predictor.predict, worker
        self._names = model.schema.names
        self._length = len(model.schema.columns)
        self._decode = _decoder(self._names)
        self._encode = msgspec.json.Encoder().encode
        self._tail = b"," + msgspec.json.encode(version)[1:] if version else b"}"

    @staticmethod
    def suits(model: Model) -> bool:
        """Whether the model's rows are numbers, all of one kind."""
        columns = model.schema.columns
        return bool(columns) and not model.is_code and all(one.type == "double" for one in columns)

    def __call__(self, body: bytes) -> bytes | None:
        """The body of the answer; None where the general way has to find out."""
        worker = self._worker
        if worker.seconds >= INLINE_SECONDS or worker.waiting:
            return None
        matrix = self._matrix(body)
        if matrix is None:
            return None
        try:
            found = self._predict(Table(matrix=matrix, names=self._names))
        except Exception:  # noqa: BLE001 - it fails again in the general way, which tells of it
            return None
        if type(found) is not np.ndarray:
            return None
        return b'{"prediction":' + self._encode(found.tolist()[0]) + self._tail

    def _matrix(self, body: bytes) -> Array | None:
        """The row of a body; None for what is no row of finite numbers."""
        try:
            row = self._decode(body).features
        except msgspec.MsgspecError:
            return None
        values = row if type(row) is list else msgspec.structs.astuple(row)
        if len(values) != self._length:
            return None
        matrix = np.array((values,), np.float64)
        total = matrix.sum()
        # An infinite number, or a sum that is too large to be told from one.
        return matrix if total - total == 0.0 else None


def _decoder(names: tuple[str, ...]) -> Callable[[bytes], Any]:
    """Of bodies with nothing but a row of numbers, by place or by name."""
    kinds: Any = list[float]
    if names:
        fields = [(_COLUMN.format(place), float) for place in range(len(names))]
        renamed = {_COLUMN.format(place): name for place, name in enumerate(names)}
        kinds |= msgspec.defstruct("Row", fields, rename=renamed)
    body = msgspec.defstruct("Body", [("features", kinds)], forbid_unknown_fields=True)
    return msgspec.json.Decoder(body).decode
