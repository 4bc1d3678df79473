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
from leadsman_serving.plans.limited import SINGLES, limit_of
from leadsman_serving.plans.proof import CLOSE, NEAR, SAME
from leadsman_serving.plans.stored import FEATURES, LIMIT, classes_of
from leadsman_serving.plans.unsuited import Unsuited
from leadsman_serving.schema import Schema

_Writer: TypeAlias = Callable[[Any, str, Schema, Path], Mapping[str, Any]]


_WRAPPED = ("best_estimator_", "estimator_")
_WRAPPERS = {
    "GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV",
    "RANSACRegressor", "SelfTrainingClassifier",
}  # fmt: skip
_MOST_WRAPPERS = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to compile a model: `write` puts its files into a folder and gives its settings."""

    backend: str
    write: Callable[[Path], Mapping[str, Any]]
    within: float = 0.0
    """How far its numbers may lie from the original's, of their size."""


def candidates(predictor: Predictor, schema: Schema, example: Sequence[Any]) -> Iterator[Candidate]:
    """What is worth to be tried for a model as its flavor has loaded it."""
    original = plain(getattr(predictor, "original", None))
    function = str(getattr(predictor, "function", "predict"))
    module = type(original).__module__.partition(".")[0]
    for way in _ways(module):
        write = partial(_write_limited, way.write, original, function, schema)
        yield Candidate(way.backend, write, way.within)
        # Beside the same engine for the model alone: the first that is proven serves.
        if way is _FORMULA and hasattr(original, "steps"):
            yield from _staged(original, function, schema, example)


def plain(model: Any) -> Any:  # noqa: ANN401 - of any library
    """The model that answers in place of a search or a robust fit around it."""
    for _ in range(_MOST_WRAPPERS):
        inner = next((name for name in _WRAPPED if hasattr(model, name)), None)
        if inner is None or type(model).__name__ not in _WRAPPERS:
            return model
        model = getattr(model, inner)
    return model


@dataclass(frozen=True, slots=True)
class _Way:
    """What one engine makes of a model that takes a matrix."""

    backend: str
    write: _Writer
    within: float


def _ways(module: str) -> Sequence[_Way]:
    """The engines for a library's models, the fastest first."""
    return {
        "lightgbm": [_LIGHTGBM],
        "xgboost": [_XGBOOST_TREES, _XGBOOST],
        "sklearn": [_LINEAR, _FORMULA, _TREES, _COMPOSED, _GRAPH],
    }.get(module, [])


def _write_limited(
    write: _Writer,
    model: Any,  # noqa: ANN401 - of any library
    function: str,
    schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
    """A model that takes what clients send: numbers that are no doubles are refused before."""
    settings = write(model, function, schema, folder)
    limit = limit_of(model, len(schema.columns))
    takes_singles = limit is not None and limit["numbers"] == SINGLES
    return {**settings, LIMIT: limit} if takes_singles else settings


def _staged(
    original: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
    schema: Schema,
    example: Sequence[Any],
) -> Iterator[Candidate]:
    """A pipeline in two stages, by what stands at its end."""
    from leadsman_serving.plans.staged_of import without_vote  # noqa: PLC0415 - only to compile

    model = without_vote(original.steps[-1][1])
    for way in _ways(type(model).__module__.partition(".")[0]):
        write = partial(_write_staged, way.write, original, function, schema, example)
        yield Candidate(way.backend, write, way.within)


def _write_staged(
    write: _Writer,
    original: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
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
    settings = dict(write(model, function, inner, folder))
    if model is not stages.model and settings["classes"] is not None:
        settings["classes"] = classes_of(stages.model.classes_)
    limit = limit_of(stages.model, stages.width)
    more = {} if limit is None else {LIMIT: limit}
    return {**settings, **more, FEATURES: stages.features}


def _write_linear(
    estimator: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
    _schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
    from leadsman_serving.plans import linear  # noqa: PLC0415 - only the fetch step compiles
    from leadsman_serving.plans.linear_of import linear_parts  # noqa: PLC0415 - likewise

    parts = linear_parts(estimator, function)
    linear.save(folder, parts.arrays)
    return parts.settings


def _write_formula(
    estimator: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
    _schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
    from leadsman_serving.plans import formulas_of  # noqa: PLC0415 - only the fetch step compiles

    return formulas_of.write(estimator, function, folder)


def _write_graph(
    estimator: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
    schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
    from leadsman_serving.plans import graph  # noqa: PLC0415 - only the fetch step compiles
    from leadsman_serving.plans.graph_of import graph_of  # noqa: PLC0415 - likewise

    made, settings = graph_of(estimator, function, schema)
    (folder / graph.FILE).write_bytes(made)
    return settings


def _write_composed(
    model: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
    schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
    from leadsman_serving.plans import composed_of  # noqa: PLC0415 - only the fetch step compiles

    return composed_of.write(model, function, schema, folder)


def _write_trees(
    model: Any,  # noqa: ANN401 - of scikit-learn
    function: str,
    schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
    from leadsman_serving.plans import tree_plan_of  # noqa: PLC0415 - only the fetch step compiles

    return tree_plan_of.of_sklearn(model, function, len(schema.columns), folder)


def _write_xgboost_trees(
    model: Any,  # noqa: ANN401 - of XGBoost
    function: str,
    schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
    from leadsman_serving.plans import tree_plan_of  # noqa: PLC0415 - only the fetch step compiles

    booster = getattr(model, "get_booster", lambda: model)()
    return tree_plan_of.of_xgboost(
        bytes(booster.save_raw("json")),
        getattr(model, "classes_", None),
        function,
        len(schema.columns),
        _iterations(model),
        folder,
    )


def _write_lightgbm(
    model: Any,  # noqa: ANN401 - of LightGBM
    function: str,
    _schema: Schema,
    folder: Path,
) -> Mapping[str, Any]:
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
    more = {"features": len(schema.columns), "iterations": _iterations(model)}
    return {**_boosted(model, is_bare, function), **more}


def _iterations(model: Any) -> int:  # noqa: ANN401 - of XGBoost
    """How many iterations an estimator asks its booster for; 0 for all."""
    if getattr(model, "early_stopping_rounds", None) is None:
        return 0
    best = getattr(model.get_booster(), "best_iteration", None)
    return 0 if best is None else best + 1


def _boosted(model: Any, is_bare: bool, function: str) -> dict[str, Any]:  # noqa: ANN401, FBT001
    """What the original makes of the engine's numbers."""
    classes = classes_of(None if is_bare else getattr(model, "classes_", None))
    kind = boosted.BOOSTER if is_bare else boosted.REGRESSION
    if classes is not None:
        kind = boosted.BINARY if len(classes) == 2 else boosted.CLASSES  # noqa: PLR2004 - two
    return {"kind": kind, "classes": classes, "function": function}


_LINEAR = _Way("numpy", _write_linear, CLOSE)
_FORMULA = _Way("numpy", _write_formula, CLOSE)
_COMPOSED = _Way("composed", _write_composed, CLOSE)
_TREES = _Way("trees", _write_trees, CLOSE)
_GRAPH = _Way("onnx", _write_graph, NEAR)
_LIGHTGBM = _Way("lightgbm", _write_lightgbm, SAME)
_XGBOOST_TREES = _Way("trees", _write_xgboost_trees, SAME)
_XGBOOST = _Way("xgboost", _write_xgboost, SAME)
