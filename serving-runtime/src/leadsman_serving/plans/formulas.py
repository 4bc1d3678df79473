"""Networks, naive Bayes and quadratic discriminants as NumPy, in the originals' order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from leadsman_serving.plans.linear import PROBABILITIES
from leadsman_serving.plans.links import logistic
from leadsman_serving.table import Array, Table

LAYERS, GAUSSIAN, COUNTS, QUADRATIC = "layers", "gaussian", "counts", "quadratic"


class FormulaPlan:
    """From rows to numbers or shares by a formula, and from shares to the name of a class."""

    def __init__(self, arrays: Mapping[str, Array], settings: Mapping[str, Any]) -> None:
        """`form` of the settings names the formula."""
        self._found = _FORMULAS[settings["form"]](arrays, settings)
        classes = settings["classes"]
        self._classes = None if classes is None else np.array(classes)
        self._serves_shares = settings["function"] == PROBABILITIES

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method of the original gives."""
        del params
        found = self._found(table.array().astype(np.float64, copy=False))
        if self._classes is None or self._serves_shares:
            return found
        return self._classes[found.argmax(axis=1)]

    def probabilities(self, table: Table) -> Array | None:
        """The probability of each class; None for a model without any."""
        if self._classes is None:
            return None
        return self._found(table.array().astype(np.float64, copy=False))

    def row(self, values: Sequence[Any]) -> object:
        """What `predict` gives for one row, as JSON has it."""
        found: Any = self.predict(Table(matrix=np.array([values], np.float64)))
        return found.tolist()[0]


def _layers(arrays: Mapping[str, Array], settings: Mapping[str, Any]) -> Callable[[Array], Array]:
    layers = [
        (arrays[f"weights_{place}"], arrays[f"bias_{place}"]) for place in range(settings["layers"])
    ]
    inner, outer = ACTIVATIONS[settings["inner"]], ACTIVATIONS[settings["outer"]]
    is_of_two = settings["classes"] is not None and settings["outer"] == "logistic"

    def found(rows: Array) -> Array:
        for place, (weights, bias) in enumerate(layers, start=1):
            rows = (inner if place < len(layers) else outer)(rows @ weights + bias)
        if is_of_two:
            return np.hstack((1.0 - rows, rows))
        return rows.ravel() if rows.shape[1] == 1 else rows

    return found


def _softmax(scores: Array) -> Array:
    shares = np.exp(scores - scores.max(axis=1)[:, np.newaxis])
    return np.asarray(shares / shares.sum(axis=1)[:, np.newaxis])


def _same(scores: Array) -> Array:
    return scores


def _positive(scores: Array) -> Array:
    return np.maximum(scores, 0.0)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "identity": _same, "relu": _positive, "logistic": logistic, "tanh": np.tanh,
    "softmax": _softmax, "exp": np.exp,
}  # fmt: skip


def _gaussian(
    arrays: Mapping[str, Array], _settings: Mapping[str, Any]
) -> Callable[[Array], Array]:
    """The share of each class by the densities of its columns."""
    means, variances, priors = arrays["means"], arrays["variances"], arrays["log_priors"]
    sizes = [-0.5 * np.sum(np.log(2.0 * np.pi * one)) for one in variances]
    classes = list(zip(means, variances, priors, sizes, strict=True))

    def found(rows: Array) -> Array:
        joint = np.array(
            [
                prior + (size - 0.5 * np.sum(((rows - mean) ** 2) / variance, 1))
                for mean, variance, prior, size in classes
            ]
        ).T
        return _shares_of(joint)

    return found


def _shares_of(joint: Array) -> Array:
    """From logarithms that have lost a common part to shares."""
    largest = joint.max(axis=1, keepdims=True)
    total = np.log(np.exp(joint - largest).sum(axis=1, keepdims=True)) + largest
    return np.asarray(np.exp(joint - total))


def _counts(arrays: Mapping[str, Array], settings: Mapping[str, Any]) -> Callable[[Array], Array]:
    """The share of each class by how often each column is counted in it, or is there at all."""
    weights, bias, threshold = arrays["weights"], arrays["bias"], settings["threshold"]

    def found(rows: Array) -> Array:
        if threshold is not None:
            rows = (rows > threshold).astype(np.float64)
        return _shares_of(rows @ weights + bias)

    return found


def _quadratic(
    arrays: Mapping[str, Array], _settings: Mapping[str, Any]
) -> Callable[[Array], Array]:
    """The share of each class by the distance to its mean, along its own axes."""
    means, sizes, priors = arrays["means"], arrays["sizes"], arrays["log_priors"]
    axes = [arrays[f"axes_{place}"] for place in range(len(means))]

    def found(rows: Array) -> Array:
        distances = [
            (((rows - mean) @ own) ** 2).sum(axis=1) for mean, own in zip(means, axes, strict=True)
        ]
        return _softmax(-0.5 * (np.array(distances).T + sizes) + priors)

    return found


_FORMULAS: Mapping[str, Callable[..., Callable[[Array], Array]]] = {
    LAYERS: _layers, GAUSSIAN: _gaussian, COUNTS: _counts, QUADRATIC: _quadratic,
}  # fmt: skip
