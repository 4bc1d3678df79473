"""From pipelines to what their plans need: the features, and the model at the end by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn import ensemble, pipeline

from leadsman_serving.plans import features
from leadsman_serving.plans.features_of import FeaturesOf, NoFeatures, is_sparse
from leadsman_serving.schema import Schema
from leadsman_serving.table import Array

_FIRST = 2


@dataclass(frozen=True, slots=True)
class Staged:
    """The two stages of a pipeline."""

    model: Any
    """The last step."""
    features: dict[str, Any]
    """Settings of what stands before it."""
    width: int
    """How many numbers the model takes."""


def staged(estimator: Any, schema: Schema, example: Sequence[Any], folder: Path) -> Staged:  # noqa: ANN401
    """Write the features into the plan's folder; NoFeatures says what is not built."""
    if not isinstance(estimator, pipeline.Pipeline):
        raise NoFeatures(f"{type(estimator).__name__} is no pipeline")
    described, arrays = described_features(estimator, schema)
    model = estimator.steps[-1][1]
    table = schema.table(list(example[:_FIRST]))
    if len(estimator.steps) > 1 and type(model).__module__.startswith("xgboost"):
        described = _with_gaps(described, estimator[:-1], table.frame_or_array())
    features.save(folder, arrays)
    settings = {"block": described}
    width = features.load(folder, settings)(table).shape[1]
    return Staged(model, settings, width)


def described_features(estimator: Any, schema: Schema) -> tuple[dict[str, Any], dict[str, Array]]:  # noqa: ANN401
    """What stands before a pipeline's model, and its arrays; NoFeatures says what is not built."""
    of = FeaturesOf(schema)
    before = [step for _, step in estimator.steps[:-1]]
    return of.described(before, _places(estimator, schema)), of.arrays


def _places(estimator: Any, schema: Schema) -> list[int]:  # noqa: ANN401 - of scikit-learn
    """Where the columns that the pipeline was fitted with stand in a row."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or not schema.names:
        return list(range(len(schema.columns)))
    lacking = sorted(set(names) - set(schema.names))
    if lacking:
        raise NoFeatures(f"the signature lacks the columns {', '.join(map(repr, lacking))}")
    return [schema.names.index(name) for name in names]


def _with_gaps(described: dict[str, Any], before: Any, frame: Any) -> dict[str, Any]:  # noqa: ANN401
    """XGBoost takes the zeros of a sparse matrix for missing."""
    if not is_sparse(before, frame):
        return described
    return {"kind": features.BESIDE, "blocks": [described], "steps": [["zeros_as_gaps"]]}


def without_vote(model: Any) -> Any:  # noqa: ANN401 - of scikit-learn
    """The only voter of a vote by shares; any other model as it is."""
    if type(model) is ensemble.VotingClassifier and len(model.estimators_) == 1:
        return model.estimators_[0] if model.voting == "soft" else model
    return model
