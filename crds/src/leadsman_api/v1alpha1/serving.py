"""How a model is served: pods, limits, keys and the log of payloads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract, nested
from leadsman_api.rules import in_order
from leadsman_api.v1alpha1.pods import ObjectReference, PodFields, Resources
from leadsman_api.values import Duration, Fraction, HttpUri, PositiveDuration, Quantity

_MEBIBYTE = 1024 * 1024


class RateLimit(Contract):
    """How many requests one pod takes before it answers 429."""

    requests_per_second: Annotated[float, Field(gt=0, le=1_000_000)]
    """Requests a second that are taken for long."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Requests that may come at once."""


class Limits(Contract):
    """What a client may ask for."""

    max_body_bytes: Annotated[int, Field(ge=1024, le=1024 * _MEBIBYTE)] = 4 * _MEBIBYTE
    """Largest body of a request; a larger one gets 413 before it is read."""
    max_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Most rows in one request."""
    timeout: PositiveDuration = Field(default="30s", validate_default=True)
    """Longest time for an answer; a request that can't make it is refused at once with 503."""
    max_connection_age: Duration = Field(default="8s", validate_default=True)
    """Age, within a tenth, at which the next answer closes a connection; 0s for never.

    So new pods get their share of clients that keep connections.
    """
    rate_limit: RateLimit | None = None
    """Requests that one pod takes at most; no limit when left out."""


class Auth(Contract):
    """Who may call the model."""

    secret_ref: ObjectReference
    """Secret whose every value is an accepted API key; its keys name the clients."""


class PayloadLog(Contract):
    """A sample of requests and answers, sent as CloudEvents and never in the way of one."""

    sink: HttpUri
    """Where the events are posted."""
    sample: Fraction = 0.01
    """Share of the requests that are logged."""
    max_bytes: Annotated[int, Field(ge=256, le=_MEBIBYTE)] = 65_536
    """Bytes of one payload that are kept."""


class Serving(PodFields):
    """The pods that serve and what they accept."""

    resources: Resources = Resources(
        requests={"cpu": Quantity("250m"), "memory": Quantity("512Mi")},
        limits={"memory": Quantity("1Gi")},
    )
    """What a pod asks of its node and what it may use at most."""
    limits: Limits = nested(Limits)
    """What a client may ask for."""
    auth: Auth | None = None
    """Who may call the model; everybody who reaches it when left out."""
    payload_log: PayloadLog | None = None
    """A log of sampled payloads; none when left out."""


class ScalingTargets(Contract):
    """What one pod should carry on average; the largest need decides."""

    cpu_utilization: Annotated[int, Field(ge=1, le=100)] = 70
    """Percent of the requested CPU."""
    requests_per_second: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Requests a second."""
    concurrency: Annotated[float, Field(gt=0, le=100_000)] | None = None
    """Requests that are being answered at the same time."""


Replicas = Annotated[int, Field(ge=1, le=1000, json_schema_extra={"format": "int32"})]


class Scaling(Contract):
    """How many pods serve."""

    invariants = (in_order("minReplicas", "maxReplicas"),)

    min_replicas: Replicas = 2
    """Fewest pods of the revision that carries the traffic; `kubectl scale` sets it."""
    max_replicas: Replicas = 10
    """Most pods of a revision."""
    targets: ScalingTargets = nested(ScalingTargets)
    """What one pod should carry."""
