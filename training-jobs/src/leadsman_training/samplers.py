"""Optuna's samplers and pruners by the names and options of the spec."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna import pruners, samplers
from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.search import Pruner, Sampler, Search
from leadsman_training.errors import NoUse

_STARTUP = {"startup_trials": "n_startup_trials"}
_STEPS = {**_STARTUP, "warmup_steps": "n_warmup_steps"}
_PATIENCE = 2
_PERCENTILE = 25.0


class EveryCombination(samplers.BruteForceSampler):
    """Each combination once, among all workers and whatever their seeds.

    Optuna's GridSampler is none for several workers: each would shuffle its own grid.
    """

    @override
    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Nothing: Optuna would stop its own loop here, and workers have none."""

    def nothing_left(self, study: optuna.Study) -> bool:
        """Whether each combination has been tried or is under way."""
        tried = [trial for trial in study.get_trials(deepcopy=False) if trial.params]
        done = [trial for trial in tried if trial.state.is_finished()]
        if not done:
            return False
        try:
            super().after_trial(study, done[0], done[0].state, done[0].values)
        except RuntimeError:  # it would stop a loop
            return True
        return False

    @staticmethod
    @override
    def _populate_tree(tree: Any, trials: list[FrozenTrial], params: dict[str, Any]) -> None:
        """Leave out what broke off: Optuna takes it for another space, and each trial fails."""
        whole = [trial for trial in trials if not _broke_off(trial, trials, len(params))]
        samplers.BruteForceSampler._populate_tree(tree, whole, params)  # noqa: SLF001 - no other way


class AllBrackets(pruners.BasePruner):
    """Hyperband of which samplers learn from all trials.

    Optuna shows its samplers only the trials of one bracket: of 40 trials in two brackets each
    would begin with 10 at random, and learn from half of the others.
    """

    def __init__(self, brackets: pruners.HyperbandPruner) -> None:
        """Hide the brackets from samplers."""
        self._brackets = brackets

    @override
    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether Hyperband would stop it."""
        return self._brackets.prune(study, trial)


def _broke_off(trial: FrozenTrial, trials: Sequence[FrozenTrial], least: int) -> bool:
    """Whether a trial failed before it had asked for all of its parameters."""
    if trial.state is not TrialState.FAIL:
        return False
    asked = trial.params.items()
    return len(asked) <= least or any(asked < other.params.items() for other in trials)


# What takes a seed, and what it calls our options.
_SAMPLERS: dict[Sampler, tuple[Callable[..., samplers.BaseSampler], Mapping[str, str]]] = {
    Sampler.TPE: (samplers.TPESampler, {**_STARTUP, "candidates": "n_ei_candidates"}),
    Sampler.RANDOM: (samplers.RandomSampler, {}),
    Sampler.GP: (samplers.GPSampler, _STARTUP),
    Sampler.CMA_ES: (samplers.CmaEsSampler, {**_STARTUP, "population": "popsize"}),
    Sampler.NSGA_II: (samplers.NSGAIISampler, {"population": "population_size"}),
    Sampler.NSGA_III: (samplers.NSGAIIISampler, {"population": "population_size"}),
    Sampler.QMC: (samplers.QMCSampler, {}),
    Sampler.GRID: (EveryCombination, {}),
    Sampler.BRUTE_FORCE: (EveryCombination, {}),
}
_PACKAGES = {Sampler.GP: "torch"}
_PRUNERS: dict[Pruner, tuple[Callable[..., pruners.BasePruner], Mapping[str, str]]] = {
    Pruner.HYPERBAND: (lambda **more: AllBrackets(pruners.HyperbandPruner(**more)), {}),
    Pruner.MEDIAN: (pruners.MedianPruner, _STEPS),
    Pruner.PERCENTILE: (
        lambda percentile=_PERCENTILE, **more: pruners.PercentilePruner(percentile, **more),
        _STEPS,
    ),
    Pruner.SUCCESSIVE_HALVING: (pruners.SuccessiveHalvingPruner, {}),
    Pruner.PATIENT: (
        lambda patience=_PATIENCE, **more: pruners.PatientPruner(None, patience, **more),
        {},
    ),
    Pruner.THRESHOLD: (pruners.ThresholdPruner, _STEPS),
    Pruner.WILCOXON: (pruners.WilcoxonPruner, {**_STARTUP, "startup_trials": "n_startup_steps"}),
    Pruner.NONE: (pruners.NopPruner, {}),
}


def sampler(search: Search, seed: int, *, grouped: bool = False) -> samplers.BaseSampler:
    """Optuna's sampler of the spec's name; NoUse when it can't be had.

    `grouped` has TPE sample conditional parameters by group where the spec does not say.
    """
    given = search.sampler_options
    kind, names = _SAMPLERS[search.sampler]
    package = _PACKAGES.get(search.sampler)
    if package is not None and importlib.util.find_spec(package) is None:
        # Optuna would find that out in the middle of the search.
        raise NoUse(
            Reason.SPEC_INVALID,
            f"spec.search.sampler: {search.sampler} needs the package {package}, which this image"
            " does not have: choose another sampler",
        )
    options = given.model_dump(exclude_none=True) if given else {}
    if search.sampler is Sampler.TPE:
        options = {"group": grouped, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # groups
        return kind(seed=seed, **_renamed(options, names))


def pruner(search: Search) -> pruners.BasePruner:
    """Optuna's pruner of the spec's name; NoUse when it can't work with its options."""
    given = search.pruner_options
    kind, names = _PRUNERS[search.pruner]
    try:
        return kind(**_renamed(given.model_dump(exclude_none=True) if given else {}, names))
    except (TypeError, ValueError) as error:
        raise NoUse(
            Reason.SPEC_INVALID, f"spec.search.prunerOptions: {search.pruner}: {error}"[:900]
        ) from error


def nothing_left(study: optuna.Study) -> bool:
    """Whether a study has tried or begun all that its sampler can ever propose."""
    return isinstance(study.sampler, EveryCombination) and study.sampler.nothing_left(study)


def _renamed(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in options.items()}
