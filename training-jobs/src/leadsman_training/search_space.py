"""From the search space of a TrainingRun to the parameters of one trial.

Pure: it asks whatever has the suggesting half of Optuna's Trial. The order of asking
depends on nothing but the space, so that a seed gives the same trials everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol, TypeAlias

from leadsman_api.v1alpha1.space import Parameter

Value: TypeAlias = str | bool | int | float | None
Space: TypeAlias = Mapping[str, Parameter]

_DISTINCT_FLOATS = 2**53


class Suggesting(Protocol):
    """What is needed of a trial; Optuna's own have it."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number within the bounds, on the grid of `step` if there is one."""
        ...

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """A whole number within the bounds."""
        ...

    def suggest_categorical(self, name: str, choices: Sequence[Value]) -> Value:
        """One of the choices."""
        ...


def suggest(space: Space, trial: Suggesting) -> dict[str, Value]:
    """The parameters of a trial; those whose condition does not hold are absent."""
    chosen: dict[str, Value] = {}
    for name in in_order(space):
        if _exists(space[name], chosen):
            chosen[name] = _suggest_one(name, space[name], trial)
    return chosen


def in_order(space: Space) -> tuple[str, ...]:
    """The names, each after the parameter that decides whether it exists.

    By name among equals and not as written: the API server sorts the keys of a map, and
    the order of asking decides which random number goes to which parameter.
    """
    return tuple(sorted(space, key=lambda name: (_depth(name, space), name)))


def _depth(name: str, space: Space) -> int:
    """How many conditions stand before a parameter; the contract refuses circles."""
    when = space[name].when
    return 0 if when is None else 1 + _depth(when.parameter, space)


def _exists(parameter: Parameter, chosen: Mapping[str, Value]) -> bool:
    """Whether its condition holds; not if the parameter that decides is itself absent."""
    when = parameter.when
    if when is None:
        return True
    return when.parameter in chosen and any(
        _is_same(chosen[when.parameter], value) for value in when.in_
    )


def _is_same(one: Value, other: Value) -> bool:
    """Equality of YAML: to Python, 1 and True and 1.0 are the same."""
    return type(one) is type(other) and one == other


def _suggest_one(name: str, parameter: Parameter, trial: Suggesting) -> Value:
    log = bool(parameter.log)
    if parameter.int_ is not None:
        return _suggest_int(name, parameter.int_, parameter.step, trial, log=log)
    if parameter.float_ is not None:
        return _suggest_float(name, parameter.float_, parameter.step, trial, log=log)
    if parameter.categorical is not None:
        return _suggest_choice(name, parameter.categorical, trial)
    raise AssertionError(f"{name} has no kind: the contract lets none through")


def _suggest_int(
    name: str, bounds: Sequence[int], step: float | None, trial: Suggesting, *, log: bool
) -> int:
    low, high = bounds
    width = int(step or 1)
    # Optuna would do the same, and warn in every trial.
    return trial.suggest_int(name, low, high - (high - low) % width, step=width, log=log)


def _suggest_float(
    name: str, bounds: Sequence[float], step: float | None, trial: Suggesting, *, log: bool
) -> float:
    low, high = bounds
    if step is None or (high - low) / step > _DISTINCT_FLOATS:
        # Steps finer than floats can tell apart are none.
        return trial.suggest_float(name, low, high, log=log)
    return trial.suggest_float(name, low, _last_on_grid(low, high, step), step=step)


def _last_on_grid(low: float, high: float, step: float) -> float:
    """The largest low + n * step up to high; decimal, since 0.1 * 3 is not 0.3 in binary."""
    exact_low, exact_high, exact_step = (Decimal(str(number)) for number in (low, high, step))
    return float(exact_low + (exact_high - exact_low) // exact_step * exact_step)


def _suggest_choice(name: str, choices: Sequence[Value], trial: Suggesting) -> Value:
    written = {json.dumps(choice): choice for choice in choices}
    if len(written) == len(set(written.values())):
        return trial.suggest_categorical(name, list(written.values()))
    # Among [1, true] Optuna would record the first for both: it finds a choice by
    # Python's equality. As texts they stay apart.
    return written[str(trial.suggest_categorical(name, list(written)))]
