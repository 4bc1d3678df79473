"""What the operator reports about a TrainingRun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from leadsman_api.conditions import Condition
from leadsman_api.contract import UNTYPED, Contract
from leadsman_api.lists import ATOMIC, Distinct
from leadsman_api.reasons import Reason
from leadsman_api.values import Count, Duration, Sentence, Time, VersionNumber, Word
from leadsman_api.vocabulary import Term


class RunPhase(Term):
    """Where a TrainingRun stands, in one word for people."""

    PENDING = "Pending", "nothing has started yet."
    SCHEDULED = "Scheduled", "another run is made at each time of the schedule."
    QUEUED = "Queued", "the queue has not admitted the pods yet."
    SEARCHING = "Searching", "trials are running."
    CONCLUDING = "Concluding", "the best parameters are fitted again and judged."
    WAITING_FOR_APPROVAL = "WaitingForApproval", "a person has to say yes."
    SUSPENDED = "Suspended", "the spec asks to stop here."
    SUCCEEDED = "Succeeded", "the version is registered and has what the gate allows."
    REJECTED = "Rejected", "the version is registered, and the gate keeps the alias from it."
    FAILED = "Failed", "there is no version."


class TrialCounts(Contract):
    """How many trials there are."""

    complete: Count = 0
    """Trials that ended with a value."""
    pruned: Count = 0
    """Trials that were stopped as hopeless."""
    failed: Count = 0
    """Trials that failed by themselves."""
    running: Count = 0
    """Trials that run now."""
    disrupted: Count = 0
    """Trials whose pod was taken away, or that are run again with more memory."""
    progress: Word | None = None
    """Finished trials of all that are to be run, such as 37/100."""


class TrialSummary(Contract):
    """One trial."""

    number: Count
    """Number of the trial."""
    value: float | None = None
    """Its value, by the objective's metric."""
    values: Mapping[str, float] = Field(default_factory=dict, max_length=16)
    """Its values by metric, where there are several."""
    parameters: Mapping[str, Any] = Field(
        default_factory=dict, max_length=128, json_schema_extra={"type": "object", **UNTYPED}
    )
    """Its parameters."""
    run_id: Word | None = None
    """Its MLflow run."""


class GateCheck(Contract):
    """One rule of the gate, with every number."""

    metric: Word
    """Metric that was computed."""
    passed: bool
    """Whether the rule was passed; a value that is missing passes nothing."""
    message: Sentence
    """Why, as one sentence with numbers."""
    slice: Word | None = None
    """Part of the rows that decided, where the rule asks for parts."""
    challenger: float | None = None
    """Value of the new version."""
    champion: float | None = None
    """Value of the version it was compared with."""
    difference: float | None = None
    """How much better the new version is."""
    low: float | None = None
    """Lower end of the interval of the difference."""
    high: float | None = None
    """Upper end of the interval of the difference."""
    margin: float | None = None
    """How much better it had to be; negative: how much worse it might be."""
    confidence: float | None = None
    """How sure the comparison had to be."""
    min: float | None = None
    """Lowest value that passes."""
    max: float | None = None
    """Highest value that passes."""
    rows: Count | None = None
    """Rows that decided."""


class GateStatus(Contract):
    """What the gate said."""

    passed: bool
    """Whether every rule was passed."""
    champion_version: VersionNumber | None = None
    """Version that it was compared with."""
    rows: Count | None = None
    """Held-out rows that both were scored on."""
    checks: Annotated[tuple[GateCheck, ...], Field(max_length=32)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """What each rule said."""


class ReproductionVerdict(Term):
    """How alike the two models are."""

    EXACT = "Exact", "the same model, to the last bit of what is stored."
    STATISTICAL = "Statistical", "the same predictions within the tolerance."
    NOT_REPRODUCIBLE = "NotReproducible", "different predictions."


class ReproductionStatus(Contract):
    """What training again has shown."""

    verdict: ReproductionVerdict
    """How alike the two models are."""
    first_difference: Sentence | None = None
    """The first input that differs: data, trainer, parameters, seed, code, packages or image."""
    largest_difference: float | None = None
    """Largest difference of a prediction."""


class Timings(Contract):
    """How long things took."""

    started_at: Time | None = None
    """When the run began."""
    finished_at: Time | None = None
    """When it ended."""
    queued: Duration | None = None
    """Time until the pods were admitted."""
    searching: Duration | None = None
    """Time of the search."""
    concluding: Duration | None = None
    """Time of the last fit and the gate."""
    mean_trial: Duration | None = None
    """Time of a trial on average."""
    remaining: Duration | None = None
    """Time that is likely left."""


class ScheduleStatus(Contract):
    """Where a schedule stands."""

    follows: Word
    """Cron and time zone that the times below are of."""
    last_at: Time | None = None
    """Latest time that is done with: a run was made, or it was left out."""
    next_at: Time | None = None
    """When the next run is made."""
    last_run: Word | None = None
    """The run that was made last."""
    active: Annotated[tuple[Word, ...], Field(max_length=100)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """Runs that go on, the latest first."""


class Provenance(Contract):
    """What the version was made from."""

    data_digest: Word | None = None
    """Content digest of all of the data."""
    data_revision: Word | None = None
    """Revision of the data, where its source has revisions."""
    rows: Count | None = None
    """Rows of the data."""
    image_digest: Word | None = None
    """Digest of the image that trained it."""
    git_commit: Word | None = None
    """Commit of the code."""
    spec_hash: Word | None = None
    """Hash of the spec."""
    trigger: Word | None = None
    """What started the run."""


class Outcome(Contract):
    """One thing that happened."""

    at: Time
    """When."""
    reason: Reason
    """What, as one word of a closed list."""
    message: Sentence
    """What and why, as one sentence with numbers."""


class TrainingRunStatus(Contract):
    """What the operator reports about a TrainingRun."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """Generation of the spec that this is about."""
    phase: RunPhase | None = None
    """Where it stands, in one word."""
    message: Sentence | None = None
    """Where it stands, in one sentence."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=32), Distinct(by="type")] = ()
    """What holds and what does not, each with its reason."""
    trials: TrialCounts | None = None
    """How many trials there are."""
    best: TrialSummary | None = None
    """The best trial so far."""
    pareto_front: Annotated[tuple[TrialSummary, ...], Field(max_length=20)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """Up to 20 trials that no other one beats in everything, for several objectives."""
    baseline: float | None = None
    """Value of the estimator with its default parameters."""
    improvement_over_baseline: float | None = None
    """How much better the best trial is than that."""
    gate: GateStatus | None = None
    """What the gate said."""
    model_version: VersionNumber | None = None
    """Version that was registered."""
    digest: Word | None = None
    """Content digest of its files."""
    reproduction: ReproductionStatus | None = None
    """What training again has shown."""
    provenance: Provenance | None = None
    """What the version was made from."""
    schedule: ScheduleStatus | None = None
    """Where the schedule stands, of a run that has one."""
    study: Word | None = None
    """Name of the Optuna study."""
    run_id: Word | None = None
    """MLflow run that the trials belong to."""
    attempt: Count | None = None
    """Number of the Job, which a new one gets when the last one could not go on."""
    workers: Count | None = None
    """Pods that work now."""
    selector: Annotated[str, Field(max_length=1024)] | None = None
    """Label selector of these pods."""
    timings: Timings | None = None
    """How long things took."""
    history: Annotated[tuple[Outcome, ...], Field(max_length=20)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """The last 20 things that happened, the latest first."""
