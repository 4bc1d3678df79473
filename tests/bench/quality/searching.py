"""One search with the product's own worker, and what its best model is worth on held-out rows."""

from __future__ import annotations

import logging
import os
import uuid
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from mlflow import MlflowClient
from optuna.trial import FixedTrial, TrialState
from sklearn.dummy import DummyClassifier, DummyRegressor
from threadpoolctl import threadpool_limits

from bench.quality.cases import Case
from leadsman_api.loading import parse_resource
from leadsman_api.v1alpha1 import TrainingRun
from leadsman_training import choice, scores, search
from leadsman_training.candidate import Candidate, predict
from leadsman_training.settings import Settings

OURS, RANDOM = "TPE", "Random"


@dataclass(frozen=True)
class Scores:
    """A model on the rows that it has not seen."""

    metric: float
    error: float


@dataclass(frozen=True)
class Split:
    """All models of a case on one split of its rows."""

    case: str
    seed: int
    train_rows: int
    test_rows: int
    ours: Scores
    random: Scores
    default: Scores
    simple: Scores
    """The most frequent class, or the mean."""
    ours_on_folds: float
    """The objective of the search's best trial, on the folds that it was searched on."""
    random_on_folds: float


def split(case: Case, seed: int, trials: int, folder: Path) -> Split:
    """Search twice on one split, with our sampler and at random, and compare on its other rows.

    Studies and runs are kept in `folder`, for each process apart.
    """
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    own = folder / str(os.getpid())
    own.mkdir(exist_ok=True)
    with threadpool_limits(1):
        found = {
            sampler: _searched(_settings(case, sampler, trials, seed, own))
            for sampler in (OURS, RANDOM)
        }
    candidate, ours, ours_on_folds = found[OURS]
    _, at_random, random_on_folds = found[RANDOM]
    # No space: no parameters but the estimator's own.
    default = replace(candidate, space={}).fit(FixedTrial({}))
    parts = candidate.split
    simple = DummyClassifier(strategy="prior") if parts.classification else DummyRegressor()
    simple.fit(parts.train_x, parts.train_y)
    return Split(
        case=case.data,
        seed=seed,
        train_rows=len(parts.train_x),
        test_rows=len(parts.test_x),
        ours=_worth(case, candidate, ours),
        random=_worth(case, candidate, at_random),
        default=_worth(case, candidate, default),
        simple=_worth(case, candidate, simple),
        ours_on_folds=ours_on_folds,
        random_on_folds=random_on_folds,
    )


def _searched(settings: Settings) -> tuple[Candidate, Any, float]:
    """Run a whole search, then fit its best parameters as the conclusion does."""
    search.work(settings)
    study = optuna.load_study(study_name=settings.study, storage=settings.study_url)
    if len(study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))) == 0:
        raise RuntimeError(f"no trial of {settings.study} has ended well")
    candidate, _ = search.prepare(settings)
    model = candidate.fit(choice.one_of(choice.best(study, candidate)))
    return candidate, model, float(study.best_value)


def _settings(case: Case, sampler: str, trials: int, seed: int, folder: Path) -> Settings:
    uid = uuid.uuid4().hex
    resource = parse_resource(
        {
            "apiVersion": "leadsman.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "search", "namespace": "ml", "uid": uid},
            "spec": case.spec(sampler, trials, seed),
        }
    )
    if not isinstance(resource, TrainingRun):
        raise TypeError(f"{case} is no TrainingRun")
    tracking = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking)
    known = client.get_experiment_by_name("quality")
    experiment = (
        known.experiment_id
        if known
        else client.create_experiment("quality", artifact_location=str(folder / "artifacts"))
    )
    return Settings(
        resource=resource,
        study=f"{case.data}/{seed}/{sampler}",
        study_url=f"sqlite:///{folder}/study.db",
        parent_run=client.create_run(experiment).info.run_id,
        tracking_uri=tracking,
        worker=0,
        pod_uid="",
        data_dir=folder,
    )


def _worth(case: Case, candidate: Candidate, model: Any) -> Scores:
    parts = candidate.split
    truth, said = parts.test_y.to_numpy(), predict(model, parts.test_x)
    error = scores.score(case.error, truth, said)
    error = 1 - error if case.error == "accuracy" else error
    found = Scores(scores.score(case.metric, truth, said), error)
    if not np.isfinite([found.metric, found.error]).all():
        raise RuntimeError(f"{model} has no value on the held-out rows of {case.data}")
    return found
