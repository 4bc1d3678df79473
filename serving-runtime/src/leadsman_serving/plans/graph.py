"""Plans that ONNX Runtime runs, in double precision and on one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from leadsman_serving.table import Array, Table

FILE = "plan.onnx"
MATRIX = "rows"
"""Name of the input of a graph that takes all columns as one matrix."""
_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(string)": object,
}
PREDICT, PROBABILITIES = "predict", "predict_proba"


class GraphPlan:
    """A graph with the outputs `predict` and, for some classifiers, `predict_proba`."""

    def __init__(self, session: onnxruntime.InferenceSession, settings: Mapping[str, Any]) -> None:
        """`classes` of the settings turn numbers of classes into labels."""
        self._run = session.run
        self._inputs = [(one.name, _DTYPES[one.type]) for one in session.get_inputs()]
        self._outputs = {one.name for one in session.get_outputs()}
        self._served = [settings["function"]]
        self._classes = None if settings["classes"] is None else np.array(settings["classes"])
        self._is_flat = bool(settings["is_flat"])
        shape = session.get_inputs()[0].shape
        self._row = np.empty((1, shape[1] if isinstance(shape[1], int) else 1), self._inputs[0][1])
        self._single = {MATRIX: self._row}

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method of the original gives."""
        del params
        (found,) = self._run(self._served, self._feed(table))
        return self._answer(found)

    def row(self, values: Sequence[Any]) -> object:
        """What `predict` gives for one row, as JSON has it; for one thread at a time."""
        if self._inputs[0][0] == MATRIX:
            self._row[0] = values
            feed = self._single
        else:
            feed = {
                name: np.array([[value]], dtype)
                for (name, dtype), value in zip(self._inputs, values, strict=True)
            }
        (found,) = self._run(self._served, feed)
        return self._answer(found).tolist()[0]

    def _answer(self, found: Array) -> Array:
        if self._classes is not None and self._served == [PREDICT]:
            return self._classes[found]
        return found.ravel() if self._is_flat else found

    def probabilities(self, table: Table) -> Array | None:
        """The probability of each class; None for a model without any."""
        if PROBABILITIES not in self._outputs:
            return None
        (found,) = self._run([PROBABILITIES], self._feed(table))
        return np.asarray(found)

    def _feed(self, table: Table) -> dict[str, Array]:
        name, dtype = self._inputs[0]
        if name == MATRIX:
            return {MATRIX: table.array().astype(dtype, copy=False)}
        columns: Mapping[str, Any] = table.columns if table.columns is not None else table.frame()
        return {
            name: np.asarray(columns[name]).astype(dtype, copy=False).reshape(-1, 1)
            for name, dtype in self._inputs
        }


def library() -> str:
    """Name and version of what runs it."""
    return f"onnxruntime {onnxruntime.__version__}"


def load(folder: Path, settings: Mapping[str, Any]) -> GraphPlan:
    """A plan from its files."""
    return GraphPlan(session_of((folder / FILE).read_bytes()), settings)


def session_of(graph: bytes) -> onnxruntime.InferenceSession:
    """A session on one thread that does not spin: pods scale, not threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
