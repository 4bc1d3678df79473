"""What the world says: plain frozen records, free of any client's types.

Adapters make them, `observe` gathers them, the planner decides on them. What could not be
read is `Unknown`, never empty: the planner holds on it and never shrinks, deletes or rolls
back because of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination

Manifest: TypeAlias = Mapping[str, Any]
"""A Kubernetes object as the API server writes it in JSON."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be read, and why."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was looked for in a place that answered, and is not there."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Which object of the cluster is meant."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @override
    def __str__(self) -> str:
        """Write it as kubectl does."""
        return f"{self.kind.lower()}/{self.name}"

    @classmethod
    def of(cls, manifest: Manifest) -> ObjectRef:
        """The object that a manifest describes."""
        metadata = manifest["metadata"]
        return cls(
            manifest["apiVersion"],
            manifest["kind"],
            metadata.get("namespace", ""),
            metadata["name"],
        )


# The cluster


@dataclass(frozen=True, slots=True)
class PodFacts:
    """One pod of ours, as far as its condition decides anything."""

    name: str
    uid: str
    labels: Mapping[str, str]
    ready: bool = False
    ready_since: datetime | None = None
    """Since when it is ready."""
    deleting: bool = False
    leaves_at: datetime | None = None
    """When the time is up that it has to end, once it is told to go."""
    phase: str = "Pending"
    """Kubernetes' own: Pending, Running, Succeeded, Failed, Unknown."""
    disrupted: bool = False
    """It has the condition DisruptionTarget: taken away, not failed."""
    restarts: int = 0
    """Restarts of its main containers; init containers that try again are no crash."""
    waiting: str | None = None
    """Why a container does not run, such as CrashLoopBackOff or ImagePullBackOff."""
    waiting_message: str | None = None
    exit_code: int | None = None
    """Of the container that ended last."""
    exit_reason: str | None = None
    """Kubernetes' own, such as OOMKilled or Error."""
    termination: Termination | None = None
    """What our program said when it ended last."""
    unschedulable: str | None = None
    """Why no node takes it."""
    image_digest: str | None = None
    """Digest of the image that its training container really runs."""
    node: str | None = None
    ip: str | None = None
    """Its address in the cluster, once it has one."""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """All that belongs to one resource, found by its labels."""

    objects: Mapping[ObjectRef, Manifest] = field(default_factory=dict)
    """Owned objects but pods, as the API server has them, without managedFields."""
    pods: tuple[PodFacts, ...] = ()
    """Owned pods, by name."""
    references: Mapping[str, str | None] = field(default_factory=dict)
    """Hash of the data of each ConfigMap and Secret that the spec uses, by `Kind/name`; None
    where there is none."""


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """What stands between clients and Services, where a gateway splits the traffic.

    The routes of our own are among the owned objects.
    """

    unreadable: Missing | None = None
    """Why routes can't be read: there is no Gateway API, or no right to."""
    named: Manifest | None = None
    """The user's route that the spec names; None when there is none."""
    gateways: Mapping[str, bool] = field(default_factory=dict)
    """Whether each Gateway that the spec names is there, by `namespace/name`."""


# The registry


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A registered model: where its aliases and stages point."""

    name: str
    aliases: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, int] = field(default_factory=dict)
    is_prompt: bool = False


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """One version of a registered model."""

    name: str
    version: int
    created_at: datetime
    source: str
    status: str = "READY"
    """MLflow's own: READY, PENDING_REGISTRATION, FAILED_REGISTRATION."""
    run_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One MLflow run."""

    run_id: str
    status: str
    """MLflow's own: RUNNING, FINISHED, FAILED, KILLED."""
    tags: Mapping[str, str] = field(default_factory=dict)


# The measurements


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of Prometheus, or of a page that it would read, at one time."""

    labels: Mapping[str, str]
    """With the metric's name as `__name__`, where it has one."""
    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class PodCount:
    """The raw counters of one pod: they only grow, until the pod starts anew."""

    pod: str
    revision: str
    at: datetime
    counters: Mapping[str, float]
    """By name: `2xx`, `4xx`, `5xx` for answers; `le=0.1` for answers within so many seconds,
    `le=+Inf` for all that were timed; `Same`, `Different` for copies that were compared;
    `quality:labelled`, `quality:wrong` for the labelled answers of a condition `quality`."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted, and what could not be read beside it."""

    pods: tuple[PodCount, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    """Why the labels of a condition can't be read, by its name."""


@dataclass(frozen=True, slots=True)
class PastCount:
    """What the pods of a revision counted together in some seconds before its rollout."""

    seconds: float
    counters: Mapping[str, float]
    """Increments, by the names of PodCount."""


# The study


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """One trial of an Optuna study."""

    number: int
    state: str
    """Optuna's own: RUNNING, COMPLETE, PRUNED, FAIL, WAITING."""
    values: tuple[float, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    feasible: bool = True
    pod_uid: str | None = None
    run_id: str | None = None
    error: str | None = None
    disrupted: bool = False
    retry_of: int | None = None
    doublings: int = 0
    """How often the memory has to be doubled for it, because it ran out."""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """An Optuna study."""

    trials: tuple[TrialFacts, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """User attributes, by the names of leadsman_api.studies."""
