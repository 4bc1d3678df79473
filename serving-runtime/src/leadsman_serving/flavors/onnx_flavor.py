"""Models in ONNX, run by ONNX Runtime on one thread."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.model_file import ModelFile
from leadsman_serving.schema import Table

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.str_,
}


class Session:
    """A session whose first output is the prediction."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        """Keep the session and the form of its inputs."""
        self._session = session
        self._inputs = session.get_inputs()
        self._output = session.get_outputs()[0].name

    def predict(self, table: Table) -> np.ndarray[Any, Any]:
        """The first output."""
        return np.asarray(self._session.run([self._output], self._feed(table))[0])

    def probabilities(self, table: Table) -> None:  # noqa: ARG002 - outputs carry no meaning
        """ONNX does not say which output holds probabilities."""
        return

    def _feed(self, table: Table) -> dict[str, np.ndarray[Any, Any]]:
        """One matrix for a model with one input, else a column for each input by its name."""
        if len(self._inputs) == 1:
            values = table.to_numpy() if isinstance(table, pd.DataFrame) else table
            one = self._inputs[0]
            return {one.name: values.astype(_DTYPES.get(one.type, np.float32))}
        frame = pd.DataFrame(table)
        return {
            one.name: frame[[one.name]].to_numpy().astype(_DTYPES.get(one.type, np.float32))
            for one in self._inputs
        }


def load(file: ModelFile, loading: Loading) -> Session:  # noqa: ARG001 - data only
    """The model; its format holds no code."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = file.path("onnx", "data", "model_data")
    return Session(
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    )
