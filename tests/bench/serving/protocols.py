"""How each server is asked for rows, and where its answer holds the labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Row = Sequence[Any]
Rows = Sequence[Row]
_HALF = 0.5


@dataclass(frozen=True)
class Protocol:
    """One way to ask."""

    title: str
    path: str
    body: Callable[[Rows, Sequence[str]], Any]
    labels: Callable[[Any], Any]

    def written(self, rows: Rows, columns: Sequence[str]) -> str:
        """The body as text."""
        return json.dumps(self.body(rows, columns), separators=(",", ":"))

    def labels_in(self, text: str) -> list[int]:
        """The labels that an answer stands for, one a row."""
        return list(_flat(self.labels(json.loads(text))))


def _flat(value: Any) -> Iterator[int]:
    """Lists of lists as one; bare boosters answer with the probability of label 1."""
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    else:
        yield int(value > _HALF) if isinstance(value, float) else int(value)


def _row_or_rows(rows: Rows, _columns: Sequence[str]) -> Any:
    return {"features": rows[0]} if len(rows) == 1 else {"rows": rows}


def _prediction_or_predictions(answer: Any) -> Any:
    return answer["predictions" if "predictions" in answer else "prediction"]


def _one_tensor(rows: Rows, _columns: Sequence[str]) -> Any:
    data = [value for row in rows for value in row]
    return {"inputs": [_tensor("rows", [len(rows), len(rows[0])], "FP64", data)]}


def _tensor_a_column(rows: Rows, columns: Sequence[str]) -> Any:
    inputs = []
    for name, values in zip(columns, zip(*rows, strict=True), strict=True):
        kind, form = ("BYTES", "str") if isinstance(values[0], str) else ("FP64", "np")
        column = _tensor(name, [len(rows), 1], kind, values)
        inputs.append({**column, "parameters": {"content_type": form}})
    return {"inputs": inputs, "parameters": {"content_type": "pd"}}


def _tensor(name: str, shape: list[int], kind: str, data: Row) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": kind, "data": data}


def _v2_body(rows: Rows, columns: Sequence[str]) -> Any:
    """One tensor where there are numbers only: the fastest that the protocol has."""
    return (_tensor_a_column if _has_words(rows) else _one_tensor)(rows, columns)


def _table(rows: Rows, columns: Sequence[str]) -> Any:
    return {"dataframe_split": {"columns": columns, "data": rows}}


def _array(rows: Rows, columns: Sequence[str]) -> Any:
    return _table(rows, columns) if _has_words(rows) else {"inputs": rows}


def _has_words(rows: Rows) -> bool:
    return any(isinstance(value, str) for value in rows[0])


ROW = Protocol("/predict", "/predict", _row_or_rows, _prediction_or_predictions)
BARE = Protocol("/predict", "/predict", _row_or_rows, lambda answer: answer)
KSERVE_V1 = Protocol(
    "KServe v1",
    "/v1/models/model:predict",
    lambda rows, _columns: {"instances": rows},
    lambda answer: answer["predictions"],
)
KSERVE_V2 = Protocol(
    "Open Inference Protocol",
    "/v2/models/model/infer",
    _v2_body,
    lambda answer: answer["outputs"][0]["data"],
)
INVOCATIONS = Protocol(
    "MLflow /invocations", "/invocations", _table, lambda answer: answer["predictions"]
)
BARE_INVOCATIONS = Protocol(INVOCATIONS.title, INVOCATIONS.path, _array, INVOCATIONS.labels)
