"""Estimators compiled as the fetch step does it, and their plans held to what they answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from leadsman_serving.columns import Column
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model import Model
from leadsman_serving.plans.compile import Compiled, compile_model
from leadsman_serving.plans.stored import FOLDER, load_plan
from leadsman_serving.schema import Schema
from leadsman_serving.warm_up import takes_missing

CLOSENESS = {"lightgbm": 0.0, "xgboost": 0.0, "trees": 1e-12, "onnx": 1e-6}
"""How far a number may lie from the original's, of its size; of other engines a billionth."""


def numbered(count: int, kind: str = "double") -> Schema:
    """So many columns of one type."""
    return Schema(tuple(Column(f"x{place}", kind) for place in range(count)))


def compiled(
    estimator: Any,
    schema: Schema,
    example: Sequence[Any],
    folder: Path,
    function: str = "predict",
) -> tuple[Model, Compiled]:
    """A fitted estimator as the fetch step compiles it."""
    model = Model(Estimator(estimator, function), schema, "sklearn", None, tuple(example))
    model = replace(model, schema=replace(schema, allows_missing=takes_missing(model)))
    return model, compile_model(model, "d", folder)


def loaded(done: Compiled, folder: Path) -> Any:
    """The plan as the server loads it."""
    assert done.plan is not None, done.refused
    settings = json.loads(json.dumps(done.plan.settings))
    return load_plan(folder / FOLDER, done.plan.backend, settings)


def check(plan: Any, model: Model, rows: Sequence[Any], engine: str) -> None:
    """The plan answers rows as the original does: all together, and each by itself."""
    table = model.schema.table(rows)
    wanted = model.predictor.predict(table)
    equal(plan.predict(table), wanted, engine)
    equal([plan.row(row) for row in rows], wanted, engine)
    shares = model.predictor.probabilities(table)
    if shares is not None:
        equal(plan.probabilities(table), shares, engine)


def equal(given: object, wanted: object, engine: str) -> None:
    """Labels the same; numbers to the last bit of the same engine, else nearly so."""
    ours, theirs = np.asarray(given), np.asarray(wanted)
    assert ours.shape == theirs.shape
    closeness = CLOSENESS.get(engine, 1e-9)
    if theirs.dtype.kind != "f" or not closeness:
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=closeness, atol=1e-9)
