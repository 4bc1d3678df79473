"""A model's inputs and outputs in the words of the Open Inference Protocol.

A model whose columns are all numbers describes one input for each column, and takes one tensor
of [rows, columns] as well: the description has no words for a choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadsman_serving.outputs import Output
from leadsman_serving.protocols.open_inference_outputs import output_name
from leadsman_serving.protocols.open_inference_rows import input_name
from leadsman_serving.protocols.open_inference_values import BYTES, datatype_of
from leadsman_serving.schema import Schema

PLATFORM = "mlflow"
_DATATYPES = {
    "boolean": "BOOL", "integer": "INT32", "long": "INT64", "float": "FP32", "double": "FP64",
}  # fmt: skip
_COLUMN = (-1, 1)


@dataclass(frozen=True, slots=True)
class Described:
    """One input or output."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    """With -1 for any length."""

    def body(self) -> dict[str, Any]:
        """As REST writes it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def inputs_of(schema: Schema) -> Iterator[Described]:
    """What the model takes; a model without a signature tells nothing."""
    for place, tensor in enumerate(schema.tensors):
        yield Described(input_name(tensor.name, place), _datatype(tensor.dtype), tensor.shape)
    for place, column in enumerate(schema.columns):
        datatype = _DATATYPES.get(column.type, BYTES)
        yield Described(input_name(column.name, place), datatype, _COLUMN)


def outputs_of(known: Sequence[Output]) -> Iterator[Described]:
    """What the model gives; the optional output `probabilities` is not among it."""
    for place, one in enumerate(known):
        datatype = _DATATYPES.get(one.type, BYTES) if one.dtype is None else _datatype(one.dtype)
        yield Described(output_name(one.name, place), datatype, one.shape)


def _datatype(dtype: np.dtype[Any]) -> str:
    return datatype_of(np.empty(0, dtype))
