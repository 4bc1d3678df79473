"""Models in ONNX, run by ONNX Runtime on one thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime

from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.model_file import ModelFile
from leadsman_serving.policy import stored_file
from leadsman_serving.table import Array, Table

_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}


class Session:
    """A session that answers as MLflow's own wrapper does."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        """Keep the session and the form of its inputs."""
        self._session = session
        self._inputs = session.get_inputs()
        self._outputs = [output.name for output in session.get_outputs()]

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """Every output by its name: as rows where rows came as columns, else as tensors."""
        del params
        found = dict(zip(self._outputs, self._session.run(None, self._feed(table)), strict=True))
        if table.is_tensor:
            return found
        columns = {name: np.asarray(one).reshape(-1).tolist() for name, one in found.items()}
        if len({len(one) for one in columns.values()}) != 1:
            return found
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def probabilities(self, table: Table) -> None:
        """ONNX does not say which output holds probabilities."""
        del table

    def _feed(self, table: Table) -> dict[str, Array]:
        """One matrix for a model with one input, else a column for each input by its name."""
        if len(self._inputs) == 1:
            one = self._inputs[0]
            return {one.name: _cast(_single(table), one.type)}
        columns: Mapping[str, Any] = table.columns if table.columns is not None else table.frame()
        return {one.name: _of_rank(columns[one.name], one) for one in self._inputs}


def _single(table: Table) -> Array:
    if table.is_tensor and table.columns is not None:
        return next(iter(table.columns.values()))
    return table.array()


def _of_rank(column: object, given: onnxruntime.NodeArg) -> Array:
    """A column as the input takes it: converters give each a matrix of one column."""
    values = _cast(np.asarray(column), given.type)
    return values.reshape(-1, 1) if values.ndim == 1 and len(given.shape or ()) == 2 else values  # noqa: PLR2004 - a matrix


def _cast(values: Array, kind: str) -> Array:
    return values.astype(_DTYPES.get(kind, values.dtype))


def load(file: ModelFile, loading: Loading) -> Session:
    """The model; its format holds no code."""
    del loading
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = stored_file(file, "onnx")
    return Session(
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    )
