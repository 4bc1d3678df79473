"""The plans that a loaded model may be compiled into, the fastest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from leadsman_serving.columns import Column
from leadsman_serving.flavors import Predictor
from leadsman_serving.plans import boosted
from leadsman_serving.plans.stored import FEATURES, classes_of
from leadsman_serving.schema import Schema

_Writer: TypeAlias = Callable[[Any, Schema, Path], Mapping[str, Any]]


class Unsuited(Exception):
    """A backend can't run the model; the message says why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to compile a model: `write` puts its files into a folder and gives its settings."""

    backend: str
    write: Callable[[Path], Mapping[str, Any]]


def candidates(predictor: Predictor, schema: Schema, example: Sequence[Any]) -> Iterator[Candidate]:
    """What is worth to be tried for a model as its flavor has loaded it."""
    original = getattr(predictor, "original", None)
    function = str(getattr(predictor, "function", "predict"))
    module = type(original).__module__.partition(".")[0]
    if module == "lightgbm":
        yield Candidate("lightgbm", lambda folder: _write_lightgbm(original, function, folder))
    elif module == "xgboost":
        yield Candidate(
            "xgboost", lambda folder: _write_xgboost(original, function, schema, folder)
        )
    elif module == "sklearn":
        yield Candidate("numpy", lambda folder: _write_linear(original, function, folder))
        if hasattr(original, "steps"):
            yield from _staged(original, function, schema, example)
        yield Candidate("onnx", lambda folder: _write_graph(original, function, schema, folder))


def _staged(
    original: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
    schema: Schema,
    example: Sequence[Any],
) -> Iterator[Candidate]:
    """A pipeline in two stages, by what stands at its end."""
    from leadsman_serving.plans.staged_of import without_vote  # noqa: PLC0415 - only to compile

    model = without_vote(original.steps[-1][1])
    module = type(model).__module__.partition(".")[0]
    writers: dict[str, dict[str, _Writer]] = {
        "lightgbm": {"lightgbm": lambda last, _, place: _write_lightgbm(last, function, place)},
        "xgboost": {"xgboost": lambda last, of, place: _write_xgboost(last, function, of, place)},
        "sklearn": {
            "numpy": lambda last, _, place: _write_linear(last, function, place),
            "onnx": lambda last, of, place: _write_graph(last, function, of, place),
        },
    }
    for backend, write in writers.get(module, {}).items():
        yield Candidate(backend, partial(_write_staged, write, original, schema, example))


def _write_staged(
    write: _Writer,
    original: Any,  # noqa: ANN401 - of scikit-learn
    schema: Schema,
    example: Sequence[Any],
    folder: Path,
) -> Mapping[str, Any]:
    from leadsman_serving.plans.features_of import NoFeatures  # noqa: PLC0415 - only to compile
    from leadsman_serving.plans.staged_of import staged, without_vote  # noqa: PLC0415 - likewise

    try:
        stages = staged(original, schema, example, folder)
    except NoFeatures as error:
        raise Unsuited(f"in two stages: {error}") from error
    inner = Schema(tuple(Column(None, "double") for _ in range(stages.width)))
    model = without_vote(stages.model)
    settings = dict(write(model, inner, folder))
    if model is not stages.model and settings["classes"] is not None:
        settings["classes"] = classes_of(stages.model.classes_)
    return {**settings, FEATURES: stages.features}


def _write_linear(estimator: Any, function: str, folder: Path) -> Mapping[str, Any]:  # noqa: ANN401
    from leadsman_serving.plans import linear  # noqa: PLC0415 - only the fetch step compiles
    from leadsman_serving.plans.linear_of import NotLinear, linear_parts  # noqa: PLC0415

    try:
        parts = linear_parts(estimator, function)
    except NotLinear as error:
        raise Unsuited(str(error)) from error
    linear.save(folder, parts.arrays)
    return parts.settings


def _write_graph(
    estimator: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
    schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
    from leadsman_serving.plans import graph  # noqa: PLC0415 - only the fetch step compiles
    from leadsman_serving.plans.graph_of import NoGraph, graph_of  # noqa: PLC0415

    try:
        made, settings = graph_of(estimator, function, schema)
    except NoGraph as error:
        raise Unsuited(str(error)) from error
    (folder / graph.FILE).write_bytes(made)
    return settings


def _write_lightgbm(model: Any, function: str, folder: Path) -> Mapping[str, Any]:  # noqa: ANN401
    booster = getattr(model, "booster_", model)
    if booster.pandas_categorical:
        raise Unsuited("it knows columns of categories by their pandas codes")
    (folder / boosted.FILE).write_text(booster.model_to_string())
    return _boosted(model, booster is model, function)


def _write_xgboost(
    model: Any,  # noqa: ANN401 - of XGBoost
    function: str,
    schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
    is_bare = not hasattr(model, "get_booster")
    booster = model if is_bare else model.get_booster()
    if "c" in (booster.feature_types or ()):
        raise Unsuited("it has features that are categories")
    (folder / boosted.FILE).write_bytes(bytes(booster.save_raw("ubj")))
    best = None if is_bare else getattr(booster, "best_iteration", None)
    stopped = not is_bare and getattr(model, "early_stopping_rounds", None) is not None
    more = {
        "features": len(schema.columns),
        "iterations": best + 1 if stopped and best is not None else 0,
    }
    return {**_boosted(model, is_bare, function), **more}


def _boosted(model: Any, is_bare: bool, function: str) -> dict[str, Any]:  # noqa: ANN401, FBT001
    """What the original makes of the engine's numbers."""
    labels = None if is_bare else getattr(model, "classes_", None)
    classes = classes_of(labels)
    if labels is not None and classes is None:
        raise Unsuited("its classes have labels that are neither texts nor numbers")
    kind = boosted.BOOSTER if is_bare else boosted.REGRESSION
    if classes is not None:
        kind = boosted.BINARY if len(classes) == 2 else boosted.CLASSES  # noqa: PLR2004 - two
    return {"kind": kind, "classes": classes, "function": function}
