"""Optuna's samplers and pruners by the names and options of the spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from optuna import pruners, samplers

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.search import Pruner, Sampler, Search
from leadsman_training.errors import NoUse
from leadsman_training.search_space import Space

_STARTUP = {"startup_trials": "n_startup_trials"}
_STEPS = {**_STARTUP, "warmup_steps": "n_warmup_steps"}
_PATIENCE = 2
_PERCENTILE = 25.0

# What takes a seed, and what it calls our options.
_SAMPLERS: dict[Sampler, tuple[Callable[..., samplers.BaseSampler], Mapping[str, str]]] = {
    Sampler.TPE: (samplers.TPESampler, {**_STARTUP, "candidates": "n_ei_candidates"}),
    Sampler.RANDOM: (samplers.RandomSampler, {}),
    Sampler.GP: (samplers.GPSampler, _STARTUP),
    Sampler.CMA_ES: (samplers.CmaEsSampler, {**_STARTUP, "population": "popsize"}),
    Sampler.NSGA_II: (samplers.NSGAIISampler, {"population": "population_size"}),
    Sampler.NSGA_III: (samplers.NSGAIIISampler, {"population": "population_size"}),
    Sampler.QMC: (samplers.QMCSampler, {}),
    Sampler.BRUTE_FORCE: (samplers.BruteForceSampler, {}),
}
_PRUNERS: dict[Pruner, tuple[Callable[..., pruners.BasePruner], Mapping[str, str]]] = {
    Pruner.HYPERBAND: (pruners.HyperbandPruner, {}),
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


def sampler(search: Search, space: Space, seed: int) -> samplers.BaseSampler:
    """Optuna's sampler of the spec's name."""
    if search.sampler is Sampler.GRID:
        return samplers.GridSampler(_grid(space), seed=seed)
    given = search.sampler_options
    kind, names = _SAMPLERS[search.sampler]
    return kind(seed=seed, **_renamed(given.model_dump(exclude_none=True) if given else {}, names))


def pruner(search: Search) -> pruners.BasePruner:
    """Optuna's pruner of the spec's name."""
    given = search.pruner_options
    kind, names = _PRUNERS[search.pruner]
    return kind(**_renamed(given.model_dump(exclude_none=True) if given else {}, names))


def _renamed(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in options.items()}


def _grid(space: Space) -> dict[str, list[Any]]:
    """Every value of each parameter."""
    grid: dict[str, list[Any]] = {}
    for name, parameter in space.items():
        if parameter.categorical is not None:
            grid[name] = list(parameter.categorical)
        elif parameter.int_ is not None:
            low, high = parameter.int_
            grid[name] = list(range(low, high + 1, int(parameter.step or 1)))
        elif parameter.float_ is not None and parameter.step is not None:
            first, last = parameter.float_
            number = int((last - first) / parameter.step + 1e-9) + 1
            grid[name] = [first + place * parameter.step for place in range(number)]
        else:
            raise NoUse(Reason.SPEC_INVALID, f"sampler Grid needs a step for {name}")
    return grid
