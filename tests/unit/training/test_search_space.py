"""What a search space of a TrainingRun makes of the trials of Optuna."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from leadsman_api.v1alpha1.space import Parameter
from leadsman_training.search_space import Space, Value, in_order, suggest

optuna.logging.set_verbosity(optuna.logging.WARNING)

SAMPLERS: tuple[Callable[[int], BaseSampler], ...] = (
    RandomSampler,
    lambda seed: TPESampler(n_startup_trials=2, seed=seed),
)


def a_space(**parameters: Mapping[str, Any]) -> Space:
    """A space as it is written in a resource."""
    return {name: Parameter.model_validate(written) for name, written in parameters.items()}


def trials_of(space: Space, sampler: BaseSampler, count: int = 6) -> list[dict[str, Value]]:
    """The parameters of some trials; each is told a value, so that samplers can learn."""
    study = optuna.create_study(sampler=sampler)
    trials = []
    for number in range(count):
        trial = study.ask()
        trials.append(suggest(space, trial))
        study.tell(trial, float(number))
    return trials


finite = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 6))
scalars = st.none() | st.booleans() | st.integers(-9, 9) | finite | st.text("abc", max_size=3)


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    """An int or float parameter with log, step or neither."""
    kind = draw(st.sampled_from(["int", "float"]))
    scale = draw(st.sampled_from(["log", "step", "plain"]))
    whole = st.integers(1 if scale == "log" else -500, 500)
    positive = st.floats(1e-6, 1e6).map(lambda number: max(round(number, 6), 1e-6))
    bound = whole if kind == "int" else positive if scale == "log" else finite
    bounds = sorted([draw(bound), draw(bound)])
    steps = st.integers(1, 50) if kind == "int" else st.sampled_from([0.1, 0.3, 0.25, 7.0])
    extras: dict[str, dict[str, Any]] = {
        "log": {"log": True},
        "step": {"step": draw(steps)},
        "plain": {},
    }
    return {kind: bounds, **extras[scale]}


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Categorical parameters, numbers, and numbers that exist for some of the choices."""
    choices = draw(st.lists(scalars, min_size=1, max_size=5))
    written: dict[str, Any] = {"deciding": {"categorical": choices}}
    for name in draw(st.sets(st.sampled_from("abcxyz"), max_size=4)):
        written[name] = draw(numbers())
        if draw(st.booleans()):
            when = draw(st.lists(st.sampled_from(choices), min_size=1))
            written[name]["when"] = {"parameter": "deciding", "in": when}
    return a_space(**written)


def is_within(value: Value, parameter: Parameter) -> bool:
    """Whether a value is one that the parameter allows."""
    if parameter.categorical is not None:
        return (type(value), value) in {(type(one), one) for one in parameter.categorical}
    if parameter.int_ is not None:
        low, high = parameter.int_
        return type(value) is int and low <= value <= high and is_on_grid(value, low, parameter)
    assert parameter.float_ is not None
    low_float, high_float = parameter.float_
    return (
        isinstance(value, float)
        and low_float <= value <= high_float + 1e-9 * max(1.0, abs(high_float))
        and is_on_grid(value, low_float, parameter)
    )


def is_on_grid(value: float, low: float, parameter: Parameter) -> bool:
    """Whether a value is a whole number of steps above the low bound."""
    if parameter.step is None:
        return True
    steps = (value - low) / parameter.step
    return abs(steps - round(steps)) < 1e-5


@settings(max_examples=60)
@given(spaces(), st.integers(0, 2**31 - 1), st.sampled_from(SAMPLERS))
def test_values_are_within_their_bounds(
    space: Space, seed: int, sampler: Callable[[int], BaseSampler]
) -> None:
    """Whatever the space and the sampler: bounds, grid, choices and types hold, without warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trials = trials_of(space, sampler(seed))

    for trial in trials:
        assert all(is_within(value, space[name]) for name, value in trial.items())


@settings(max_examples=40)
@given(spaces(), st.integers(0, 2**31 - 1))
def test_a_parameter_exists_exactly_when_its_condition_holds(space: Space, seed: int) -> None:
    """Types count: a condition on 1 does not hold for True."""
    for trial in trials_of(space, RandomSampler(seed)):
        chosen = trial["deciding"]
        for name, parameter in space.items():
            expected = parameter.when is None or any(
                type(chosen) is type(value) and chosen == value for value in parameter.when.in_
            )
            assert (name in trial) == expected


@settings(max_examples=30)
@given(spaces(), st.integers(0, 2**31 - 1), st.sampled_from(SAMPLERS), st.randoms())
def test_a_seed_gives_the_same_trials_however_the_space_was_written(
    space: Space, seed: int, sampler: Callable[[int], BaseSampler], order: random.Random
) -> None:
    """The API server sorts keys: neither that nor the author's order changes a search."""
    names = list(space)
    order.shuffle(names)
    shuffled = {name: space[name] for name in names}

    assert trials_of(space, sampler(seed)) == trials_of(shuffled, sampler(seed))


def test_conditions_reach_over_several_parameters() -> None:
    """What depends on an absent parameter is absent too; whoever decides is asked first."""
    space = a_space(
        a={"int": [1, 2], "when": {"parameter": "m", "in": ["yes"]}},
        m={"categorical": ["yes", "no"], "when": {"parameter": "z", "in": [True]}},
        z={"categorical": [True, False]},
    )
    shapes = {tuple(trial) for trial in trials_of(space, RandomSampler(1), count=40)}

    assert in_order(space) == ("z", "m", "a")
    assert shapes == {("z",), ("z", "m"), ("z", "m", "a")}


@pytest.mark.parametrize(
    ("written", "values"),
    [
        pytest.param({"int": [0, 10], "step": 4}, {0, 4, 8}, id="a step that misses the end"),
        pytest.param({"int": [3, 3]}, {3}, id="one whole number"),
        pytest.param({"float": [0.0, 0.3], "step": 0.1}, {0.0, 0.1, 0.2, 0.3}, id="decimal steps"),
        pytest.param({"float": [0.0, 1.0], "step": 0.3}, {0.0, 0.3, 0.6, 0.9}, id="a last step"),
        pytest.param({"float": [2.0, 3.0], "step": 5}, {2.0}, id="a step wider than the range"),
        pytest.param({"categorical": ["a", 1, 1.5, None]}, {"a", 1, 1.5, None}, id="choices"),
    ],
)
def test_small_spaces_give_all_of_their_values(
    written: Mapping[str, Any], values: set[Value]
) -> None:
    """The ends belong to the range, and nothing outside comes."""
    trials = trials_of(a_space(x=written), RandomSampler(3), count=60)
    found = {round(x, 9) if isinstance(x := trial["x"], float) else x for trial in trials}

    assert found == values


def test_choices_that_python_takes_for_equal_stay_apart() -> None:
    """1, True and 1.0 are three choices."""
    space = a_space(x={"categorical": [1, True, 1.0]})
    trials = trials_of(space, RandomSampler(5), count=40)

    assert {(type(trial["x"]), trial["x"]) for trial in trials} == {
        (int, 1),
        (bool, True),
        (float, 1.0),
    }


def test_steps_finer_than_floats_are_none() -> None:
    """A range too wide for its step is searched as if it had none."""
    space = a_space(x={"float": [-1e300, 1e300], "step": 1e-3})

    assert len({trial["x"] for trial in trials_of(space, RandomSampler(5))}) == 6


def test_optuna_records_what_was_suggested() -> None:
    """The study knows the parameters by name, with their distributions."""
    study = optuna.create_study(sampler=RandomSampler(2))
    space = a_space(rate={"float": [0.001, 0.3], "log": True}, depth={"int": [2, 12], "step": 2})

    trial = study.ask()

    assert suggest(space, trial) == trial.params
    assert trial.distributions == {
        "rate": optuna.distributions.FloatDistribution(0.001, 0.3, log=True),
        "depth": optuna.distributions.IntDistribution(2, 12, step=2),
    }


def test_parameters_that_were_given_beforehand_are_taken() -> None:
    """The champion's parameters can be the first trial."""
    study = optuna.create_study(sampler=RandomSampler(2))
    given_beforehand = {"kind": "tree", "depth": 7}
    study.enqueue_trial(given_beforehand)
    space = a_space(
        kind={"categorical": ["tree", "linear"]},
        depth={"int": [2, 12], "when": {"parameter": "kind", "in": ["tree"]}},
    )

    assert suggest(space, study.ask()) == given_beforehand
