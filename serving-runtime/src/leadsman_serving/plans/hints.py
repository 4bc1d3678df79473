"""What can be read off a model of its inputs: where it splits, and which categories it knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from leadsman_serving.flavors import Predictor
from leadsman_serving.plans.candidates import plain
from leadsman_serving.plans.features import Features
from leadsman_serving.plans.proof import Hints
from leadsman_serving.schema import Schema
from leadsman_serving.table import Array

_MOST = 4096
_HALVINGS = 66
_IN_HALF = 2
_FARTHEST = 1e30
Split = tuple[int, float]
"""The place of a feature, and the value at which it is told apart."""


def hints_of(predictor: Predictor, schema: Schema, example: Sequence[Any]) -> Hints:
    """Splits, and the categories of each column that has some."""
    original = plain(getattr(predictor, "original", None))
    steps = [step for _, step in getattr(original, "steps", [("", original)])]
    splits = _some(list(_splits(steps[-1])))
    if len(steps) == 1:
        return Hints(_by_place(splits), {})
    found = _features(original, schema)
    if found is None:
        return Hints({}, _bag(original, schema))
    features, described = found
    return Hints(_by_place(before(splits, features, schema, example)), dict(_categories(described)))


def _some(splits: list[Split]) -> list[Split]:
    if len(splits) <= _MOST:
        return splits
    chosen = np.random.default_rng(0).choice(len(splits), _MOST, replace=False)
    return [splits[int(place)] for place in chosen]


def _by_place(splits: Sequence[Split]) -> dict[int, list[float]]:
    made: dict[int, list[float]] = {}
    for place, value in splits:
        made.setdefault(place, []).append(value)
    return made


def _splits(model: Any) -> Iterator[Split]:  # noqa: ANN401 - of any library
    for voter in np.ravel(getattr(model, "estimators_", [model])):
        fitted = getattr(voter, "tree_", None)
        if fitted is not None:
            inner = fitted.children_left >= 0
            yield from zip(
                fitted.feature[inner].tolist(), fitted.threshold[inner].tolist(), strict=True
            )
        elif hasattr(voter, "get_booster") or type(voter).__module__ == "xgboost.core":
            yield from _of_xgboost(voter)
        elif type(voter).__module__.startswith("lightgbm"):
            yield from _of_lightgbm(getattr(voter, "booster_", voter).model_to_string())
    for stage in getattr(model, "_predictors", ()):
        for one in stage:
            nodes = one.nodes[(one.nodes["is_leaf"] == 0) & (one.nodes["is_categorical"] == 0)]
            yield from zip(
                nodes["feature_idx"].tolist(), nodes["num_threshold"].tolist(), strict=True
            )


def _of_lightgbm(text: str) -> Iterator[Split]:
    """From the lines of a model's text; an odd type of decision is one by categories."""
    lines = [line.partition("=") for line in text.splitlines()]
    chosen = [
        [value.split() for name, _, value in lines if name == wanted]
        for wanted in ("split_feature", "threshold", "decision_type")
    ]
    for tree in zip(*chosen, strict=True):
        for feature, threshold, kind in zip(*tree, strict=True):
            if not int(kind) % 2:
                yield int(feature), float(threshold)


def _of_xgboost(model: Any) -> Iterator[Split]:  # noqa: ANN401 - of XGBoost
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    gradient = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    trees = gradient.get("gbtree", gradient).get("model", {}).get("trees", ())
    for tree in trees:
        for feature, value, child, kind in zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"],
            tree["split_type"], strict=True,
        ):  # fmt: skip
            if child >= 0 and kind == 0:
                yield int(feature), float(value)


def _features(original: Any, schema: Schema) -> tuple[Features, Mapping[str, Any]] | None:  # noqa: ANN401
    """What stands before the model of a pipeline; None where that is not built."""
    from leadsman_serving.plans.features_of import NoFeatures  # noqa: PLC0415 - only to compile
    from leadsman_serving.plans.staged_of import described_features  # noqa: PLC0415 - likewise

    try:
        described, arrays = described_features(original, schema)
    except NoFeatures:
        return None
    return Features(arrays, {"block": described}), described


def before(
    splits: Sequence[Split], features: Features, schema: Schema, example: Sequence[Any]
) -> list[Split]:
    """Where splits lie before the features: found by halving, to the last bit.

    Only for columns of numbers with which a feature grows, and no other column does.
    """
    if not splits or not example:
        return []
    table = schema.table(list(example[:1]))
    columns = list(table.columns.values() if table.columns is not None else table.array().T)
    kinds = ("double", "long", "integer")
    numbers = [place for place, one in enumerate(schema.columns) if one.type in kinds]
    made: list[Split] = []
    for place in numbers:
        feature_of = _Moved(features, columns, place)
        for feature in feature_of.moved:
            wanted = np.array(sorted({value for at, value in splits if at == feature}))
            if wanted.size:
                made += [(place, float(value)) for value in feature_of.last_below(feature, wanted)]
    return made


class _Moved:
    """The features of the example's row, with one column changed."""

    def __init__(self, features: Features, columns: list[Array], place: int) -> None:
        self._features, self._columns, self._place = features, columns, place
        ends = self(np.array([-_FARTHEST, _FARTHEST]))
        with np.errstate(invalid="ignore"):
            self.moved = np.flatnonzero(ends[0] < ends[1]).tolist()

    def __call__(self, values: Array) -> Array:
        columns = [np.repeat(column, len(values)) for column in self._columns]
        columns[self._place] = values
        with np.errstate(all="ignore"):
            return self._features.of_columns(columns)

    def last_below(self, feature: int, wanted: Array) -> Array:
        """The largest value of the column with which the feature is not above each of `wanted`."""
        low = np.full(wanted.shape, -_FARTHEST)
        high = np.full(wanted.shape, _FARTHEST)
        low, high = _ordered(low), _ordered(high)
        for _ in range(_HALVINGS):
            middle = (
                low // _IN_HALF + high // _IN_HALF + (low % _IN_HALF + high % _IN_HALF) // _IN_HALF
            )
            is_below = self(_float(middle))[:, feature] <= wanted
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return _float(low)


def _ordered(values: Array) -> Array:
    """Doubles as whole numbers in the same order, one for each double."""
    bits = values.view(np.int64)
    return np.where(bits >= 0, bits, np.int64(-(2**63)) - bits)


def _float(ordered: Array) -> Array:
    bits = np.where(ordered >= 0, ordered, np.int64(-(2**63)) - ordered)
    return np.asarray(bits.view(np.float64))


def _categories(described: Mapping[str, Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    for column in described.get("columns", ()):
        yield column["place"], column["values"]
    for block in described.get("blocks", ()):
        yield from _categories(block)


def _bag(original: Any, schema: Schema) -> dict[int, list[Any]]:  # noqa: ANN401 - of any library
    """The words of all encoders: each may stand in any column of texts."""
    from leadsman_serving.flavors.estimators import parts  # noqa: PLC0415 - only to compile

    places = [place for place, column in enumerate(schema.columns) if column.type == "string"]
    if not places:
        return {}
    words = [
        word
        for part in parts(original)
        for known in getattr(part, "categories_", ())
        for word in known
        if isinstance(word, str)
    ]
    return dict.fromkeys(places, words)
