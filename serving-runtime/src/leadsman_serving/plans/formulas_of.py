"""From fitted networks, naive Bayes and discriminants of scikit-learn to a formula's arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import discriminant_analysis, naive_bayes, neural_network

from leadsman_serving.plans import formulas, linear
from leadsman_serving.plans.linear import PREDICT, PROBABILITIES
from leadsman_serving.plans.stored import classes_of
from leadsman_serving.plans.unsuited import Unsuited
from leadsman_serving.table import Array

_Parts = tuple[dict[str, Array], dict[str, Any]]


class NoFormula(Unsuited):
    """The model is of another kind; the message says of which."""


def write(model: Any, function: str, folder: Path) -> Mapping[str, Any]:  # noqa: ANN401
    """Write a model's arrays; NoFormula says what is not built."""
    of = _KINDS.get(type(model))
    if of is None:
        raise NoFormula(f"{type(model).__name__} has no formula that is built in NumPy")
    arrays, settings = of(model)
    classes = classes_of(getattr(model, "classes_", None))
    if function not in (PREDICT, PROBABILITIES) or (function == PROBABILITIES and not classes):
        raise NoFormula(f"{function} of {type(model).__name__} is not built")
    linear.save(folder, arrays)
    return {**settings, "classes": classes, "function": function}


def _network(model: Any) -> _Parts:  # noqa: ANN401
    if model.out_activation_ not in formulas.ACTIVATIONS:
        raise NoFormula(f"a network that ends with {model.out_activation_} is not built")
    if getattr(getattr(model, "_label_binarizer", None), "y_type_", "").startswith("multilabel"):
        raise NoFormula("several labels for a row are not built")
    arrays: dict[str, Array] = {}
    for place, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        arrays[f"weights_{place}"], arrays[f"bias_{place}"] = weights, bias
    return arrays, {
        "form": formulas.LAYERS,
        "layers": len(model.coefs_),
        "inner": model.activation,
        "outer": model.out_activation_,
    }


def _gaussian(model: Any) -> _Parts:  # noqa: ANN401
    arrays = {
        "means": model.theta_,
        "variances": model.var_,
        "log_priors": np.log(model.class_prior_),
    }
    return arrays, {"form": formulas.GAUSSIAN}


def _counts(model: Any) -> _Parts:  # noqa: ANN401
    """Of naive Bayes of counts; complements know no priors but those of a single class."""
    bias = model.class_log_prior_
    if type(model) is naive_bayes.ComplementNB and len(model.classes_) > 1:
        bias = np.zeros_like(bias)
    arrays = {"weights": model.feature_log_prob_.T, "bias": bias}
    return arrays, {"form": formulas.COUNTS, "threshold": None}


def _presence(model: Any) -> _Parts:  # noqa: ANN401
    """Of naive Bayes of columns that are there or not: what is absent counts as well."""
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    arrays = {
        "weights": (model.feature_log_prob_ - absent).T,
        "bias": model.class_log_prior_ + absent.sum(axis=1),
    }
    return arrays, {"form": formulas.COUNTS, "threshold": model.binarize}


def _quadratic(model: Any) -> _Parts:  # noqa: ANN401
    axes = zip(model.rotations_, model.scalings_, strict=True)
    arrays = {
        "means": model.means_,
        "sizes": np.array([np.sum(np.log(size)) for size in model.scalings_]),
        "log_priors": np.log(model.priors_),
    }
    arrays |= {f"axes_{place}": own * size**-0.5 for place, (own, size) in enumerate(axes)}
    return arrays, {"form": formulas.QUADRATIC}


_KINDS: Mapping[type, Callable[[Any], _Parts]] = {
    neural_network.MLPClassifier: _network,
    neural_network.MLPRegressor: _network,
    naive_bayes.GaussianNB: _gaussian,
    naive_bayes.MultinomialNB: _counts,
    naive_bayes.ComplementNB: _counts,
    naive_bayes.BernoulliNB: _presence,
    discriminant_analysis.QuadraticDiscriminantAnalysis: _quadratic,
}
