"""How the numbers that a model adds up become what it tells."""

from __future__ import annotations

import numpy as np

from leadsman_serving.table import Array

IDENTITY, SIGMOID, EXP, SOFTMAX = "identity", "sigmoid", "exp", "softmax"


def logistic(scores: Array) -> Array:
    """The share behind each score; large scores below zero don't become infinite on the way."""
    small = np.exp(-np.abs(scores))
    return np.asarray(np.where(scores < 0, small, 1.0) / (1.0 + small))
