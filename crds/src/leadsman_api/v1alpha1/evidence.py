"""Evidence as it stands in the status: small, readable, and enough to go on after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract, nested
from leadsman_api.labels import Arm
from leadsman_api.lists import ATOMIC, Distinct
from leadsman_api.values import Count, Sentence, Time, Word
from leadsman_api.vocabulary import Term

LARGEST_TOTAL = 2**53
"""What a double holds exactly: the API server compares bounds as doubles."""
Total = Annotated[int, Field(ge=0, le=LARGEST_TOTAL, json_schema_extra={"format": "int64"})]


class Verdict(Term):
    """What the judge says."""

    GOOD = "Good", "the candidate is shown to be healthy."
    BAD = "Bad", "the candidate is shown to be worse."
    UNDECIDED = "Undecided", "there is data, and it shows neither."
    BLIND = "Blind", "there is no data, which is never evidence against a model."


class ConditionEvidence(Contract):
    """What one health condition has shown."""

    name: Word
    """Name of the condition in spec.health.conditions."""
    verdict: Verdict
    """What it says by itself."""
    stable_total: Total | None = None
    """Requests of the stable revision that were counted."""
    stable_bad: Total | None = None
    """Those of them that failed, were too slow, or whose answers were wrong."""
    candidate_total: Total | None = None
    """Requests of the candidate that were counted."""
    candidate_bad: Total | None = None
    """Those of them that failed, were too slow, or were answered differently than by stable, or
    wrongly."""
    ratio: float | None = None
    """How many times the stable revision's share the candidate's is."""
    ratio_low: float | None = None
    """Lower end of the interval of the ratio, valid at any time."""
    ratio_high: float | None = None
    """Upper end of the interval of the ratio, valid at any time."""
    share_low: float | None = None
    """Lower end of the interval of the candidate's share of bad requests, valid at any time."""
    share_high: float | None = None
    """Upper end of that interval."""
    unread: Sentence | None = None
    """Why the labels of a WrongAnswers condition can't be read."""
    value: float | None = None
    """Latest number of a PromQL condition."""
    outside_since: Time | None = None
    """Since when a PromQL condition is outside its bounds."""
    dispersion: float | None = None
    """Variance of the factor by which the stable revision's share wanders, over that time."""
    log_evidence: float | None = None
    """Logarithm of the evidence that the condition is broken."""
    passed_checks: Annotated[int, Field(ge=0)] | None = None
    """Checks of a threshold rule that it has passed."""
    failed_checks: Annotated[int, Field(ge=0)] | None = None
    """Checks of a threshold rule that it has failed."""


class Comparison(Contract):
    """What both arms have answered over some time."""

    stable_bad: Total = 0
    """Bad requests of the stable revision."""
    stable_total: Total = 0
    """Requests of the stable revision."""
    candidate_bad: Total = 0
    """Bad requests of the candidate."""
    candidate_total: Total = 0
    """Requests of the candidate."""


class Series(Contract):
    """One kind of bad requests, held against one limit."""

    condition: Word
    """Name of the condition that it belongs to."""
    ratio: float | None = None
    """How many times the stable revision's share is tolerated."""
    share: float | None = None
    """The share that is tolerated, whatever the stable revision does."""
    copies: bool | None = None
    """Whether what is bad is a copy with another answer than the stable revision's."""
    labelled: bool | None = None
    """Whether what is bad is an answer that was wrong, by the label that came later."""
    labelled_seconds: float | None = None
    """For how long labels of the candidate have come."""
    watched_seconds: float | None = None
    """For how long those of the stable revision have, before the rollout and during it."""
    stable_bound: float | None = None
    """Seconds after which an answer of the stable revision is a bad one."""
    candidate_bound: float | None = None
    """Seconds after which an answer of the candidate is a bad one."""
    past_bad: Total = 0
    """Bad requests of the stable revision before the rollout."""
    past_total: Total = 0
    """Requests of the stable revision before the rollout."""
    whole: Comparison = nested(Comparison)
    """Since counting began."""
    recent: Comparison = nested(Comparison)
    """Since the latest window began."""
    spread: Annotated[tuple[float, ...], Field(max_length=64)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """Sums over batches, that tell how the stable revision's share wanders."""


class Memory(Contract):
    """What the judge remembers, by which it goes on exactly where it stood."""

    asked: Word
    """Digest of the conditions that it is about."""
    look_seconds: float
    """Usual time between two looks that bring something new."""
    counted_at: Time
    """When new requests came last."""
    labels_at: Time | None = None
    """When labels came last without any."""
    past_seconds: float = 0
    """For how long the stable revision was watched before the rollout."""
    past_until: Time | None = None
    """When counting began, while what the stable revision did before has still to be read."""
    counted_seconds: float = 0
    """For how long the candidate has had requests."""
    recent_seconds: float = 0
    """For how long it has had them in the latest window."""
    series: Annotated[tuple[Series, ...], Field(max_length=64)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """What is held against what."""


class PodCounters(Contract):
    """The raw counters of a pod when it was last read."""

    pod: Word
    """Name of the pod."""
    arm: Arm
    """Part that its revision plays."""
    at: Time
    """When they were read."""
    counters: Mapping[str, float] = Field(max_length=64)
    """Counters by name."""


class PastWindow(Contract):
    """What the pods of a revision have counted together over some time."""

    seconds: Annotated[float, Field(ge=0)]
    """How long that was."""
    counters: Mapping[str, float] = Field(max_length=64)
    """Increments by the counters' names."""


class Past(Contract):
    """What the stable revision has counted while nothing was rolled out.

    Only where no Prometheus remembers it.
    """

    revision: Word
    """Name of the revision."""
    counted_at: Time
    """When its pods were last read."""
    pods: Annotated[tuple[PodCounters, ...], Field(max_length=500)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """Where the counters stood then."""
    windows: Annotated[tuple[PastWindow, ...], Field(max_length=24)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """What was counted between two readings, the latest last."""


class ArmCounters(Contract):
    """What the pods of an arm have counted since counting began."""

    arm: Arm
    """Part that their revision plays."""
    counters: Mapping[str, float] = Field(max_length=96)
    """Sums of the counters by name."""


class PodState(Contract):
    """How a pod was when it was last looked at."""

    pod: Word
    """Name of the pod."""
    arm: Arm
    """Part that its revision plays."""
    ready: bool
    """Whether it took requests."""
    restarts: Count = 0
    """How often its containers had started anew."""


class PodFailures(Contract):
    """Pods that failed while they were ready: they started anew, or were ready no more."""

    verdict: Verdict
    """What they say by themselves."""
    log_evidence: float = 0
    """Logarithm of the evidence that the candidate's fail more often."""
    latest: Sentence | None = None
    """The candidate's latest failure: which pod, and why."""
    candidate_failures: Total = 0
    """Failures of the candidate's pods while it had traffic."""
    candidate_seconds: float = 0
    """For how long these were ready, together."""
    stable_failures: Total = 0
    """Failures of the stable revision's pods while it had traffic."""
    stable_seconds: float = 0
    """For how long these were ready, together."""
    past_pods: Total = 0
    """Pods of the stable revision that were ready when counting began."""
    past_seconds: float = 0
    """For how long these had been ready, together."""
    counted_at: Time
    """When the pods were last looked at."""
    counted_seconds: float = 0
    """For how long the candidate has had traffic."""
    pods: Annotated[tuple[PodState, ...], Field(max_length=500)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """How they were then."""


class Evidence(Contract):
    """What the rollout has shown so far."""

    verdict: Verdict
    """What the judge says."""
    because: Sentence
    """Why, as one sentence with numbers."""
    since: Time
    """When counting began."""
    updated_at: Time | None = None
    """When it was last brought up to date."""
    blind_since: Time | None = None
    """Since when there is no data."""
    log_evidence: float | None = None
    """Logarithm of the evidence of all conditions and of failing pods together."""
    log_bar: float | None = None
    """The bar that it must reach for a rollback."""
    conditions: Annotated[
        tuple[ConditionEvidence, ...], Field(max_length=32), Distinct(by="name")
    ] = ()
    """What each condition has shown."""
    failures: PodFailures | None = None
    """Which pods have failed."""
    totals: Annotated[tuple[ArmCounters, ...], Field(max_length=3), Distinct(by="arm")] = ()
    """What each arm has counted since then."""
    pods: Annotated[tuple[PodCounters, ...], Field(max_length=500)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """Where the counters stood."""
    memory: Memory | None = None
    """What the judge remembers."""
