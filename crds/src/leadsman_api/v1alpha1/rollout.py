"""How traffic moves to a new revision, and how it comes back."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract, nested
from leadsman_api.lists import ATOMIC
from leadsman_api.rules import Rule, needed_with, only_with
from leadsman_api.v1alpha1.command import Command
from leadsman_api.v1alpha1.shadow import Shadow
from leadsman_api.values import Duration, PositiveDuration, Time, VersionNumber, Word
from leadsman_api.vocabulary import Term


class Strategy(Term):
    """How a candidate gets its traffic."""

    CANARY = "Canary", "step by step while the evidence is read."
    BLUE_GREEN = "BlueGreen", "all at once, after the candidate is ready and was approved or tried."
    SHADOW = "Shadow", "copies of requests first, whose answers nobody sees; then all at once."
    SWAP = "Swap", "the old one stops before the new one starts: for nodes with room for one."


class OnUndecided(Term):
    """What to do when the time is up and the evidence says neither good nor bad."""

    PROMOTE = "Promote", "go on: no harm was shown."
    ROLL_BACK = "RollBack", "go back: no health was shown."
    PAUSE = "Pause", "wait for a person."


class OnBlind(Term):
    """What to do while there is no data."""

    HOLD = "Hold", "keep the weights and wait for data."
    ROLL_BACK = "RollBack", "go back at the deadline."
    PAUSE = "Pause", "wait for a person at the deadline."


class ApprovalPoint(Term):
    """What waits for the approval."""

    PROMOTION = "Promotion", "the step to full traffic."
    FIRST_STEP = "FirstStep", "the first request to the candidate."
    EVERY_STEP = "EveryStep", "each step."


class ApprovalGrant(Contract):
    """A person's yes, told by whoever may write the resource."""

    version: VersionNumber
    """Version that is approved; a grant for another version counts for nothing."""
    by: Word
    """User name of the approver."""
    at: Time | None = None
    """When it was given."""
    step: Annotated[int, Field(ge=1, le=100)] | None = None
    """Weight of the step that is approved, where every step needs it."""


class Approval(Contract):
    """Whether a person has to say yes."""

    required: bool = False
    """Wait for a grant."""
    granted: ApprovalGrant | None = None
    """The grant."""


class RolloutApproval(Approval):
    """Whether a person has to say yes, and to what."""

    before: ApprovalPoint = ApprovalPoint.PROMOTION
    """What waits for the approval."""


class Swap(Contract):
    """A change with an interruption."""

    downtime_budget: PositiveDuration
    """Longest interruption that is allowed. Half of it is for the candidate to become ready, half
    for the way back."""


def _rise(rollout: Rollout) -> bool:
    return all(lower < higher for lower, higher in pairwise(rollout.steps))


def _fits(rollout: Rollout) -> bool:
    return rollout.minimum_step_time * len(rollout.steps) <= rollout.deadline


class Rollout(Contract):
    """How traffic moves to a new revision."""

    invariants = (
        Rule(
            cel="self.steps.all(step, self.steps.exists_one(other, other == step))"
            " && self.steps.isSorted()",
            check=_rise,
            message="steps must rise, each above the one before, such as [10, 30, 60]",
            field="steps",
        ),
        Rule(
            cel="duration(self.minimumStepTime).getSeconds() * size(self.steps)"
            " <= duration(self.deadline).getSeconds()",
            check=_fits,
            message="deadline ({deadline}) is too short for steps of minimumStepTime "
            "({minimumStepTime}) each: raise deadline, or lower minimumStepTime or the number of "
            "steps",
            field="deadline",
        ),
        only_with("shadow", by="strategy", values=["Shadow"]),
        only_with("swap", by="strategy", values=["Swap"]),
        needed_with(
            "swap", by="strategy", value="Swap", advice="write swap.downtimeBudget, such as 2m"
        ),
    )

    strategy: Strategy = Strategy.CANARY
    """How a candidate gets its traffic."""
    steps: Annotated[
        tuple[Annotated[int, Field(ge=1, le=100)], ...], Field(min_length=1, max_length=20)
    ] = Field(default=(10, 30, 60), json_schema_extra=ATOMIC)
    """Percent of the traffic in each step of a Canary, before all of it."""
    minimum_step_time: Duration = Field(default="60s", validate_default=True)
    """Shortest time of a step, however clear the evidence is."""
    deadline: PositiveDuration = Field(default="30m", validate_default=True)
    """Longest time to full traffic; after it onUndecided or onBlind decides. The pods of each step
    have as long to become ready."""
    on_undecided: OnUndecided = OnUndecided.PROMOTE
    """What to do when the time is up and the evidence says neither good nor bad."""
    on_blind: OnBlind = OnBlind.HOLD
    """What to do while there is no data: no data is never evidence against a model."""
    approval: RolloutApproval = nested(RolloutApproval)
    """Whether a person has to say yes."""
    bake: Duration = Field(default="15m", validate_default=True)
    """Time after full traffic in which evidence still counts and the way back is one flip."""
    keep_previous: Duration = Field(default="1h", validate_default=True)
    """Time that the last stable revision is kept warm after the bake."""
    paused: bool = False
    """Stop where the rollout stands, until this is false again."""
    command: Command | None = None
    """What a person asks for, once; `kubectl leadsman` writes it, no repository needs it."""
    shadow: Shadow | None = None
    """How requests are copied, for strategy Shadow."""
    swap: Swap | None = None
    """What the interruption may cost, for strategy Swap."""

    @property
    def weights(self) -> tuple[int, ...]:
        """Percent of the traffic in each step before all of it; 0 where copies are judged."""
        return {Strategy.CANARY: self.steps, Strategy.SHADOW: (0,)}.get(self.strategy, ())


class Rollback(Contract):
    """What happens when the evidence turns bad."""

    enabled: bool = True
    """Go back by ourselves; when false the rollout only stops and says so."""
    move_alias: bool = False
    """Write the alias back to the good version, so that other readers of it follow."""
