"""What training aims at, and what a version must show before it may carry the alias."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract, nested
from leadsman_api.lists import ATOMIC, Distinct
from leadsman_api.rules import Rule, at_least_one_of, exactly_one_of, in_order
from leadsman_api.v1alpha1.rollout import Approval
from leadsman_api.values import Alias, Column, Metric, PositiveDuration, Quantity, VersionNumber
from leadsman_api.vocabulary import Term


class Direction(Term):
    """Which way is better."""

    MAXIMIZE = "maximize", "more is better."
    MINIMIZE = "minimize", "less is better."


class FurtherObjective(Contract):
    """One more thing that is optimised at the same time."""

    metric: Metric
    """Metric that is optimised."""
    direction: Direction = Direction.MAXIMIZE
    """Which way is better."""


class Constraint(Contract):
    """What a trial must keep to be eligible."""

    invariants = (
        at_least_one_of("min", "max", because="a constraint bounds its metric"),
        in_order("min", "max"),
    )

    metric: Metric
    """Metric that is bounded."""
    min: float | None = None
    """Lowest value that is allowed."""
    max: float | None = None
    """Highest value that is allowed."""


class Objective(Contract):
    """What training aims at."""

    invariants = (
        Rule(
            cel="!has(self.additional) || !self.additional.exists(one, one.metric == self.metric)",
            check=lambda objective: (
                objective.metric not in {one.metric for one in objective.additional}
            ),
            message="additional must not repeat the metric of the objective: take it out",
            field="additional",
        ),
        Rule(
            cel="!has(self.goal) || !has(self.additional) || size(self.additional) == 0",
            check=lambda objective: objective.goal is None or not objective.additional,
            message="goal belongs to a single objective: leave out goal or additional",
            field="goal",
        ),
    )

    metric: Metric
    """Metric that is optimised, on held-out folds."""
    direction: Direction = Direction.MAXIMIZE
    """Which way is better."""
    goal: float | None = None
    """Value at which the search ends early."""
    additional: Annotated[
        tuple[FurtherObjective, ...], Field(max_length=4), Distinct(by="metric")
    ] = ()
    """Further metrics that are optimised at the same time; status shows the Pareto front."""
    constraints: Annotated[tuple[Constraint, ...], Field(max_length=16), Distinct(by="metric")] = ()
    """What a trial must keep to be eligible."""


class Champion(Contract):
    """The version that a new one is compared with."""

    invariants = (exactly_one_of("alias", "version"),)

    alias: Alias | None = None
    """The version that carries this alias."""
    version: VersionNumber | None = None
    """This version."""


class GateRule(Contract):
    """One thing that a version must show on the held-out rows."""

    invariants = (
        at_least_one_of("min", "max", "margin", because="without it nothing is checked"),
        in_order("min", "max"),
    )

    metric: Metric
    """Metric that is computed for champion and challenger."""
    direction: Direction = Direction.MAXIMIZE
    """Which way is better."""
    min: float | None = None
    """Lowest value that passes."""
    max: float | None = None
    """Highest value that passes."""
    margin: float | None = None
    """How much better than the champion it must be; negative: how much worse it may be."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """How sure the comparison must be."""
    slice_by: Column | None = None
    """Column whose every value is checked apart; the worst one counts."""


class SignaturePolicy(Term):
    """What may change in the model's inputs and outputs."""

    COMPATIBLE = "Compatible", "nothing that a client of the champion would notice."
    ANY = "Any", "everything."


class Gate(Contract):
    """What a version must show before it may carry the alias."""

    against: Champion = Champion(alias="champion")
    """The version to compare with; when there is none, only the absolute bounds count."""
    rules: Annotated[tuple[GateRule, ...], Field(max_length=16)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """What is checked; the objective's metric, worse by a hundredth at most, when left out."""
    max_latency: PositiveDuration | None = None
    """Longest time for one row, measured with the serving runtime."""
    max_size: Quantity | None = None
    """Largest size of the model's files, such as 200Mi."""
    signature: SignaturePolicy = SignaturePolicy.COMPATIBLE
    """What may change in the model's inputs and outputs."""


class Promotion(Contract):
    """What happens to a version that passed the gate."""

    alias: Alias = "champion"
    """Alias that the version gets."""
    approval: Approval = nested(Approval)
    """Whether a person has to say yes."""
