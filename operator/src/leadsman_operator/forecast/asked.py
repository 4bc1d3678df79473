"""What the judge asks of the counts: the conditions of a ModelDeployment, as comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leadsman_api.labels import Arm
from leadsman_api.metrics import LATENCY_BOUNDS
from leadsman_api.v1alpha1.evidence import Series
from leadsman_api.v1alpha1.health import HealthCondition, PromQL
from leadsman_operator.forecast.latency import Latencies
from leadsman_operator.forecast.traffic import Forecast, Kind
from leadsman_operator.planner.judge.sequential import Limit
from leadsman_operator.planner.judge.series import wanted_series

_ANSWERS = 1e9
"""Answers of a stable revision whose times are known exactly."""


@dataclass(frozen=True, slots=True)
class Question:
    """One comparison of a condition."""

    condition: str
    kind: Kind
    limit: Limit


Asked = tuple[int, Question]
"""The row of the counts that answers a question."""


def questions(conditions: Sequence[HealthCondition], forecast: Forecast) -> tuple[Question, ...]:
    """All comparisons that the judge makes; none for what the forecast says nothing about."""
    latencies = forecast.latencies
    times = {} if latencies is None else _times(latencies)
    return tuple(
        Question(
            one.condition,
            _kind(one, forecast),
            Limit(ratio=one.ratio, share=one.share),
        )
        for one in wanted_series(conditions, {Arm.STABLE: times})
        if not one.copies and not one.labelled
    )


def are_counted(conditions: Sequence[HealthCondition]) -> int:
    """Conditions that share the evidence of counts: each has its part, forecast or not."""
    return sum(not isinstance(one, PromQL) for one in conditions)


def errors_of(forecast: Forecast) -> Kind:
    """Answers that fail."""
    return Kind(forecast.stable_errors, forecast.candidate_errors)


def slower_than(latencies: Latencies, stable: float, candidate: float) -> Kind:
    """Answers that take longer than a bound of each arm, in seconds."""
    return Kind(latencies.slower(stable), latencies.slower(candidate, latencies.slowdown))


def _kind(series: Series, forecast: Forecast) -> Kind:
    stable, candidate = series.stable_bound, series.candidate_bound
    if forecast.latencies is None or stable is None or candidate is None:
        return errors_of(forecast)
    return slower_than(forecast.latencies, stable, candidate)


def _times(latencies: Latencies) -> dict[str, float]:
    """Counters as those of pods: answers within each bound of the serving runtime's histogram."""
    within = {f"le={bound:g}": _ANSWERS * (1 - latencies.slower(bound)) for bound in LATENCY_BOUNDS}
    return {**within, "le=+Inf": _ANSWERS}
