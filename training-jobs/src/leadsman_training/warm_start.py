"""What a search tries first: it can't end worse than that by bad luck alone.

The champion's parameters, the best ones of an earlier study, and the estimators' own defaults.
Parameters are tried again and never taken over with their values: those are of other data, and of
a budget that is spent.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.search import Sampler, Search
from leadsman_training.candidate import Candidate
from leadsman_training.errors import NoUse
from leadsman_training.reproduce import recorded_of
from leadsman_training.search_space import Space, suggest
from leadsman_training.settings import Settings
from leadsman_training.study import best_first, feasible

_MOST_OF_A_STUDY = 10
"""So many trials TPE begins with at random."""
_logger = logging.getLogger(__name__)


def enqueue_champion(
    settings: Settings, study: optuna.Study, candidate: Candidate, client: MlflowClient
) -> None:
    """Have the champion's parameters tried first, if they are known and of this space."""
    parameters = _parameters(settings, client)
    if not parameters or not _are_of(candidate.search_space(), parameters):
        return
    _logger.info("The champion's parameters are tried first.", extra={"parameters": parameters})
    study.enqueue_trial(parameters, skip_if_exists=True)


def enqueue_defaults(search: Search, study: optuna.Study, candidate: Candidate) -> None:
    """Have each estimator's own defaults tried next, where its own space is searched.

    A search that asks for a plain draw gets a plain draw.
    """
    if search.sampler in (Sampler.RANDOM, Sampler.QMC) or candidate.space is not None:
        return
    left = search.trials - len(study.get_trials(deepcopy=False))
    for parameters in candidate.default_trials()[: max(0, left)]:
        study.enqueue_trial(parameters, skip_if_exists=True)


def enqueue_study(
    name: str, storage: RDBStorage, study: optuna.Study, candidate: Candidate, trials: int
) -> None:
    """Have the best parameters of an earlier study tried, those that are of this space.

    As many as half of `trials`, and no more than a sampler would begin with at random. Raises
    NoUse where there is no such study, or where it looked for something else.
    """
    field = "spec.search.warmStart.study"
    try:
        earlier = optuna.load_study(study_name=name, storage=storage)
    except KeyError as error:
        raise NoUse(
            Reason.SPEC_INVALID,
            f"{field}: the database of studies has no study {name!r}: write the status.study of a"
            " TrainingRun that uses the same database",
        ) from error
    if earlier.directions[0] is not study.directions[0]:
        raise NoUse(
            Reason.SPEC_INVALID,
            f"{field}: {name!r} had to {earlier.directions[0].name.lower()} its objective, and"
            f" spec.objective.direction says {study.directions[0].name.lower()}",
        )
    space = candidate.search_space()
    ended = feasible(earlier.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    found = [trial.params for trial in best_first(earlier, ended) if trial.params]
    fitting = [parameters for parameters in found if _are_of(space, parameters)]
    for parameters in fitting[: min(_MOST_OF_A_STUDY, trials // 2)]:
        study.enqueue_trial(parameters, skip_if_exists=True)
    _logger.info(
        "Parameters of an earlier study are tried first.",
        extra={"study": name, "finished": len(found), "of_this_space": len(fitting)},
    )


def _are_of(space: Space, parameters: Mapping[str, Any]) -> bool:
    """Whether a search of this space could propose them; parameters that lack are sampled."""
    if not set(parameters) <= set(space):
        return False
    with warnings.catch_warnings():
        # Optuna would take numbers beyond the bounds, and fail at choices that there are not.
        warnings.simplefilter("error", UserWarning)
        try:
            for name, value in parameters.items():
                alone = {name: space[name].model_copy(update={"when": None})}
                suggest(alone, optuna.trial.FixedTrial({name: value}))
        except (ValueError, UserWarning):
            return False
    return True


def _parameters(settings: Settings, client: MlflowClient) -> dict[str, Any]:
    spec = settings.resource.spec
    against = spec.gate.against
    try:
        if against.version is not None:
            version = client.get_model_version(spec.model.name, str(against.version))
        else:
            version = client.get_model_version_by_alias(spec.model.name, str(against.alias))
        return recorded_of(client, version).parameters
    except (MlflowException, NoUse):
        return {}
