"""The model as a peer's program has it: an estimator and what makes a row its input."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

FOLDER = Path(os.environ["BENCH_MODEL"])
TUNED = os.environ.get("BENCH_SETTING") == "tuned"


class Loaded:
    """Predicts one row."""

    def __init__(self) -> None:
        self._estimator = joblib.load(FOLDER / "model.joblib")
        rows = json.loads((FOLDER / "rows.json").read_text())
        self._columns = rows["columns"]
        self._has_words = any(isinstance(value, str) for value in rows["rows"][0])

    def predict(self, rows: list[list[Any]]) -> list[int]:
        """The labels of some rows; a table is only made where words stand among the numbers."""
        if self._has_words:
            given: Any = pd.DataFrame(rows, columns=self._columns)
        else:
            given = np.asarray(rows, dtype=np.float64)
        labels: list[int] = self._estimator.predict(given).tolist()
        return labels
