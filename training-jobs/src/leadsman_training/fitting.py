"""How a built-in estimator is fitted: with weights of classes, and calibrated where that helps."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.trainer import Calibration, ClassWeights, Trainer
from leadsman_training.errors import NoUse
from leadsman_training.scores import Array

Fold: TypeAlias = "tuple[pd.DataFrame, pd.Series, pd.DataFrame, pd.Series]"
_LEAST_CHANCE = np.finfo(np.float64).eps
_ISOTONIC_ROWS = 1000
"""With fewer rows the steps of an isotonic calibration follow the noise."""
_PARTS = 3
"""A calibration is fitted to answers for rows of other parts than those that were learnt from."""
_logger = logging.getLogger(__name__)


def check(trainer: Trainer, *, classification: bool) -> None:
    """NoUse for options that need classes, where numbers are predicted."""
    if classification:
        return
    asked = {
        "classWeights": trainer.class_weights is not None,
        "calibration": trainer.calibration is Calibration.AUTO,
    }
    for name in (name for name, is_asked in asked.items() if is_asked):
        raise NoUse(
            Reason.SPEC_INVALID, f"spec.trainer.{name} is for classes: the target holds numbers"
        )


def weights(trainer: Trainer, target: pd.Series) -> Array | None:
    """How much each row counts; None when all count the same."""
    if trainer.class_weights is not ClassWeights.BALANCED:
        return None
    found: Array = compute_sample_weight("balanced", target)
    return found


def fit(model: Pipeline, rows: pd.DataFrame, target: pd.Series, trainer: Trainer) -> Pipeline:
    """Fit a pipeline, its estimator with weights if the trainer asks for them."""
    counts = weights(trainer, target)
    if counts is None:
        return model.fit(rows, target)
    return model.fit(rows, target, **{f"{model.steps[-1][0]}__sample_weight": counts})


def calibrated(
    build: Callable[[], Pipeline], rows: pd.DataFrame, target: pd.Series, folds: Iterable[Fold]
) -> Pipeline:
    """The model fitted on all rows, calibrated if that lowers the log loss on the folds.

    By more than its standard error over the rows: a calibration that only might help is one more
    thing that may go wrong.
    """
    methods = ["sigmoid", *(["isotonic"] if len(target) >= _ISOTONIC_ROWS else [])]
    try:
        method = _helpful(build, methods, [*folds])
        if method is not None:
            return _with_calibration(build(), method).fit(rows, target)
    except ValueError as error:  # a class with fewer rows than parts
        _logger.warning("The model can't be calibrated: %s", error)
    return build().fit(rows, target)


def _helpful(build: Callable[[], Pipeline], methods: list[str], folds: list[Fold]) -> str | None:
    """The method that lowers the log loss most, if it surely does."""
    plain = np.concatenate([*_losses(build, folds)])
    gains = {}
    for method in methods:
        found = _losses(lambda method=method: _with_calibration(build(), method), folds)  # type: ignore[misc]
        gains[method] = plain - np.concatenate([*found])
    best = max(methods, key=lambda method: float(gains[method].mean()))
    gain = float(gains[best].mean())
    error = float(gains[best].std(ddof=1)) / math.sqrt(len(plain))
    _logger.info(
        "Calibration was tried.",
        extra={"method": best, "log_loss": float(plain.mean()), "gain": gain, "error": error},
    )
    return best if gain > error else None


def _losses(build: Callable[[], Any], folds: list[Fold]) -> Iterator[Array]:
    """The log loss of each row that was not learnt from."""
    for learn_x, learn_y, judge_x, judge_y in folds:
        model = build().fit(learn_x, learn_y)
        truth = judge_y.to_numpy()
        if not np.isin(truth, model.classes_).all():
            raise ValueError("a class is in one fold only")
        places = np.searchsorted(model.classes_, truth)
        told = model.predict_proba(judge_x)[np.arange(len(truth)), places]
        yield -np.log(np.clip(told, _LEAST_CHANCE, 1.0))


def _with_calibration(model: Pipeline, method: str) -> Pipeline:
    """One estimator with one curve, and not one for each part: it is served as fast as before."""
    *before, (name, estimator) = model.steps
    found = CalibratedClassifierCV(estimator, method=method, cv=_PARTS, ensemble=False)
    return Pipeline([*before, (name, found)])
