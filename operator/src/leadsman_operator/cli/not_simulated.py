"""What a simulation does not follow of a ModelDeployment, and what it supposes in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leadsman_api import ModelDeployment
from leadsman_api.v1alpha1.health import Latency, PromQL, WrongAnswers
from leadsman_operator.forecast.rule import OperatorRule
from leadsman_operator.forecast.traffic import Forecast


@dataclass(frozen=True, slots=True)
class NotSimulated:
    """One field."""

    field: str
    supposed: str


def not_simulated(
    resource: ModelDeployment, plan: OperatorRule, forecast: Forecast
) -> Iterator[NotSimulated]:
    """All fields that would change what a rollout does, and change nothing here."""
    spec = resource.spec
    if spec.rollout.approval.required:
        yield NotSimulated("spec.rollout.approval", "every approval is there at once")
    if spec.rollout.paused:
        yield NotSimulated("spec.rollout.paused", "the rollout goes on")
    scaling = spec.scaling
    by_pods = plan.pods is not None and len(plan.shares) > 1
    if by_pods and scaling.min_replicas < scaling.max_replicas:
        yield NotSimulated(
            "spec.scaling.maxReplicas",
            f"the stable revision has minReplicas ({scaling.min_replicas}) pods all the time",
        )
    for one in spec.health.conditions:
        field = f"spec.health.conditions[{one.name}]"
        if isinstance(one, PromQL):
            yield NotSimulated(field, "its query always gives a number within its bounds")
        elif isinstance(one, WrongAnswers):
            yield NotSimulated(field, "no answer is labelled")
        elif isinstance(one, Latency) and forecast.latencies is None:
            yield NotSimulated(field, "times stay good: write --stable-p50 and --stable-p99")
