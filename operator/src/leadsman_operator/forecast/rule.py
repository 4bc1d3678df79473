"""How the operator leads a rollout, as a ModelDeployment says it."""

from __future__ import annotations

from dataclasses import dataclass, field

from leadsman_api.v1alpha1.health import DEFAULT_CONDITIONS, HealthCondition, Judge
from leadsman_api.v1alpha1.rollout import OnBlind, OnUndecided, Rollout, Strategy
from leadsman_operator.forecast.asked import questions
from leadsman_operator.forecast.traffic import Forecast, Kind
from leadsman_operator.planner.judge.checks import shortest_step_of
from leadsman_operator.planner.scene import FULL, pods_for


@dataclass(frozen=True, slots=True)
class PodShares:
    """Traffic that is split by the numbers of pods, where no gateway has weights."""

    stable: int
    """Pods of the stable revision."""
    most: int
    """Pods that a revision has at most."""

    def realised(self, weight: int) -> float:
        """Share of the requests that a step of so many percent gets."""
        if weight >= FULL:
            return 1.0
        candidate = pods_for(weight, self.stable, self.most)
        return candidate / (candidate + self.stable)


@dataclass(frozen=True, slots=True)
class OperatorRule:
    """The rule of the operator, as a ModelDeployment sets it."""

    rollout: Rollout = field(default_factory=Rollout)
    conditions: tuple[HealthCondition, ...] = DEFAULT_CONDITIONS
    false_rollback_rate: float = 0.01
    judge: Judge = field(default_factory=Judge)
    rolls_back: bool = True
    """Whether a bad candidate goes; otherwise it stays until a person decides."""
    pods: PodShares | None = None
    """What splits the traffic; None: a gateway, exactly."""

    def kinds(self, forecast: Forecast) -> tuple[Kind, ...]:
        """What it looks at: one kind of answers for each question of its conditions."""
        return tuple(one.kind for one in questions(self.conditions, forecast))

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the requests in each step, and in the bake."""
        weights = (*self.rollout.weights, FULL)
        if self.pods is None:
            return tuple(weight / FULL for weight in weights)
        return tuple(map(self.pods.realised, weights))


@dataclass(frozen=True, slots=True)
class Times:
    """The times of a rollout in seconds, and what is done when they are over."""

    shortest_step: float
    longest_step: float
    deadline: float
    bake: float
    on_undecided: OnUndecided
    on_blind: OnBlind
    yardstick: float
    """For how long a Swap counts the stable revision first; 0 for others."""
    budget: float
    """Longest interruption of a Swap."""
    shortest: float
    """Until a promotion, where the evidence is clear at once."""
    longest: float
    """After it nothing is left to decide, while there is data."""


def times_of(rule: OperatorRule) -> Times:
    """Read a plan; the longest time of a step is its part of the deadline."""
    rollout, steps = rule.rollout, len(rule.rollout.weights)
    deadline, bake = rollout.deadline.total_seconds(), rollout.bake.total_seconds()
    shortest_step = shortest_step_of(rollout.minimum_step_time, rule.judge).total_seconds()
    longest_step = max(shortest_step, deadline / max(1, steps))
    swap = rollout.swap if rollout.strategy is Strategy.SWAP else None
    yardstick = rollout.minimum_step_time.total_seconds() if swap is not None else 0.0
    budget = swap.downtime_budget.total_seconds() if swap is not None else 0.0
    return Times(
        shortest_step=shortest_step,
        longest_step=longest_step,
        deadline=deadline,
        bake=bake,
        on_undecided=rollout.on_undecided,
        on_blind=rollout.on_blind,
        yardstick=yardstick,
        budget=budget,
        shortest=yardstick + shortest_step * steps + bake,
        longest=yardstick + budget + (longest_step * steps or deadline) + bake,
    )
