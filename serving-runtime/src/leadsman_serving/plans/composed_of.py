"""From votes, stacks, calibrated classifiers and the like to plans made of plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import calibration, compose, ensemble, model_selection, multiclass, multioutput

from leadsman_serving.columns import Column
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.plans import composed
from leadsman_serving.plans.candidates import candidates
from leadsman_serving.plans.features_of import FeaturesOf, NoFeatures
from leadsman_serving.plans.linear import PREDICT, PROBABILITIES, SCORES
from leadsman_serving.plans.proof import CLOSE
from leadsman_serving.plans.stored import classes_of, load_plan
from leadsman_serving.plans.unsuited import Unsuited
from leadsman_serving.schema import Schema
from leadsman_serving.table import Array

_FUNCTIONS = (PREDICT, PROBABILITIES)
_MOST = 64
"""Parts, beyond which asking each of them is no quicker than the original."""
_TWO = 2


class NotComposed(Unsuited):
    """The model is made of no others, or in another way; the message says which."""


@dataclass(frozen=True)
class _Made:
    """What a model is made of."""

    how: str
    parts: Sequence[tuple[Any, str]]
    """Models, each with the method that it is asked by."""
    has_shares: bool = False
    arrays: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    last: Any = None
    """The model that takes their answers."""


def write(model: Any, function: str, schema: Schema, folder: Path) -> Mapping[str, Any]:  # noqa: ANN401
    """Write the parts' plans and what joins them; NotComposed says what is not built."""
    of = _KINDS.get(type(model))
    if of is None:
        raise NotComposed(f"{type(model).__name__} is not made of other models")
    made = of(model)
    if function not in _FUNCTIONS or (function == PROBABILITIES and not made.has_shares):
        raise NotComposed(f"{function} of {type(model).__name__} is not built")
    if hasattr(model, "predict_proba") and not made.has_shares:
        raise NotComposed(f"predict_proba of this {type(model).__name__} is not built")
    if len(made.parts) > _MOST:
        raise NotComposed(f"it is made of {len(made.parts)} models, more than {_MOST}")
    parts = [
        _part(one, asked, schema, folder / str(place))
        for place, (one, asked) in enumerate(made.parts)
    ]
    if made.last is not None:
        parts.append(_last(made, function, schema, folder / str(len(parts))))
    composed.save(folder, {name: np.asarray(array) for name, array in made.arrays.items()})
    return {
        "how": made.how,
        "parts": parts,
        "ends_with_last": made.last is not None,
        "function": function,
        "has_shares": made.has_shares,
        "classes": _classes(model),
        **made.settings,
    }


def _classes(model: Any) -> list[Any] | None:  # noqa: ANN401 - of scikit-learn
    labels = getattr(model, "classes_", None)
    if labels is None or isinstance(labels, list):
        return None
    return classes_of(labels)


def _part(model: Any, asked: str, schema: Schema, folder: Path) -> dict[str, Any]:  # noqa: ANN401
    """The first plan that can be written for a model; the whole is proven, and so its parts."""
    folder.mkdir()
    sample = schema.sample()
    reasons = []
    for candidate in candidates(Estimator(model, asked), schema, [sample] if sample else []):
        if candidate.within > CLOSE or (asked == SCORES and candidate.backend != "numpy"):
            continue
        try:
            settings = dict(candidate.write(folder))
            load_plan(folder, candidate.backend, settings)
        except Unsuited as error:
            reasons.append(str(error))
        else:
            return {"backend": candidate.backend, "settings": settings}
    why = f" ({reasons[0]})" if reasons else ""
    raise NotComposed(f"{asked} of its part {type(model).__name__} has no plan{why}")


def _last(made: _Made, function: str, schema: Schema, folder: Path) -> dict[str, Any]:
    """The plan of what stands at the end of a stack."""
    width = int(made.last.n_features_in_)
    if made.settings["passes_on"] and any(one.type == "string" for one in schema.columns):
        raise NotComposed("a stack that passes words on is not built")
    inner = Schema(tuple(Column(None, "double") for _ in range(width)))
    return _part(made.last, function, inner, folder)


def _vote(model: Any) -> _Made:  # noqa: ANN401 - of scikit-learn
    weights = model._weights_not_none  # noqa: SLF001 - has no other name
    arrays = {} if weights is None else {"weights": np.asarray(weights, np.float64)}
    if isinstance(model, ensemble.VotingRegressor):
        return _Made(composed.MEAN, [(one, PREDICT) for one in model.estimators_], arrays=arrays)
    if model.voting == "soft":
        parts = [(one, PROBABILITIES) for one in model.estimators_]
        return _Made(composed.SHARES, parts, has_shares=True, arrays=arrays)
    return _Made(composed.VOTES, [(one, PREDICT) for one in model.estimators_], arrays=arrays)


def _bag(model: Any) -> _Made:  # noqa: ANN401 - of scikit-learn
    everything = range(model.n_features_in_)
    if any(list(some) != list(everything) for some in model.estimators_features_):
        raise NotComposed("a bag of models that see some of the columns is not built")
    if isinstance(model, ensemble.BaggingRegressor):
        return _Made(composed.MEAN, [(one, PREDICT) for one in model.estimators_])
    if any(len(one.classes_) != len(model.classes_) for one in model.estimators_):
        raise NotComposed("a bag of models that know some of the classes is not built")
    parts = [(one, PROBABILITIES) for one in model.estimators_]
    return _Made(composed.SHARES, parts, has_shares=True)


def _stack(model: Any) -> _Made:  # noqa: ANN401 - of scikit-learn
    is_of_two = len(getattr(model, "classes_", ())) == _TWO
    methods, last = model.stack_method_, model.final_estimator_
    if hasattr(model, "classes_") and list(last.classes_) != list(range(len(model.classes_))):
        raise NotComposed("a stack whose last model knows some of the classes is not built")
    return _Made(
        "stack",
        list(zip(model.estimators_, methods, strict=True)),
        has_shares=hasattr(model, "predict_proba"),
        settings={
            "skips_first": [is_of_two and one == PROBABILITIES for one in methods],
            "passes_on": bool(model.passthrough),
        },
        last=last,
    )


def _calibrate(model: Any) -> _Made:  # noqa: ANN401 - of scikit-learn
    parts: list[tuple[Any, str]] = []
    arrays: dict[str, Array] = {}
    for place, one in enumerate(model.calibrated_classifiers_):
        if not np.array_equal(one.estimator.classes_, model.classes_):
            raise NotComposed("a part that knows some of the classes is not built")
        parts.append((one.estimator, _scored_by(one.estimator)))
        for column, curve in enumerate(one.calibrators):
            arrays |= _curve(curve, f"{place}_{column}")
    return _Made(composed.CALIBRATED, parts, has_shares=True, arrays=arrays)


def _scored_by(model: Any) -> str:  # noqa: ANN401 - of scikit-learn
    return SCORES if hasattr(model, SCORES) else PROBABILITIES


def _curve(curve: Any, name: str) -> dict[str, Array]:  # noqa: ANN401 - of scikit-learn
    if hasattr(curve, "a_"):
        return {f"sigmoid_{name}": np.array([curve.a_, curve.b_], np.float64)}
    if hasattr(curve, "X_thresholds_"):
        return {
            f"x_{name}": np.asarray(curve.X_thresholds_, np.float64),
            f"y_{name}": np.asarray(curve.y_thresholds_, np.float64),
        }
    raise NotComposed(f"calibration by {type(curve).__name__} is not built")


def _one_each(model: Any) -> _Made:  # noqa: ANN401 - of scikit-learn
    is_pairs = isinstance(model, multiclass.OneVsOneClassifier)
    if not is_pairs and model.multilabel_:
        raise NotComposed("several labels for a row are not built")
    if any(isinstance(one, multiclass._ConstantPredictor) for one in model.estimators_):  # noqa: SLF001
        raise NotComposed("a class that every row or none has is not built")
    asked = _scored_by(model.estimators_[0])
    return _Made(
        composed.PAIRS if is_pairs else composed.EACH,
        [(one, asked) for one in model.estimators_],
        has_shares=hasattr(model, "predict_proba"),
        settings={"threshold": 0.0 if asked == SCORES else 0.5},
    )


def _boost(model: Any) -> _Made:  # noqa: ANN401 - of scikit-learn
    if len(model.classes_) < _TWO:
        raise NotComposed("a single class is not built")
    weights = model.estimator_weights_[: len(model.estimators_)]
    parts = [(one, PREDICT) for one in model.estimators_]
    return _Made(composed.BOOSTS, parts, has_shares=True, arrays={"weights": weights})


def _outputs(model: Any) -> _Made:  # noqa: ANN401 - of scikit-learn
    return _Made(composed.BESIDE, [(one, PREDICT) for one in model.estimators_])


def _cut(model: Any) -> _Made:  # noqa: ANN401 - of scikit-learn
    threshold: Any = getattr(model, "best_threshold_", getattr(model, "threshold", None))
    method = model.response_method
    inner = model.estimator_
    if method == "auto":
        method = PROBABILITIES if hasattr(inner, PROBABILITIES) else SCORES
    if threshold == "auto":
        threshold = 0.5 if method == PROBABILITIES else 0.0
    labels = list(model.classes_)
    label = getattr(model, "pos_label", None)
    if hasattr(model, "best_threshold_"):
        label = model._curve_scorer._get_pos_label()  # noqa: SLF001 - has no other name
    positive = 1 if label is None else labels.index(label)
    return _Made(
        composed.CUT,
        [(inner, method)],
        has_shares=hasattr(model, "predict_proba") and method == PROBABILITIES,
        settings={"threshold": float(threshold), "positive": positive},
    )


def _back(model: Any) -> _Made:  # noqa: ANN401 - of scikit-learn
    """The transformer's inverse, for a single target."""
    if model._training_dim != 1:  # noqa: SLF001 - has no other name
        raise NotComposed("several targets that are transformed are not built")
    inverse = getattr(model.transformer_, "inverse_func", None)
    if model.func is not None or inverse is not None:
        name = getattr(inverse, "__name__", "")
        if name not in composed.STEPS or inverse is not getattr(np, name):
            raise NotComposed(f"the inverse function {name or inverse} is not built")
        return _Made(composed.BACK, [(model.regressor_, PREDICT)], settings={"steps": [name]})
    steps, arrays = _undone(model.transformer_)
    return _Made(
        composed.BACK, [(model.regressor_, PREDICT)], arrays=arrays, settings={"steps": steps}
    )


_UNDONE = {"subtract": "add", "add": "subtract", "divide": "multiply", "multiply": "divide"}


def _undone(scaler: Any) -> tuple[list[str], dict[str, Any]]:  # noqa: ANN401 - of scikit-learn
    """A scaler's steps, turned round."""
    of = FeaturesOf(Schema((Column(None, "double"),)))
    try:
        described = of.described([scaler], [0])
    except NoFeatures as error:
        raise NotComposed(str(error)) from error
    steps, arrays = [], {}
    for place, (name, *operands) in enumerate(reversed(described["steps"])):
        if name not in _UNDONE:
            raise NotComposed(f"{name} of its target can't be undone")
        steps.append(_UNDONE[name])
        arrays[f"s{place}"] = of.arrays[operands[0]]
    return steps, arrays


_KINDS: dict[type, Callable[[Any], _Made]] = {
    ensemble.VotingClassifier: _vote,
    ensemble.VotingRegressor: _vote,
    ensemble.BaggingClassifier: _bag,
    ensemble.BaggingRegressor: _bag,
    ensemble.AdaBoostClassifier: _boost,
    ensemble.StackingClassifier: _stack,
    ensemble.StackingRegressor: _stack,
    calibration.CalibratedClassifierCV: _calibrate,
    multiclass.OneVsRestClassifier: _one_each,
    multiclass.OneVsOneClassifier: _one_each,
    multioutput.MultiOutputRegressor: _outputs,
    model_selection.FixedThresholdClassifier: _cut,
    model_selection.TunedThresholdClassifierCV: _cut,
    compose.TransformedTargetRegressor: _back,
}
