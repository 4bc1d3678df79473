"""A model that is ready to answer: loaded, proven on an example, and timed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving import flavors, policy
from leadsman_serving.errors import BadRequest, ModelRefused
from leadsman_serving.flavors import Predictor
from leadsman_serving.model_file import read_model_file
from leadsman_serving.protocols.invocations import parse_json
from leadsman_serving.schema import Schema, Table, schema_of

_TIMED = 5


@dataclass(frozen=True, slots=True)
class Model:
    """A model and what is known of it."""

    predictor: Predictor
    schema: Schema
    flavor: str
    example: list[Any] | None = None
    """Rows that the model was logged with."""
    seconds: float = 0.0
    """Time of one prediction for one row, as it was measured at the start."""

    def predict(self, table: Table) -> list[Any]:
        """One plain value, list or object for each row."""
        return plain(self.predictor.predict(table))

    def probabilities(self, table: Table) -> list[Any] | None:
        """The probability of each class for each row; None for a model without any."""
        found = self.predictor.probabilities(table)
        return None if found is None else plain(found)


def plain(predictions: object) -> list[Any]:
    """Predictions as JSON takes them: MLflow's rules for arrays, series and frames."""
    if isinstance(predictions, pd.DataFrame):
        return list(predictions.to_dict(orient="records"))
    if isinstance(predictions, pd.Series | np.ndarray):
        return list(predictions.tolist())
    if isinstance(predictions, Sequence) and not isinstance(predictions, str):
        return [one.item() if isinstance(one, np.generic) else one for one in predictions]
    return [predictions]


def load_model(folder: Path, loading: Loading) -> Model:
    """Load, warm up and time; ModelRefused says why the model can't serve."""
    threadpool_limits(1)
    file = read_model_file(folder)
    flavor = policy.check(file, loading)
    try:
        predictor = flavors.load(file, flavor, loading)
    except ModelRefused:
        raise
    except Exception as error:
        raise ModelRefused(
            Reason.LOAD_FAILED, f"the model can't be loaded: {type(error).__name__}: {error}"[:900]
        ) from error
    schema = schema_of(file.inputs)
    model = Model(predictor, schema, flavor, _example(file.example, schema))
    return _warmed_up(model)


def _example(body: bytes | None, schema: Schema) -> list[Any] | None:
    """The rows that the model was logged with, or one made from the signature."""
    if body is not None:
        try:
            return list(parse_json(json.loads(body), schema))
        except (ValueError, BadRequest):
            pass  # logged with parameters or in a form of its own
    made = schema.sample()
    return [made] if made is not None else None


def _warmed_up(model: Model) -> Model:
    """Answer the example once, so that a model that can't never becomes ready; then time it."""
    if model.example is None:
        return model
    try:
        table = model.schema.table(model.example[:1])
        model.predict(table)
    except Exception as error:
        raise ModelRefused(
            Reason.LOAD_FAILED,
            f"the model failed on its own example: {type(error).__name__}: {error}"[:900],
        ) from error
    times = []
    for _ in range(_TIMED):
        began = time.perf_counter()
        model.predict(table)
        times.append(time.perf_counter() - began)
    allows = _allows_missing(model)
    schema = replace(model.schema, allows_missing=allows)
    return replace(model, seconds=sorted(times)[_TIMED // 2], schema=schema)


def _allows_missing(model: Model) -> bool:
    """Whether the model takes numbers that are missing: asked once, so that clients are told."""
    numbers = [place for place, one in enumerate(model.schema.columns) if one.type == "double"]
    first = model.example[0] if model.example else None
    if not numbers or first is None:
        return True
    names = model.schema.names
    row = dict(first) if isinstance(first, dict) else list(first)
    for place in numbers:
        row[names[place] if isinstance(row, dict) else place] = math.nan  # type: ignore[index]
    try:
        model.predict(model.schema.table([row]))
    except Exception:  # noqa: BLE001 - whatever it raises, it does not take them
        return False
    return True
