"""What the operator reports about a ModelDeployment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.conditions import Condition
from leadsman_api.contract import Contract
from leadsman_api.lists import ATOMIC, Distinct
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.command import CommandAnswer
from leadsman_api.v1alpha1.evidence import Evidence, Past, Verdict
from leadsman_api.values import Count, Percent, Sentence, Time, VersionNumber, Word
from leadsman_api.vocabulary import Term


class DeploymentPhase(Term):
    """Where a ModelDeployment stands, in one word for people."""

    PENDING = "Pending", "nothing serves yet."
    STABLE = "Stable", "the wanted version carries all of the traffic."
    ROLLING_OUT = "RollingOut", "a candidate is being tried."
    PAUSED = "Paused", "a rollout waits for a person."
    BAKING = "Baking", "full traffic, and evidence still counts."
    ROLLING_BACK = "RollingBack", "the traffic goes back."
    ROLLED_BACK = "RolledBack", "the wanted version was rolled back, the one before serves."
    FAILED = "Failed", "nothing serves and only the user can help."
    DELETING = "Deleting", "everything is being taken away, in order."


class RevisionStatus(Contract):
    """One revision: an immutable thing that serves."""

    name: Word
    """Name of the revision and of its Deployment."""
    version: VersionNumber
    """Version in the registry."""
    version_created_at: Time | None = None
    """When the registry made it, by which a version that was made anew is told apart."""
    source: Sentence | None = None
    """Where the registry keeps its files."""
    digest: Word | None = None
    """Content digest of its files."""
    spec_hash: Word | None = None
    """Hash of the serving spec and of the ConfigMaps and Secrets it uses."""
    backend: Word | None = None
    """The plan that serves."""
    backend_because: Sentence | None = None
    """Why that one and not a faster one."""
    largest_difference: float | None = None
    """Largest difference between the plan's answers and the original's."""
    replicas: Count = 0
    """Pods that are wanted."""
    ready_replicas: Count = 0
    """Pods that are ready."""
    since: Time | None = None
    """Since when it plays its part."""
    keep_until: Time | None = None
    """Until when it is kept warm."""
    left_by: Word | None = None
    """Who went back from it to one of before; nobody when it gave way to a later one."""


class BlockedRevision(Contract):
    """A revision that was rolled back and is not tried again by itself."""

    name: Word
    """Name of the revision."""
    version: VersionNumber
    """Version in the registry."""
    at: Time
    """When it was rolled back."""
    reason: Reason
    """Why."""


class RolloutStatus(Contract):
    """Where a rollout stands."""

    step: Count
    """Number of the step, from 0."""
    step_weight: Percent
    """Percent of the traffic that the step asks for."""
    realised_weight: float | None = None
    """Percent that the candidate really gets, where pods can't be split finely."""
    started_at: Time
    """When the rollout began."""
    step_started_at: Time
    """When the step began."""
    awaited_since: Time | None = None
    """Since when the pods of the next step are awaited; none are when absent."""
    promoted_at: Time | None = None
    """When the candidate got full traffic."""
    ready_by: Time | None = None
    """Until when the candidate of a Swap has to be ready, once the stable revision has made room
    for it."""
    copied_since: Time | None = None
    """Since when the candidate of a Shadow gets copies of requests; not any more when absent."""
    paused_at: Time | None = None
    """When it was stopped."""
    paused_by: Word | None = None
    """Who stopped it by a command; nobody when the spec did."""
    overruled_by: Word | None = None
    """Who went on although the evidence spoke against it."""
    going_back_at: Time | None = None
    """When somebody asked to go back to the stable revision after the end of the bake."""
    going_back_by: Word | None = None
    """Who that was."""
    restored_by: Word | None = None
    """Who asked for this candidate, which carried the traffic before: it gets all of it in one
    step and needs no approval."""


class TrafficStatus(Contract):
    """What was last written into the routes of a gateway."""

    stable: Percent
    """Weight of the Service of the stable revision."""
    candidate: Percent
    """Weight of the Service of the candidate."""
    copied: bool = False
    """Whether requests are copied to the candidate."""
    written_at: Time
    """When they were written."""
    disputes: Count = 0
    """How often somebody else has written other weights into the route since."""


class Transition(Contract):
    """One thing that happened."""

    at: Time
    """When."""
    reason: Reason
    """What, as one word of a closed list."""
    message: Sentence
    """What and why, as one sentence with the evidence."""
    from_revision: Word | None = None
    """Revision that carried the traffic before."""
    to_revision: Word | None = None
    """Revision that it is about."""
    weight: Percent | None = None
    """Percent of the traffic after it."""
    verdict: Verdict | None = None
    """What the judge said."""
    by: Word | None = None
    """Who asked for it, where a person did."""


class AliasMove(Contract):
    """The alias pointed somewhere else."""

    alias: Word
    """The alias."""
    version: VersionNumber
    """Version that it points at since."""
    previous_version: VersionNumber | None = None
    """Version that it pointed at before."""
    at: Time
    """When it was seen."""
    by_operator: bool = False
    """Whether we moved it ourselves."""
    message: Sentence | None = None
    """Why, where we know."""


class RetrainingStatus(Contract):
    """Where retraining stands."""

    last_run: Word | None = None
    """Name of the latest TrainingRun."""
    last_started_at: Time | None = None
    """When it was made."""
    last_trigger: Word | None = None
    """What started it."""
    next_scheduled_at: Time | None = None
    """When the schedule fires next."""
    rejected_in_a_row: Count = 0
    """Versions in a row that failed the gate."""


class ModelDeploymentStatus(Contract):
    """What the operator reports about a ModelDeployment."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """Generation of the spec that this is about."""
    phase: DeploymentPhase | None = None
    """Where it stands, in one word."""
    message: Sentence | None = None
    """Where it stands, in one sentence."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=32), Distinct(by="type")] = ()
    """What holds and what does not, each with its reason."""
    stable: RevisionStatus | None = None
    """The revision that carries the traffic."""
    candidate: RevisionStatus | None = None
    """The revision that is being tried."""
    previous: RevisionStatus | None = None
    """The last stable revision, kept warm."""
    kept: Annotated[tuple[RevisionStatus, ...], Field(max_length=100)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """Revisions that carried the traffic before and can be gone back to, the latest first."""
    weight: Percent | None = None
    """Percent of the traffic that goes to the candidate."""
    rollout: RolloutStatus | None = None
    """Where the rollout stands."""
    traffic: TrafficStatus | None = None
    """The weights of the routes; only where a gateway splits the traffic."""
    evidence: Evidence | None = None
    """What the rollout has shown so far."""
    past: Past | None = None
    """What the stable revision has counted at rest, for the next rollout to be judged by."""
    blocked: Annotated[tuple[BlockedRevision, ...], Field(max_length=20), Distinct(by="name")] = ()
    """Revisions that were rolled back and are not tried again by themselves."""
    history: Annotated[tuple[Transition, ...], Field(max_length=20)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """The last 20 things that happened, the latest first."""
    alias_history: Annotated[tuple[AliasMove, ...], Field(max_length=20)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """The last 20 moves of the alias, the latest first."""
    commands: Annotated[tuple[CommandAnswer, ...], Field(max_length=20)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """What came of the last 20 commands, the latest first."""
    retraining: RetrainingStatus | None = None
    """Where retraining stands."""
    url: Word | None = None
    """Address of the model."""
    replicas: Count | None = None
    """Pods of all revisions."""
    ready_replicas: Count | None = None
    """Ready pods of all revisions."""
    selector: Annotated[str, Field(max_length=1024)] | None = None
    """Label selector of these pods, for `kubectl scale` and autoscalers."""
