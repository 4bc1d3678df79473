"""The samplers and pruners of a spec, by name, with their options, in a study of Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna import pruners, samplers
from optuna.samplers import BaseSampler
from optuna.trial import TrialState
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.search import Pruner, Sampler, Search
from leadsman_training.errors import NoUse
from leadsman_training.samplers import nothing_left, pruner, sampler
from leadsman_training.search_space import Space, suggest

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

STEPPED: Mapping[str, Any] = {
    "depth": {"int": [2, 6], "step": 2},
    "rate": {"float": [0.0, 0.3], "step": 0.1},
}


def a_search(space: Mapping[str, Any] = STEPPED, **written: Any) -> Search:
    """A search as it is written in a resource."""
    return Search.model_validate({"pruner": "None", "space": space, **written})


def a_study(search: Search, seed: int = 1) -> optuna.Study:
    """A study with the sampler and the pruner of a search."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(sampler=sampler(search, seed), pruner=pruner(search))


def taken(study: optuna.Study, space: Space | None, count: int) -> list[dict[str, Any]]:
    """The parameters of some trials that are asked for and told, as workers do."""
    found = []
    for number in range(count):
        trial = study.ask()
        found.append(dict(suggest(space or {}, trial)))
        study.tell(trial, float(number))
    return found


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("TPE", {"startupTrials": 3, "candidates": 5}, samplers.TPESampler),
        ("TPE", {"group": True}, samplers.TPESampler),
        ("Random", {}, samplers.RandomSampler),
        ("CmaEs", {"population": 4, "startupTrials": 2}, samplers.CmaEsSampler),
        ("NSGAII", {"population": 4}, samplers.NSGAIISampler),
        ("NSGAIII", {"population": 4}, samplers.NSGAIIISampler),
        ("QMC", {}, samplers.QMCSampler),
        ("Grid", {}, samplers.BruteForceSampler),
        ("BruteForce", {}, samplers.BruteForceSampler),
    ],
)
def test_a_sampler_proposes_by_its_seed(
    name: str, options: Mapping[str, Any], kind: type[BaseSampler]
) -> None:
    """Each name gives Optuna's sampler of it, with the options, and a seed repeats its trials."""
    search = a_search(sampler=name, samplerOptions=options)
    study = a_study(search)

    assert isinstance(study.sampler, kind)
    first = taken(study, search.space, 8)
    assert first == taken(a_study(search), search.space, 8)
    assert first != taken(a_study(search, seed=2), search.space, 8)


def test_a_sampler_whose_package_the_image_lacks_says_so() -> None:
    """The spec is at fault here, and not the worker."""
    with pytest.raises(NoUse) as refused:
        sampler(a_search(sampler="GP"), 1)

    assert refused.value.reason is Reason.SPEC_INVALID
    assert refused.value.message.startswith("spec.search.sampler: GP needs the package torch")


@pytest.mark.parametrize("name", ["Grid", "BruteForce"])
def test_every_combination_comes_once_whoever_asks(name: str) -> None:
    """Workers have seeds of their own; together they leave none out and repeat none."""
    search = a_search(sampler=name)
    study = a_study(search)
    found = []
    for worker in range(12):
        assert not nothing_left(study)
        study.sampler = sampler(search, worker)
        found += taken(study, search.space, 1)

    rates = {round(one["rate"], 9) for one in found}
    assert rates == {0.0, 0.1, 0.2, 0.3}
    assert len({(one["depth"], round(one["rate"], 9)) for one in found}) == 12
    assert nothing_left(study)


def test_what_is_under_way_is_not_left() -> None:
    """Nobody begins it a second time, and a trial that failed before it asked tells nothing."""
    search = a_search({"depth": {"int": [1, 2]}}, sampler="Grid")
    study = a_study(search)
    study.tell(study.ask(), state=TrialState.FAIL)
    assert not nothing_left(study)

    first = study.ask()
    suggest(search.space or {}, first)
    study.tell(first, 1.0)
    assert not nothing_left(study)
    second = study.ask()
    suggest(search.space or {}, second)
    assert nothing_left(study)
    assert {first.params["depth"], second.params["depth"]} == {1, 2}


def test_a_trial_that_broke_off_does_not_spoil_the_others() -> None:
    """Its pod may be killed after it has asked for some of its parameters."""
    search = a_search({"a": {"int": [1, 2]}, "b": {"int": [1, 2]}}, sampler="Grid")
    study = a_study(search)
    broken = study.ask()
    broken.suggest_int("a", 1, 2)
    study.tell(broken, state=TrialState.FAIL)
    found = taken(study, search.space, 4)

    assert sorted((one["a"], one["b"]) for one in found) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert nothing_left(study)


def test_a_grid_takes_choices_that_python_takes_for_equal() -> None:
    """1, True and 1.0 are three combinations."""
    search = a_search({"x": {"categorical": [1, True, 1.0]}}, sampler="Grid")
    study = a_study(search)
    found = taken(study, search.space, 3)

    assert {type(one["x"]) for one in found} == {int, bool, float}
    assert nothing_left(study)


def test_other_samplers_always_have_something_left() -> None:
    """A search by them ends with its budget."""
    search = a_search({"x": {"categorical": [1]}}, sampler="Random")
    study = a_study(search)
    taken(study, search.space, 3)

    assert not nothing_left(study)


def stopped_at(search: Search, values: list[float], others: int = 4) -> int | None:
    """The step at which a trial is stopped after others that went well; None if it is not."""
    study = a_study(search)
    for _ in range(others):
        good = study.ask()
        for step in range(12):
            good.report(0.9 + step / 1000, step)
            good.should_prune()
        study.tell(good, 0.9)
    trial = study.ask()
    for step, value in enumerate(values):
        trial.report(value, step)
        if trial.should_prune():
            return step
    return None


def pruning(name: str, **options: Any) -> Search:
    """A search with a pruner."""
    return a_search(sampler="Random", pruner=name, prunerOptions=options)


# Less is better in these studies: 5 is hopeless beside 0.9, and gets worse.
BAD, FINE = [5.0 + step for step in range(12)], [0.8 - step / 100 for step in range(12)]


@pytest.mark.parametrize(
    ("search", "kind", "step"),
    [
        pytest.param(pruning("None"), pruners.NopPruner, None, id="None"),
        pytest.param(
            pruning("Median", startupTrials=2, warmupSteps=3), pruners.MedianPruner, 3, id="Median"
        ),
        pytest.param(
            pruning("Median", startupTrials=9), pruners.MedianPruner, None, id="Median begins late"
        ),
        pytest.param(
            pruning("Median", startupTrials=2, warmupSteps=2, intervalSteps=5),
            pruners.MedianPruner, 2, id="Median looks seldom",
        ),
        pytest.param(
            pruning("Percentile", startupTrials=2, percentile=50),
            pruners.PercentilePruner, 0, id="Percentile",
        ),
        pytest.param(
            pruning("Percentile", startupTrials=2), pruners.PercentilePruner, 0,
            id="Percentile of its own",
        ),
        pytest.param(
            pruning("SuccessiveHalving", minResource=2, reductionFactor=2),
            pruners.SuccessiveHalvingPruner, 2, id="SuccessiveHalving",
        ),
        pytest.param(
            pruning("Patient", patience=4, minDelta=0.1), pruners.PatientPruner, 5, id="Patient"
        ),
        pytest.param(pruning("Patient"), pruners.PatientPruner, 3, id="Patient of its own"),
        pytest.param(
            pruning("Threshold", upper=4.0, warmupSteps=4), pruners.ThresholdPruner, 4,
            id="Threshold",
        ),
        pytest.param(
            pruning("Wilcoxon", startupTrials=6, pThreshold=0.2), pruners.WilcoxonPruner, 5,
            id="Wilcoxon",
        ),
    ],
)  # fmt: skip
def test_a_pruner_stops_what_is_hopeless(
    search: Search, kind: type[pruners.BasePruner], step: int | None
) -> None:
    """Each name gives Optuna's pruner of it, its options count, and what goes well goes on."""
    assert isinstance(pruner(search), kind)
    assert stopped_at(search, BAD) == step
    assert stopped_at(search, FINE) is None


def test_hyperband_gives_its_brackets_the_resources_of_the_spec() -> None:
    """Which bracket a trial falls into goes by the study's name: the best of all goes on."""
    search = pruning("Hyperband", minResource=1, maxResource=9, reductionFactor=3)

    assert stopped_at(search, FINE, others=0) is None
    assert {stopped_at(search, BAD, others=9) for _ in range(20)} <= {1, 3, 9, None}


class Onlooker(samplers.RandomSampler):
    """Counts the trials that it may learn from."""

    seen = 0

    @override
    def sample_independent(self, study: optuna.Study, *about: Any) -> Any:
        """Look, then draw."""
        self.seen = len(study.get_trials(deepcopy=False))
        return super().sample_independent(study, *about)


def test_samplers_learn_from_the_trials_of_all_brackets() -> None:
    """Optuna itself would show them those of one bracket only."""
    study = a_study(pruning("Hyperband", minResource=1, maxResource=9, reductionFactor=3))
    study.sampler = onlooker = Onlooker(1)
    for _ in range(6):
        trial = study.ask()
        trial.suggest_int("depth", 1, 9)
        trial.report(1.0, 0)
        trial.should_prune()
        study.tell(trial, 1.0)

    assert onlooker.seen == 6


CONDITIONAL: Mapping[str, Any] = {
    "kind": {"categorical": ["tree", "linear"]},
    "depth": {"int": [1, 9], "when": {"parameter": "kind", "in": ["tree"]}},
}


@pytest.mark.parametrize(
    ("options", "grouped", "together"),
    [
        ({}, True, {"kind", "depth"}),
        ({}, False, {"kind"}),
        ({"group": False}, True, {"kind"}),
        ({"group": True}, False, {"kind", "depth"}),
    ],
)
def test_conditional_parameters_are_proposed_together(
    options: Mapping[str, Any], together: set[str], *, grouped: bool
) -> None:
    """TPE takes what only some trials have by groups; what the spec says counts more."""
    search = a_search(CONDITIONAL, samplerOptions=options)
    study = a_study(search)
    study.sampler = sampler(search, 1, grouped=grouped)
    taken(study, search.space, 12)
    trial = study.ask()

    found = study.sampler.infer_relative_search_space(study, study.trials[trial.number])
    assert set(found) == together


def test_a_threshold_without_bounds_is_refused() -> None:
    """It could stop nothing."""
    with pytest.raises(NoUse) as refused:
        pruner(pruning("Threshold"))

    assert refused.value.reason is Reason.SPEC_INVALID
    assert refused.value.message.startswith("spec.search.prunerOptions: Threshold: Either lower or")


def test_each_name_of_the_contract_is_known() -> None:
    """None of them ends a worker with a stack trace."""
    for name in Pruner:
        bounds = {"upper": 1.0} if name is Pruner.THRESHOLD else {}
        assert isinstance(pruner(pruning(str(name), **bounds)), pruners.BasePruner)
    for one in set(Sampler) - {Sampler.GP}:
        assert isinstance(sampler(a_search(sampler=str(one)), 1), BaseSampler)


def test_conditional_parameters_are_combinations_too() -> None:
    """A parameter that does not exist in a trial does not multiply it."""
    space = {
        "kind": {"categorical": ["tree", "linear"]},
        "depth": {"int": [1, 3], "when": {"parameter": "kind", "in": ["tree"]}},
    }
    search = a_search(space, sampler="BruteForce")
    study = a_study(search)
    found = taken(study, search.space, 4)

    assert sorted(str(one.get("depth")) for one in found) == ["1", "2", "3", "None"]
    assert nothing_left(study)
