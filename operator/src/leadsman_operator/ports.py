"""What the operator needs from the outside, as protocols.

`adapters` keeps them for the real world, the tests' in-memory world for simulations; contract
tests hold both against the same expectations. Every method raises Unreachable, Refused or
Conflict and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from leadsman_operator.facts import (
    Manifest,
    ModelFacts,
    ObjectRef,
    RunFacts,
    Sample,
    StudyFacts,
    VersionFacts,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that is spoken to: its address and what opens it."""

    address: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By the names of environment variables, as a Secret holds them."""
    workspace: str | None = None


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """The time in UTC."""


class ClusterReader(Protocol):
    """The Kubernetes API, as far as it is looked at."""

    async def read(self, ref: ObjectRef) -> Manifest | None:
        """One object; None when it is not there."""

    async def select(
        self, api_version: str, kind: str, namespace: str, labels: Mapping[str, str]
    ) -> Sequence[Manifest]:
        """The objects of a namespace that carry the labels.

        Raises UnknownKind where the cluster knows no such kind.
        """


class Cluster(ClusterReader, Protocol):
    """The Kubernetes API."""

    async def apply(self, manifest: Manifest) -> None:
        """Server-side apply with our field manager; takes fields over from others."""

    async def patch(self, ref: ObjectRef, operations: Sequence[Mapping[str, Any]]) -> None:
        """Carry out a JSON patch whole or not at all (https://www.rfc-editor.org/rfc/rfc6902).

        Raises Conflict when one of its tests fails, or nothing is there.
        """

    async def delete(self, ref: ObjectRef) -> None:
        """Delete with all that it owns; harmless when it is not there."""

    async def scale(self, ref: ObjectRef, replicas: int) -> None:
        """Set the scale subresource."""

    async def write_status(self, manifest: Manifest) -> None:
        """Replace the status of one of our resources.

        `manifest` holds metadata.resourceVersion: raises Conflict when the object has changed.
        """

    async def record_event(
        self, about: Manifest, reason: str, message: str, *, warning: bool
    ) -> None:
        """Record an Event about a resource."""


class Registry(Protocol):
    """An MLflow server: its registry and its runs."""

    async def model(self, endpoint: Endpoint, name: str) -> ModelFacts | None:
        """A registered model with its aliases, at most one tick old; None when there is none."""

    async def version(self, endpoint: Endpoint, name: str, version: int) -> VersionFacts | None:
        """A version; None when there is none."""

    async def alias(self, endpoint: Endpoint, name: str, alias: str) -> int | None:
        """The version that an alias points at right now; None for nowhere."""

    async def set_alias(self, endpoint: Endpoint, name: str, alias: str, version: int) -> None:
        """Point an alias at a version."""

    async def tag_version(
        self, endpoint: Endpoint, name: str, version: int, tags: Mapping[str, str]
    ) -> None:
        """Write tags on a version."""

    async def ensure_run(
        self, endpoint: Endpoint, experiment: str, name: str, tags: Mapping[str, str]
    ) -> RunFacts:
        """The run that carries the tag TRAINING_RUN_UID of `tags`; made when there is none."""

    async def run(self, endpoint: Endpoint, run_id: str) -> RunFacts | None:
        """A run; None when there is none."""

    async def end_run(
        self, endpoint: Endpoint, run_id: str, status: str, tags: Mapping[str, str]
    ) -> None:
        """End a run with MLflow's word for how, and write tags on it.

        Runs below it that are still open are killed: their pods died before they told of them.
        """


class Metrics(Protocol):
    """A Prometheus server."""

    async def query(self, endpoint: Endpoint, query: str, at: datetime) -> Sequence[Sample]:
        """The instant vector of a PromQL query; a scalar is a vector of one without labels.

        A native histogram is given as the buckets of a classic one.
        """

    async def past(
        self, endpoint: Endpoint, query: str, until: datetime, span: timedelta, step: timedelta
    ) -> Sequence[Sample]:
        """The instant vectors of a PromQL query at each `step` of the `span` before a time."""


class PodPages(Protocol):
    """The metrics pages of serving pods, as a Prometheus would scrape them."""

    async def samples(self, ip: str, names: Collection[str], at: datetime) -> Sequence[Sample]:
        """The samples that have one of the names, on the page of the pod with an address."""


class Studies(Protocol):
    """The database of Optuna studies."""

    async def study(self, url: str, name: str) -> StudyFacts | None:
        """A study with its trials; None when there is none."""

    async def fail_trial(
        self, url: str, name: str, number: int, attributes: Mapping[str, Any]
    ) -> None:
        """End a running trial as failed; harmless when it has ended."""

    async def enqueue_trial(
        self, url: str, name: str, parameters: Mapping[str, Any], attributes: Mapping[str, Any]
    ) -> None:
        """Have the parameters tried next; harmless when a trial with the attributes is there."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside of the operator."""

    clock: Clock
    cluster: Cluster
    registry: Registry
    metrics: Metrics
    pages: PodPages
    studies: Studies
