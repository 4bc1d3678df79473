"""What a trial tries: an estimator of ours, or a function of the user's own, scored on folds."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator, KFold, StratifiedKFold, TimeSeriesSplit

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.trainer import Algorithm, Calibration, Task, Trainer
from leadsman_training import estimators, fitting, rounds, scores
from leadsman_training.checkpoints import Checkpoint, Checkpoints, NoCheckpoints
from leadsman_training.data import Split
from leadsman_training.errors import NoUse
from leadsman_training.rounds import Rounds
from leadsman_training.scores import Predictions
from leadsman_training.search_space import Space, Suggesting, suggest
from leadsman_training.served import SKLEARN, as_served, flavor_of

FOLDS = 3
NO_CHECKPOINTS = NoCheckpoints()
Report = Callable[[int, float], None]
Frame: TypeAlias = "pd.DataFrame"
Places: TypeAlias = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def _unheard(_step: int, _value: float) -> None:
    """Nobody is told how it goes, and nothing is stopped."""


@dataclass
class Run:
    """What a function of the user's own gets besides the trial."""

    train: tuple[pd.DataFrame, pd.Series]
    """Features and target of the rows that may be learnt from."""
    seed: int
    classification: bool
    _report: Report
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Those of the trial: suggested by the spec's space, and fixed by `trainer.parameters`."""
    _checkpoints: Checkpoints = NO_CHECKPOINTS
    metrics: dict[str, float] = field(default_factory=dict)
    kept: Any = None
    flavor: str = SKLEARN
    by_time: bool = False
    """Whether the rows stand in the order of their time."""

    def folds(self) -> Iterator[tuple[Frame, pd.Series, Frame, pd.Series]]:
        """Parts of the rows, each once to be judged on: train_x, train_y, test_x, test_y.

        With a holdout by time the rows to learn from are always earlier than those to judge on.
        """
        features, target = self.train
        found = (
            in_time(target)
            if self.by_time
            else folds(target, self.seed, classification=self.classification)
        )
        for learn, judge in found:
            yield (
                features.iloc[learn], target.iloc[learn],
                features.iloc[judge], target.iloc[judge],
            )  # fmt: skip

    def report(self, step: int, value: float) -> None:
        """Tell how it goes; raises where the pruner says that it is hopeless."""
        self._report(step, value)

    def log_metric(self, name: str, value: float) -> None:
        """A further metric of this trial."""
        self.metrics[name] = value

    def checkpoint(self, step: int, state: bytes) -> None:
        """Keep how far it has come, for the pod that tries again when this one dies.

        Each one is uploaded, and takes the place of the one before the last. ValueError above
        512 MiB.
        """
        self._checkpoints.save(step, state)

    def resume(self) -> Checkpoint | None:
        """The last checkpoint of an earlier try of this trial; None where it begins."""
        return self._checkpoints.last()

    def keep(self, model: Any, flavor: str | None = None) -> None:  # noqa: ANN401 - any estimator
        """The fitted model: it is judged and registered when the search has ended.

        `flavor` is that of MLflow, such as `pytorch`, for what is no estimator and no
        `mlflow.pyfunc.PythonModel`; ValueError when it is needed or not known.
        """
        self.kept, self.flavor = model, flavor_of(model, flavor)


class Trial(Suggesting, Protocol):
    """A trial of Optuna: of a search, or with parameters that are fixed."""


@dataclass(frozen=True)
class Candidate:
    """The trainer of a spec, with all that is the same in each trial."""

    trainer: Trainer
    split: Split
    space: Space | None
    seed: int
    metric: str

    def score(
        self, trial: Trial, report: Report, checkpoints: Checkpoints = NO_CHECKPOINTS
    ) -> tuple[float, dict[str, float]]:
        """The objective's value over the folds, and further metrics."""
        if self.trainer.entrypoint is not None:
            run = self._run(report, self.parameters(trial), checkpoints)
            value = self._function()(trial, run)
            return float(value), run.metrics
        return self._cross_validated(self.parameters(trial), report)

    def parameters(self, trial: Trial) -> dict[str, Any]:
        """The parameters of a trial, those that are fixed included."""
        chosen = suggest(self.search_space(), trial)
        return {**chosen, **self.trainer.parameters}

    def search_space(self) -> Space:
        """The space of the spec, or the estimator's own; own code without one asks by itself."""
        if self.space is not None:
            return self.space
        if self.trainer.entrypoint is not None:
            return {}
        algorithm = self.trainer.algorithm or Algorithm.AUTO
        space = estimators.default_space(algorithm, classes=self.split.classification)
        if not self._stops_early:
            return space
        return {name: one for name, one in space.items() if not rounds.are(name, algorithm)}

    def default_trials(self) -> list[dict[str, Any]]:
        """The estimators' own defaults, as parameters of their own space; none for own code."""
        if self.trainer.entrypoint is not None:
            return []
        algorithm, space = self.trainer.algorithm or Algorithm.AUTO, self.search_space()
        found = estimators.default_trials(algorithm, classes=self.split.classification)
        return [{name: one[name] for name in one if name in space} for one in found]

    def baseline(self) -> float | None:
        """The objective's value with the estimator's default parameters; None for own code."""
        if self.trainer.entrypoint is not None:
            return None
        plain = self.trainer.model_copy(update={"early_stopping": False, "class_weights": None})
        value, _ = replace(self, trainer=plain)._cross_validated(self.trainer.parameters, _unheard)  # noqa: SLF001 - of this class
        return value

    def fit(self, trial: Trial, checkpoints: Checkpoints = NO_CHECKPOINTS) -> Any:  # noqa: ANN401 - any estimator
        """The model with a trial's parameters, fitted on all rows but those held out."""
        if self.trainer.entrypoint is not None:
            run = self._run(_unheard, self.parameters(trial), checkpoints)
            self._function()(trial, run)
            if run.kept is None:
                raise NoUse(
                    Reason.ENTRYPOINT_INVALID,
                    f"{self.trainer.entrypoint} kept no model: call run.keep(model)",
                )
            return as_served(run.kept, run.flavor, self.split)
        return self._final(self.parameters(trial))

    def judged_again(self, trial: Trial, repeats: int) -> float:
        """The objective of a built-in estimator on folds that are parted anew, as their mean."""
        parameters = self.parameters(trial)
        others = (replace(self, seed=self.seed + 1 + number) for number in range(repeats))
        values = [one._cross_validated(parameters, _unheard)[0] for one in others]  # noqa: SLF001 - of this class
        return float(np.mean(values))

    def _final(self, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any estimator
        """The model on all rows, calibrated if the spec asks for it."""
        x, y = self.split.train_x, self.split.train_y
        if self.trainer.calibration is not Calibration.AUTO:
            return self._fitted(parameters, x, y)
        enough = self._with_rounds(parameters, x, y)
        folds = self._run(_unheard, parameters, NO_CHECKPOINTS).folds()
        return fitting.calibrated(lambda: self._built(enough), x, y, folds)

    def _cross_validated(
        self, parameters: Mapping[str, Any], report: Report
    ) -> tuple[float, dict[str, float]]:
        names = {self.metric, *scores.usual(classification=self.split.classification)}
        values: dict[str, list[float]] = {name: [] for name in names}
        run = self._run(report, parameters, NO_CHECKPOINTS)
        for step, (learn_x, learn_y, judge_x, judge_y) in enumerate(run.folds()):
            model = self._fitted(parameters, learn_x, learn_y)
            predicted = predict(model, judge_x)
            for name in names:
                values[name].append(scores.score(name, judge_y.to_numpy(), predicted))
            report(step, float(np.mean(values[self.metric])))
        means = {name: float(np.mean(found)) for name, found in values.items()}
        return means[self.metric], means

    def _fitted(self, parameters: Mapping[str, Any], x: Frame, y: pd.Series) -> Any:  # noqa: ANN401 - any estimator
        return fitting.fit(self._built(self._with_rounds(parameters, x, y)), x, y, self.trainer)

    def _with_rounds(
        self, parameters: Mapping[str, Any], x: Frame, y: pd.Series
    ) -> Mapping[str, Any]:
        """The parameters, of boosting with as many rounds as are enough where it stops early."""
        if not self._stops_early:
            return parameters
        return Rounds(self.trainer, self.seed, self.split.classification).enough(parameters, x, y)

    @property
    def _stops_early(self) -> bool:
        return rounds.stops_early(self.trainer, len(self.split.train_y))

    def _built(self, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any estimator
        algorithm = self.trainer.algorithm or Algorithm.AUTO
        classes = self.split.classification
        rows = self.split.train_x, self.split.train_y
        return estimators.build(algorithm, parameters, self.seed, *rows, classes=classes)

    def _run(self, report: Report, parameters: Mapping[str, Any], checkpoints: Checkpoints) -> Run:
        rows = (self.split.train_x, self.split.train_y)
        classes, by_time = self.split.classification, self.split.by_time
        return Run(rows, self.seed, classes, report, parameters, checkpoints, by_time=by_time)

    def _function(self) -> Callable[[Trial, Run], float]:
        return load_function(str(self.trainer.entrypoint))


def classification_of(trainer: Trainer) -> bool | None:
    """Whether classes are predicted; None goes by the target column."""
    if trainer.task in (None, Task.AUTO):
        return None
    return trainer.task is Task.CLASSIFICATION


def load_function(entrypoint: str) -> Callable[[Trial, Run], float]:
    """The function of the user's own; NoUse says why it can't be had."""
    module, _, name = entrypoint.partition(":")
    try:
        found: Callable[[Trial, Run], float] = getattr(importlib.import_module(module), name)
        inspect.signature(found).bind(None, None)
    except (ImportError, AttributeError, TypeError) as error:
        raise NoUse(
            Reason.ENTRYPOINT_INVALID,
            f"spec.trainer.entrypoint: {entrypoint} must be a function of (trial, run): {error}",
        ) from error
    return found


def folds(target: pd.Series, seed: int, *, classification: bool) -> Iterator[Places]:
    """Places of the rows to learn from and of those to judge on."""
    kind = StratifiedKFold if classification else KFold
    return _parted(kind(n_splits=FOLDS, shuffle=True, random_state=seed), target)


def in_time(target: pd.Series) -> Iterator[Places]:
    """The same of rows in the order of their time: what is learnt from grows, and is never later.

    Rows that are judged on come after all that was learnt from, as they will when it is used.
    """
    for learn, judge in _parted(TimeSeriesSplit(n_splits=FOLDS), target):
        if target.iloc[learn].nunique() < 2:  # noqa: PLR2004 - one value teaches nothing
            raise NoUse(
                Reason.DATA_INVALID,
                f"the earliest {len(learn)} rows have a single value of {str(target.name)!r}, so"
                " that nothing can be learnt from them: leave out the time before it varies",
            )
        yield learn, judge


def _parted(kind: BaseCrossValidator, target: pd.Series) -> Iterator[Places]:
    try:
        yield from kind.split(np.zeros(len(target)), target)
    except ValueError as error:
        raise NoUse(Reason.DATA_INVALID, f"the rows give no {FOLDS} folds: {error}") from error


def predict(model: Any, features: pd.DataFrame) -> Predictions:  # noqa: ANN401 - any estimator
    """What a model says of rows, with probabilities where it has them."""
    chances = model.predict_proba(features) if hasattr(model, "predict_proba") else None
    return Predictions(
        np.asarray(model.predict(features)),
        np.asarray(chances) if chances is not None else None,
        getattr(model, "classes_", None),
    )
