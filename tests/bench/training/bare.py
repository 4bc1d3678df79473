"""The same study with bare Optuna: what people write before they have a worker of ours.

Sampler, pruner, seed, trainer and database are those of the TrainingRun in the environment;
there is no exact budget among workers, nothing about pods, and no MLflow.
"""

from __future__ import annotations

import os

import optuna

from leadsman_api.studies import study_database
from leadsman_training.samplers import pruner, sampler
from leadsman_training.search import prepare
from leadsman_training.settings import read_settings


def main() -> None:
    """Search."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settings = read_settings(os.environ)
    candidate, _ = prepare(settings)
    search = settings.search
    study = optuna.create_study(
        storage=optuna.storages.RDBStorage(study_database(settings.study_url)),
        study_name=settings.study,
        sampler=sampler(search, search.seed),
        pruner=pruner(search),
        direction="maximize",
    )

    def objective(trial: optuna.Trial) -> float:
        def report(step: int, value: float) -> None:
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned

        value, _ = candidate.score(trial, report)
        return value

    study.optimize(objective, n_trials=search.trials)


if __name__ == "__main__":
    main()
