"""From fitted networks and Gaussian naive Bayes of scikit-learn to the arrays of a formula."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import naive_bayes, neural_network

from leadsman_serving.plans import formulas, linear
from leadsman_serving.plans.linear import PREDICT, PROBABILITIES
from leadsman_serving.plans.stored import classes_of
from leadsman_serving.plans.unsuited import Unsuited
from leadsman_serving.table import Array

_NETWORKS = (neural_network.MLPClassifier, neural_network.MLPRegressor)


class NoFormula(Unsuited):
    """The model is of another kind; the message says of which."""


def write(model: Any, function: str, folder: Path) -> Mapping[str, Any]:  # noqa: ANN401
    """Write a model's arrays; NoFormula says what is not built."""
    if type(model) in _NETWORKS:
        arrays, settings = _network(model)
    elif type(model) is naive_bayes.GaussianNB:
        arrays, settings = _gaussian(model)
    else:
        raise NoFormula(f"{type(model).__name__} has no formula that is built in NumPy")
    classes = classes_of(getattr(model, "classes_", None))
    if function not in (PREDICT, PROBABILITIES) or (function == PROBABILITIES and not classes):
        raise NoFormula(f"{function} of {type(model).__name__} is not built")
    linear.save(folder, arrays)
    return {**settings, "classes": classes, "function": function}


def _network(model: Any) -> tuple[dict[str, Array], dict[str, Any]]:  # noqa: ANN401
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


def _gaussian(model: Any) -> tuple[dict[str, Array], dict[str, Any]]:  # noqa: ANN401
    arrays = {
        "means": model.theta_,
        "variances": model.var_,
        "log_priors": np.log(model.class_prior_),
    }
    return arrays, {"form": formulas.GAUSSIAN}
