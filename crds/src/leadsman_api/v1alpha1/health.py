"""What counts as healthy: the conditions that a candidate is judged by.

A condition is one of several types with fields of its own: in Python a union told apart by
`type`, in the schema one object with CEL rules made from that union.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from leadsman_api.contract import Contract, nested
from leadsman_api.lists import ATOMIC, Distinct
from leadsman_api.metrics import ServingMetric
from leadsman_api.rules import Rule, at_least_one_of, in_order, only_with
from leadsman_api.v1alpha1.pods import ObjectReference
from leadsman_api.values import (
    Duration,
    Form,
    HttpUri,
    Label,
    PositiveDuration,
)
from leadsman_api.vocabulary import Term

Ratio = Annotated[float, Field(ge=1, le=100)]
Query = Annotated[str, Form(r"\S", "write a PromQL query that gives one number", longest=4096)]
Quantile = Annotated[float, Field(gt=0, lt=1)]
MetricName = Annotated[
    str,
    Form(
        r"^[a-zA-Z_:][a-zA-Z0-9_:]*$",
        "write the name of a metric in Prometheus, such as istio_requests_total",
    ),
]
LabelName = Annotated[
    str,
    Form(r"^[a-zA-Z_][a-zA-Z0-9_]*$", "write the name of a label in Prometheus, such as pod"),
]
Matcher = Annotated[
    str,
    Form(
        r'^[a-zA-Z_][a-zA-Z0-9_]*(=|!=|=~|!~)"[-a-zA-Z0-9_./:|*+?()\[\]^ ]*"$',
        'write a matcher such as reporter="destination"',
        longest=500,
    ),
]


_JUDGED = "without it nothing is judged"
_MAX_IS_A_SHARE = Rule(
    cel="!has(self.max) || (self.max >= 0.0 && self.max <= 1.0)",
    check=lambda condition: condition.max is None or 0 <= condition.max <= 1,
    message="max ({max}) is a share of the requests: write a number from 0 to 1, such as 0.02",
    field="max",
)


class ErrorRate(Contract):
    """The share of requests that fail."""

    invariants = (at_least_one_of("ratio", "max", because=_JUDGED), _MAX_IS_A_SHARE)

    name: Label
    """Name of the condition, as status and events call it."""
    type: Literal["ErrorRate"]
    """Kind of the condition."""
    ratio: Ratio | None = None
    """How many times the stable revision's value is still tolerated."""
    max: float | None = None
    """Highest value that is healthy, whatever the stable revision does."""


class Latency(Contract):
    """The time that answers take."""

    invariants = (at_least_one_of("ratio", "maxLatency", because=_JUDGED),)

    name: Label
    """Name of the condition, as status and events call it."""
    type: Literal["Latency"]
    """Kind of the condition."""
    ratio: Ratio | None = None
    """How many times the stable revision's value is still tolerated."""
    max_latency: PositiveDuration | None = None
    """Longest time that is healthy at the quantile, such as 100ms."""
    quantile: Quantile | None = None
    """Share of the answers that must be that fast; 0.99 when left out."""


class PromQL(Contract):
    """A number of your own from Prometheus."""

    invariants = (at_least_one_of("min", "max", because=_JUDGED), in_order("min", "max"))

    name: Label
    """Name of the condition, as status and events call it."""
    type: Literal["PromQL"]
    """Kind of the condition."""
    query: Query
    """Query that gives one number; $(name), $(namespace) and $(revision) are filled in."""
    min: float | None = None
    """Lowest value that is healthy."""
    max: float | None = None
    """Highest value that is healthy, whatever the stable revision does."""
    for_: Duration | None = Field(default=None, alias="for")
    """How long the value must be outside before it counts; at once when left out."""


class Disagreement(Contract):
    """The share of requests that stable and candidate answer differently; needs copies."""

    invariants = (_MAX_IS_A_SHARE,)

    name: Label
    """Name of the condition, as status and events call it."""
    type: Literal["Disagreement"]
    """Kind of the condition."""
    max: float
    """Highest value that is healthy, whatever the stable revision does."""


class AnswerLabels(Contract):
    """Labels of the metrics that count labelled answers."""

    namespace: LabelName = "namespace"
    """Label with the namespace of the revisions."""
    pod: LabelName = "pod"
    """Label that tells apart those who count, such as pod or instance."""
    revision: LabelName = "revision"
    """Label with the name of the revision that gave the answers."""


class AnswerMetrics(Contract):
    """What counts labelled answers in Prometheus: those of which it is known what was right."""

    invariants = (
        at_least_one_of(
            "wrong", "wrongMatchers", because="nothing else tells which answers were wrong"
        ),
    )

    labelled: MetricName
    """Counter of the answers whose label is known, right and wrong ones."""
    wrong: MetricName | None = None
    """Counter of those of them that were wrong; the same counter when left out."""
    wrong_matchers: Annotated[tuple[Matcher, ...], Field(min_length=1, max_length=8)] | None = (
        Field(default=None, json_schema_extra=ATOMIC)
    )
    """Matchers that choose the wrong ones, such as correct="false"."""
    labels: AnswerLabels = nested(AnswerLabels)
    """Labels by which revisions, and those who count, are told apart."""
    matchers: Annotated[tuple[Matcher, ...], Field(max_length=8)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """Matchers that choose among the series of both."""


class WrongAnswers(Contract):
    """The share of labelled answers that were wrong; labels may come late, no step waits."""

    invariants = (at_least_one_of("ratio", "max", because=_JUDGED), _MAX_IS_A_SHARE)

    name: Label
    """Name of the condition, as status and events call it."""
    type: Literal["WrongAnswers"]
    """Kind of the condition."""
    ratio: Ratio | None = None
    """How many times the stable revision's value is still tolerated."""
    max: float | None = None
    """Highest value that is healthy, whatever the stable revision does."""
    metrics: AnswerMetrics
    """What counts labelled answers in Prometheus."""


HealthCondition = Annotated[
    ErrorRate | Latency | PromQL | Disagreement | WrongAnswers, Field(discriminator="type")
]

DEFAULT_CONDITIONS: tuple[HealthCondition, ...] = (
    ErrorRate(name="errors", type="ErrorRate", ratio=1.5),
    Latency(name="latency", type="Latency", ratio=1.5),
)


class JudgeRule(Term):
    """How evidence becomes a verdict."""

    SEQUENTIAL = "Sequential", "reads every request and keeps falseRollbackRate."
    ARGO = "Argo", "counts failed measurements like an Argo Rollouts analysis."
    FLAGGER = "Flagger", "counts failed checks like a Flagger canary."


class Judge(Contract):
    """The rule that decides; the threshold rules are for people who migrate."""

    invariants = (
        only_with("interval", by="rule", values=["Argo", "Flagger"]),
        only_with("failures", by="rule", values=["Argo", "Flagger"]),
        only_with("initialDelay", by="rule", values=["Argo"]),
        only_with("count", by="rule", values=["Argo"]),
    )

    rule: JudgeRule = JudgeRule.SEQUENTIAL
    """How evidence becomes a verdict."""
    interval: PositiveDuration | None = None
    """Time between two checks of a threshold rule; 1m when left out."""
    failures: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Failed checks that a threshold rule bears; 3 when left out."""
    initial_delay: Duration | None = None
    """Time with requests of the candidate before the first check of rule Argo; none when left
    out."""
    count: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Checks after which a condition is good for rule Argo, and not checked again; no end when
    left out."""


class TimeUnit(Term):
    """What a histogram of times counts in."""

    SECONDS = "Seconds", "as Prometheus advises."
    MILLISECONDS = "Milliseconds", "as Envoy and Istio do."

    @property
    def seconds(self) -> float:
        """One of it, in seconds."""
        return 1.0 if self is TimeUnit.SECONDS else 0.001


class RequestLabels(Contract):
    """Labels of the metrics that count requests."""

    namespace: LabelName = "namespace"
    """Label with the namespace of the pods."""
    pod: LabelName = "pod"
    """Label with the name of the pod that counts."""
    revision: LabelName | None = None
    """Label with the name of a revision's Deployment, such as destination_workload, for metrics
    that others count; revisions are told by the names of their pods when left out."""
    status: LabelName = "status"
    """Label with the status of the answer: a code such as 503, or a class such as 5xx."""


class RequestMetrics(Contract):
    """What counts requests in Prometheus: the metrics of our server, unless you say otherwise."""

    requests: MetricName = ServingMetric.REQUESTS.value
    """Counter of the requests that were answered."""
    latency: MetricName = ServingMetric.LATENCY.value
    """Histogram of the time to answer, classic or native, without `_bucket` at its end."""
    latency_unit: TimeUnit = TimeUnit.SECONDS
    """What the histogram counts in."""
    labels: RequestLabels = nested(RequestLabels)
    """Labels by which pods and answers are told apart."""
    matchers: Annotated[tuple[Matcher, ...], Field(max_length=16)] = Field(
        default=(), json_schema_extra=ATOMIC
    )
    """Matchers that choose among the series, such as reporter="destination"."""


class Prometheus(Contract):
    """The Prometheus that is asked for counters and for the queries of conditions."""

    url: HttpUri
    """Address of Prometheus."""
    secret_ref: ObjectReference | None = None
    """Secret with username and password, or a token."""
    scrape_interval: PositiveDuration | None = None
    """How often it reads the pods; what is older than two of these counts for nothing. The
    operator's own interval when left out."""
    metrics: RequestMetrics = nested(RequestMetrics)
    """What counts the requests."""


class Health(Contract):
    """What counts as healthy, and how sure a verdict must be."""

    invariants = (
        Rule(
            cel="self.conditions.exists(one, one.type != 'WrongAnswers')",
            check=lambda health: any(one.type != "WrongAnswers" for one in health.conditions),
            message="no step waits for labels, which come late: write a condition of another type "
            "beside those of type WrongAnswers",
            field="conditions",
        ),
    )

    false_rollback_rate: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    """The promise: a healthy candidate is rolled back at most this often."""
    conditions: Annotated[
        tuple[HealthCondition, ...], Field(min_length=1, max_length=16), Distinct(by="name")
    ] = DEFAULT_CONDITIONS
    """What a candidate is judged by; errors and latency against the stable revision."""
    warm_up: Duration = Field(default="0s", validate_default=True)
    """The times of a pod's answers don't count before it was ready for so long; its errors do."""
    judge: Judge = nested(Judge)
    """The rule that decides."""
    prometheus: Prometheus | None = None
    """Where counters come from; the operator's Prometheus or the pods when left out."""
