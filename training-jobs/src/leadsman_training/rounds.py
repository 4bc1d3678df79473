"""How many rounds of boosting are enough, found on rows that are not learnt from.

The number is a parameter like others then: the model that comes of it is fitted on all rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from leadsman_api.v1alpha1.trainer import Algorithm, Trainer
from leadsman_training.estimators import chosen, made, preprocessing
from leadsman_training.fitting import weights
from leadsman_training.scores import Array

MANY_ROWS = 10_000
"""From so many rows on a tenth of them shows well enough when boosting gets no better."""
NAMES: Mapping[Algorithm, str] = {
    Algorithm.HIST_GRADIENT_BOOSTING: "max_iter",
    Algorithm.XGBOOST: "n_estimators",
    Algorithm.LIGHTGBM: "n_estimators",
}
"""What each boosting calls its rounds."""
_MOST = 1000
_PATIENCE = 20
"""Rounds without a gain after which boosting stops."""
_ASIDE = 0.1
_logger = logging.getLogger(__name__)


def are(name: str, algorithm: Algorithm) -> bool:
    """Whether a parameter of an estimator's default space is its rounds."""
    prefix, _, own = name.rpartition("__")
    return any(own == called and one == (prefix or algorithm) for one, called in NAMES.items())


def stops_early(trainer: Trainer, rows: int) -> bool:
    """Whether boosting finds its rounds itself."""
    return rows >= MANY_ROWS if trainer.early_stopping is None else trainer.early_stopping


@dataclass(frozen=True)
class Rounds:
    """How the rounds of a trainer's boosting are found."""

    trainer: Trainer
    seed: int
    classes: bool

    def enough(
        self, parameters: Mapping[str, Any], rows: pd.DataFrame, target: pd.Series
    ) -> dict[str, Any]:
        """The parameters with as many rounds as these rows need.

        Rounds that are among them are kept; where the spec asks for early stopping they are the
        most.
        """
        algorithm, own = chosen(self.trainer.algorithm or Algorithm.AUTO, parameters)
        name = NAMES.get(algorithm)
        if name is None or (name in own and self.trainer.early_stopping is None):
            return dict(parameters)
        estimator = made(algorithm, {name: _MOST, **own}, self.seed, classes=self.classes)
        try:
            found = _FOUND[algorithm](estimator, *self._parts(rows, target))
        except ValueError as error:  # a class that is not in both parts
            _logger.warning("Rounds can't be found by stopping early: %s", error)
            return dict(parameters)
        kept = {key: value for key, value in parameters.items() if key.rpartition("__")[2] != name}
        return {**kept, name: found}

    def _parts(self, rows: pd.DataFrame, target: pd.Series) -> tuple[_Part, _Part]:
        """The rows to learn from, and those that are put aside to judge each round."""
        counts = weights(self.trainer, target)
        told = np.unique(target, return_inverse=True)[1] if self.classes else target.to_numpy()
        learn, aside = train_test_split(
            np.arange(len(told)), test_size=_ASIDE, random_state=self.seed,
            stratify=told if self.classes else None,
        )  # fmt: skip
        before = preprocessing(rows, scale=False).fit(rows.iloc[learn])

        def part(places: Array) -> _Part:
            count = None if counts is None else counts[places]
            return _Part(before.transform(rows.iloc[places]), told[places], count)

        return part(learn), part(aside)


@dataclass(frozen=True)
class _Part:
    """Rows as an estimator takes them."""

    rows: Array
    target: Array
    counts: Array | None

    @property
    def pair(self) -> list[tuple[Array, Array]]:
        """As XGBoost and LightGBM take rows to judge on."""
        return [(self.rows, self.target)]

    @property
    def weights(self) -> list[Array] | None:
        """The same of their weights."""
        return None if self.counts is None else [self.counts]


def _of_scikit_learn(estimator: Any, learn: _Part, aside: _Part) -> int:  # noqa: ANN401 - any of them
    estimator.set_params(early_stopping=True, n_iter_no_change=_PATIENCE)
    estimator.fit(
        learn.rows, learn.target, learn.counts,
        X_val=aside.rows, y_val=aside.target, sample_weight_val=aside.counts,
    )  # fmt: skip
    # The first score is that of no round at all.
    return max(1, int(np.argmax(estimator.validation_score_)))


def _of_xgboost(estimator: Any, learn: _Part, aside: _Part) -> int:  # noqa: ANN401 - any of them
    estimator.set_params(early_stopping_rounds=_PATIENCE)
    estimator.fit(
        learn.rows, learn.target, sample_weight=learn.counts, verbose=False,
        eval_set=aside.pair, sample_weight_eval_set=aside.weights,
    )  # fmt: skip
    return int(estimator.best_iteration) + 1


def _of_lightgbm(estimator: Any, learn: _Part, aside: _Part) -> int:  # noqa: ANN401 - any of them
    import lightgbm  # noqa: PLC0415 - only where it is needed

    estimator.fit(
        learn.rows, learn.target, sample_weight=learn.counts,
        eval_set=aside.pair, eval_sample_weight=aside.weights,
        callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
    )  # fmt: skip
    return int(estimator.best_iteration_)


_FOUND: Mapping[Algorithm, Callable[[Any, _Part, _Part], int]] = {
    Algorithm.HIST_GRADIENT_BOOSTING: _of_scikit_learn,
    Algorithm.XGBOOST: _of_xgboost,
    Algorithm.LIGHTGBM: _of_lightgbm,
}
