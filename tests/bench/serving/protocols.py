"""How each server is asked for one row, and where its answer holds the label."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = Sequence[Any]
_HALF = 0.5


@dataclass(frozen=True)
class Protocol:
    """One way to ask."""

    path: str
    body: Callable[[Row, Sequence[str]], Any]
    label: Callable[[Any], Any]

    def written(self, row: Row, columns: Sequence[str]) -> str:
        """The body as text."""
        return json.dumps(self.body(row, columns), separators=(",", ":"))


def label_of(value: Any) -> int:
    """The label that an answer stands for: bare boosters answer with its probability."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return int(value > _HALF) if isinstance(value, float) else int(value)


def _one_tensor(row: Row, _columns: Sequence[str]) -> Any:
    return {"inputs": [_tensor("rows", [1, len(row)], "FP64", row)]}


def _tensor_a_column(row: Row, columns: Sequence[str]) -> Any:
    inputs = []
    for name, value in zip(columns, row, strict=True):
        kind, form = ("BYTES", "str") if isinstance(value, str) else ("FP64", "np")
        column = _tensor(name, [1, 1], kind, [value])
        inputs.append({**column, "parameters": {"content_type": form}})
    return {"inputs": inputs, "parameters": {"content_type": "pd"}}


def _tensor(name: str, shape: list[int], kind: str, data: Row) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": kind, "data": data}


def _v2_body(row: Row, columns: Sequence[str]) -> Any:
    """One tensor where there are numbers only: the fastest that the protocol has."""
    return (_tensor_a_column if _has_words(row) else _one_tensor)(row, columns)


def _table(row: Row, columns: Sequence[str]) -> Any:
    return {"dataframe_split": {"columns": columns, "data": [row]}}


def _array(row: Row, columns: Sequence[str]) -> Any:
    return _table(row, columns) if _has_words(row) else {"inputs": [row]}


def _has_words(row: Row) -> bool:
    return any(isinstance(value, str) for value in row)


ROW = Protocol(
    "/predict", lambda row, _columns: {"features": row}, lambda answer: answer["prediction"]
)
BARE = Protocol("/predict", lambda row, _columns: {"features": row}, lambda answer: answer)
KSERVE_V1 = Protocol(
    "/v1/models/model:predict",
    lambda row, _columns: {"instances": [row]},
    lambda answer: answer["predictions"],
)
KSERVE_V2 = Protocol(
    "/v2/models/model/infer", _v2_body, lambda answer: answer["outputs"][0]["data"]
)
INVOCATIONS = Protocol("/invocations", _table, lambda answer: answer["predictions"])
BARE_INVOCATIONS = Protocol("/invocations", _array, INVOCATIONS.label)
