"""The search: how many trials, who proposes them and who stops the hopeless ones."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract
from leadsman_api.rules import Rule, in_order, only_with
from leadsman_api.v1alpha1.pods import KeyReference
from leadsman_api.v1alpha1.space import Space
from leadsman_api.values import PositiveDuration
from leadsman_api.vocabulary import Term


class Sampler(Term):
    """Optuna's samplers."""

    TPE = "TPE", "tree-structured Parzen estimator, good nearly everywhere."
    RANDOM = "Random", "at random."
    GP = "GP", "Gaussian process, for few and costly trials."
    CMA_ES = "CmaEs", "covariance matrix adaptation, for numbers."
    NSGA_II = "NSGAII", "genetic, for several objectives."
    NSGA_III = "NSGAIII", "genetic, for many objectives."
    QMC = "QMC", "an even cover of the space."
    GRID = "Grid", "every combination."
    BRUTE_FORCE = "BruteForce", "every combination, conditional parameters too."


class Pruner(Term):
    """Optuna's pruners."""

    HYPERBAND = "Hyperband", "many short trials, few long ones."
    MEDIAN = "Median", "stops what is worse than the median."
    PERCENTILE = "Percentile", "stops what is outside the best percentile."
    SUCCESSIVE_HALVING = "SuccessiveHalving", "keeps the best part at each rung."
    PATIENT = "Patient", "stops what no longer improves."
    THRESHOLD = "Threshold", "stops what leaves the bounds."
    WILCOXON = "Wilcoxon", "stops what is significantly worse over the folds."
    NONE = "None", "stops nothing."


class SearchMode(Term):
    """How trials are spread over pods."""

    WORKERS = "Workers", "pods that live as long as the search and take trial after trial."
    JOB_PER_TRIAL = "JobPerTrial", "a Job for each trial: for trials that crash their process."


class SamplerOptions(Contract):
    """Options of the sampler; each is refused where the sampler has no use for it."""

    startup_trials: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Trials at random before the sampler learns."""
    population: Annotated[int, Field(ge=2, le=10_000)] | None = None
    """Size of a generation."""
    candidates: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Candidates that are compared for each proposal."""
    group: bool | None = None
    """Sample conditional parameters by group."""


class PrunerOptions(Contract):
    """Options of the pruner; each is refused where the pruner has no use for it."""

    invariants = (in_order("lower", "upper"),)

    startup_trials: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Trials that run to their end before any is stopped."""
    warmup_steps: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Steps of a trial before it may be stopped."""
    interval_steps: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Steps between two looks."""
    percentile: Annotated[float, Field(ge=0, le=100)] | None = None
    """Percentile that is kept."""
    min_resource: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Steps that each trial gets."""
    max_resource: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Steps that a trial gets at most."""
    reduction_factor: Annotated[int, Field(ge=2, le=100)] | None = None
    """One of how many goes on at each rung."""
    patience: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Steps without improvement that are borne."""
    min_delta: Annotated[float, Field(ge=0)] | None = None
    """Smallest improvement that counts."""
    lower: float | None = None
    """Value below which a trial is stopped."""
    upper: float | None = None
    """Value above which a trial is stopped."""
    p_threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Significance at which a trial is stopped."""


_STOPPERS = (Pruner.MEDIAN, Pruner.PERCENTILE, Pruner.WILCOXON)
_RUNGS = (Pruner.HYPERBAND, Pruner.SUCCESSIVE_HALVING)
_SAMPLERS_WITH: dict[str, tuple[Sampler, ...]] = {
    "startupTrials": (Sampler.TPE, Sampler.GP, Sampler.CMA_ES),
    "population": (Sampler.NSGA_II, Sampler.NSGA_III, Sampler.CMA_ES),
    "candidates": (Sampler.TPE,),
    "group": (Sampler.TPE,),
}
_PRUNERS_WITH: dict[str, tuple[Pruner, ...]] = {
    "startupTrials": _STOPPERS,
    "warmupSteps": (Pruner.MEDIAN, Pruner.PERCENTILE, Pruner.THRESHOLD),
    "intervalSteps": (Pruner.MEDIAN, Pruner.PERCENTILE, Pruner.THRESHOLD),
    "percentile": (Pruner.PERCENTILE,),
    "minResource": _RUNGS,
    "maxResource": (Pruner.HYPERBAND,),
    "reductionFactor": _RUNGS,
    "patience": (Pruner.PATIENT,),
    "minDelta": (Pruner.PATIENT,),
    "lower": (Pruner.THRESHOLD,),
    "upper": (Pruner.THRESHOLD,),
    "pThreshold": (Pruner.WILCOXON,),
}


class WarmStart(Contract):
    """Trials that a search begins with."""

    champion: bool = True
    """Try the champion's parameters first, so that a search can't end worse by bad luck."""
    study: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """An earlier study of the same database, as `status.study` names it, whose best parameters are
    tried first: ten at most, and half of the trials at most."""


class Retries(Contract):
    """What is tried again, and how often."""

    disruptions: Annotated[int, Field(ge=0, le=1000)] = 10
    """Trials that may be run again because their pod was taken away."""
    out_of_memory: Annotated[int, Field(ge=0, le=3)] = 1
    """Times that a trial which ran out of memory is run again, each time with twice as much."""


def _grid_has_steps(search: Search) -> bool:
    space = search.space or {}
    return search.sampler not in (Sampler.GRID, Sampler.BRUTE_FORCE) or all(
        parameter.float_ is None or parameter.step is not None for parameter in space.values()
    )


class Search(Contract):
    """How parameters are searched."""

    # kubectl scale may write parallelism alone, and the API server checks that before it fills
    # in the defaults: so these rules ask for fields that are otherwise always there.
    invariants = (
        Rule(
            cel="!has(self.parallelism) || !has(self.trials) || self.parallelism <= self.trials",
            check=lambda search: search.parallelism <= search.trials,
            message="parallelism ({parallelism}) is more than trials ({trials}): the rest would "
            "have nothing to do, lower parallelism",
            field="parallelism",
        ),
        Rule(
            cel="!has(self.sampler) || !(self.sampler in ['Grid', 'BruteForce'])"
            " || !has(self.space)"
            " || self.space.all(name, !has(self.space[name].float) || has(self.space[name].step))",
            check=_grid_has_steps,
            message="sampler {sampler} needs a step for each float parameter, otherwise there is "
            "no end of combinations",
            field="sampler",
        ),
        Rule(
            cel="!has(self.sampler) || self.sampler != 'Grid' || !has(self.space)"
            " || self.space.all(name, !has(self.space[name].when))",
            check=lambda search: (
                search.sampler is not Sampler.GRID
                or all(parameter.when is None for parameter in (search.space or {}).values())
            ),
            message="sampler Grid knows no when: take BruteForce or leave when out",
            field="sampler",
        ),
        Rule(
            cel="!has(self.sampler) || !(self.sampler in ['Grid', 'BruteForce'])"
            " || has(self.space)",
            check=lambda search: (
                search.sampler not in (Sampler.GRID, Sampler.BRUTE_FORCE)
                or search.space is not None
            ),
            message="sampler {sampler} needs a space: write the parameters and their values",
            field="sampler",
        ),
        *(
            only_with(f"samplerOptions.{option}", by="sampler", values=samplers)
            for option, samplers in _SAMPLERS_WITH.items()
        ),
        *(
            only_with(f"prunerOptions.{option}", by="pruner", values=pruners)
            for option, pruners in _PRUNERS_WITH.items()
        ),
    )

    sampler: Sampler = Sampler.TPE
    """Who proposes the parameters of a trial."""
    sampler_options: SamplerOptions | None = None
    """Options of the sampler."""
    pruner: Pruner = Pruner.HYPERBAND
    """Who stops hopeless trials."""
    pruner_options: PrunerOptions | None = None
    """Options of the pruner."""
    trials: Annotated[int, Field(ge=1, le=1_000_000, json_schema_extra={"format": "int32"})] = 100
    """Trials that are run in all; may be raised later, and the search goes on."""
    parallelism: Annotated[int, Field(ge=1, le=1000, json_schema_extra={"format": "int32"})] = 4
    """Trials that run at the same time; may be changed while the search runs."""
    timeout: PositiveDuration = Field(default="2h", validate_default=True)
    """Longest time of the search; what was found until then counts."""
    patience: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Trials without improvement after which the search ends."""
    max_failed_trials: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    """Failed trials that are borne before the search is given up."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Seed of samplers, splits and estimators."""
    mode: SearchMode = SearchMode.WORKERS
    """How trials are spread over pods."""
    space: Space | None = None
    """Parameters by name; those of the built-in estimator when left out."""
    warm_start: WarmStart = Field(default_factory=WarmStart, json_schema_extra={"default": {}})
    """Trials that the search begins with."""
    retries: Retries = Field(default_factory=Retries, json_schema_extra={"default": {}})
    """What is tried again."""
    storage: KeyReference | None = None
    """Secret with the address of the study's database; the operator's when left out."""
