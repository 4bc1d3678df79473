"""What to do when a forecast says that the steps of a rollout are too short, or too small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from leadsman_api.durations import format_duration
from leadsman_api.v1alpha1.health import JudgeRule
from leadsman_api.v1alpha1.rollout import OnUndecided, Rollout
from leadsman_operator.forecast.rollouts import Outcome
from leadsman_operator.forecast.rule import OperatorRule, times_of
from leadsman_operator.forecast.simulation import simulate
from leadsman_operator.forecast.summary import Summary
from leadsman_operator.forecast.traffic import Forecast
from leadsman_operator.planner.scene import FULL

SURE = 0.9
"""So often a bad candidate should be found before it gets all of the traffic."""
_LONGEST = timedelta(hours=2)
"""Time of one step within which it is looked for."""
_NEARLY = 1.1
"""A step that needs so many times the least is as good: it harms fewer."""
_ROLLOUTS = 200
_WEIGHTS = (10, 20, 50)
_TENFOLD = 9.95


def advice(forecast: Forecast, rule: OperatorRule, found: Summary, seed: int) -> Iterator[str]:
    """Sentences that say what the figures mean for the plan of the rollout."""
    tolerated = _tolerated_ratio(rule)
    times = _times_worse(forecast)
    if times <= 1.0:
        yield from _about_health(rule, found)
    elif times <= tolerated:
        yield (
            f"The candidate is {_times(times)} as bad as the stable revision, and {tolerated:g}x is"
            " tolerated: lower the ratio of the condition to find it."
        )
    elif found.rollback_probability >= SURE:
        median = _told(found.median_seconds_to_rollback or 0.0)
        yield f"A {_times(times)} regression is found after {median}: nothing has to change."
    elif len(rule.shares) > 1:
        yield _about_weight(forecast, rule, times, seed)
    else:
        yield _about_bake(forecast, rule, times, seed)


def _about_health(rule: OperatorRule, found: Summary) -> Iterator[str]:
    promise = (
        f"the promise is at most {rule.false_rollback_rate:.2%}"
        if rule.judge.rule is JudgeRule.SEQUENTIAL
        else f"the rule {rule.judge.rule} promises nothing"
    )
    yield (
        f"A healthy candidate is rolled back in {found.rollback_probability:.2%} of the rollouts;"
        f" {promise}."
    )
    shortest = timedelta(seconds=times_of(rule).shortest)
    median = found.median_seconds_to_promotion
    if median is not None and median > 1.5 * shortest.total_seconds():
        hint = "; larger steps help." if len(rule.shares) > 1 else "."
        yield (
            f"It is promoted after {_told(median)}, where {format_duration(shortest)} would do:"
            f" there is too little traffic to show its health sooner{hint}"
        )


def _about_weight(forecast: Forecast, rule: OperatorRule, times: float, seed: int) -> str:
    """How long a step of each weight needs to find it; the first that has the time is advised."""
    first = rule.rollout.steps[0]
    step = rule.rollout.deadline / len(rule.rollout.steps)
    begun = f"At {forecast.rate:g} requests per second a {_times(times)} regression"
    needs: dict[int, float] = {}
    for weight in sorted({first, *(one for one in _WEIGHTS if one > first)}, reverse=True):
        needed = _needed(forecast, rule, weight, seed)
        if needed is None:
            break  # a smaller weight shows less
        needs = {weight: needed, **needs}
    if not needs:
        longest = format_duration(_LONGEST)
        return f"{begun} can't be told from chance in {longest}, not at {max(first, *_WEIGHTS)} %."
    told = ", ".join(f"about {_told(need)} at {weight} %" for weight, need in needs.items())
    soon = next((one for one, need in needs.items() if need <= step.total_seconds()), None)
    if soon is not None and soon != first:
        return f"{begun} needs {told}: start at {soon} %."
    least = min(needs.values())
    enough = next(weight for weight, need in needs.items() if need <= _NEARLY * least)
    return (
        f"{begun} needs {told}: start at {enough} % and give that step {_told(needs[enough])};"
        " rollout.deadline is shared by all steps."
    )


def _about_bake(forecast: Forecast, rule: OperatorRule, times: float, seed: int) -> str:
    """How long all of the traffic needs to find it, where no step comes before."""
    begun = f"At {forecast.rate:g} requests per second a {_times(times)} regression"
    needed = _needed(forecast, rule, FULL, seed)
    if needed is None:
        return f"{begun} can't be told from chance in {format_duration(_LONGEST)}, not at 100 %."
    return (
        f"{begun} needs about {_told(needed)} at 100 %: let rollout.bake or rollout.deadline last"
        " longer, or take a Canary, which harms fewer meanwhile."
    )


def _needed(forecast: Forecast, rule: OperatorRule, weight: int, seed: int) -> float | None:
    """Seconds of one step after which it is found as often as it should be; None: too many."""
    held = Rollout(
        steps=(weight,),
        minimum_step_time=_LONGEST,
        deadline=_LONGEST,
        bake=timedelta(0),
        on_undecided=OnUndecided.PAUSE,
    )
    outcomes = simulate(forecast, replace(rule, rollout=held), _ROLLOUTS, seed)
    found = outcomes.share(Outcome.ROLLED_BACK)
    return outcomes.seconds(Outcome.ROLLED_BACK, SURE / found) if found >= SURE else None


def _times_worse(forecast: Forecast) -> float:
    """By how much the candidate is worse than the stable revision, by errors or by times."""
    errors = forecast.candidate_errors / max(forecast.stable_errors, 1e-9)
    return max(errors, forecast.latencies.slowdown if forecast.latencies else 1.0)


def _tolerated_ratio(rule: OperatorRule) -> float:
    ratios = [getattr(one, "ratio", None) for one in rule.conditions]
    return max((ratio for ratio in ratios if ratio is not None), default=1.0)


def _told(seconds: float) -> str:
    """A time, in whole minutes where it has several."""
    unit = 60 if seconds >= 180 else 1  # noqa: PLR2004 - three minutes
    return format_duration(timedelta(seconds=round(seconds / unit) * unit))


def _times(ratio: float) -> str:
    """A ratio as people say it: 1.5x, 3.3x, 100x."""
    return f"{ratio:.0f}x" if ratio >= _TENFOLD else f"{ratio:.2g}x"
