"""All that a decision may depend on, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from leadsman_api import ModelDeployment, TrainingRun
from leadsman_api.recorded_spec import RecordedSpec
from leadsman_api.v1alpha1.health import RequestMetrics
from leadsman_api.v1alpha1.schedule import RunSchedule
from leadsman_operator.facts import (
    ClusterFacts,
    Missing,
    ModelFacts,
    PastCount,
    PodCount,
    RoutingFacts,
    RunFacts,
    StudyFacts,
    Unknown,
    VersionFacts,
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the operator was told when it was installed: the defaults of every resource."""

    serving_image: str
    training_image: str
    tracking_uri: str | None = None
    """MLflow of the resources that name none."""
    tracking_credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What opens that MLflow, by MLflow's own variable names."""
    prometheus_url: str | None = None
    """Prometheus of the resources that name none."""
    study_url: str | None = field(default=None, repr=False)
    """Database of the studies of runs that name none; holds a password."""
    scrape_interval: timedelta = timedelta(seconds=15)
    """How often counters are read; older than two of these they are stale."""
    image_pull_policy: str = "IfNotPresent"
    experiment_prefix: str = "leadsman"
    """First part of the names of MLflow experiments."""


@dataclass(frozen=True, slots=True)
class DeploymentObservation:
    """What was observed for one ModelDeployment."""

    now: datetime
    resource: ModelDeployment
    configuration: Configuration
    cluster: ClusterFacts
    model: ModelFacts | Missing | Unknown
    """The registered model."""
    version: VersionFacts | Missing | Unknown
    """The version that the spec asks for."""
    counts: tuple[PodCount, ...] | Unknown = ()
    """Raw counters of each serving pod."""
    past: tuple[PastCount, ...] | Unknown = ()
    """What the stable revision counted before the rollout; only when the judge needs it."""
    past_labels: tuple[PastCount, ...] | Unknown = ()
    """The labels that came of its answers before."""
    unread_labels: Mapping[str, str] = field(default_factory=dict)
    """Why the labels of a condition can't be read, by its name."""
    queries: Mapping[str, float | Unknown] = field(default_factory=dict)
    """What the PromQL conditions gave, by the name of the condition."""
    routing: RoutingFacts = field(default_factory=RoutingFacts)
    """The routes of a gateway."""


@dataclass(frozen=True, slots=True)
class RunObservation:
    """What was observed for one TrainingRun."""

    now: datetime
    resource: TrainingRun
    configuration: Configuration
    cluster: ClusterFacts
    model: ModelFacts | Missing | Unknown
    """The registered model, for its aliases; Missing before the first version."""
    study: StudyFacts | Missing | Unknown
    """The study; Missing before the first worker made it."""
    study_url: str | Missing | Unknown = field(repr=False)
    """Address of the study's database, from the spec's Secret or the configuration."""
    run: RunFacts | Missing | Unknown | None = None
    """The parent run; None before it was made."""
    record: RecordedSpec | Missing | Unknown | None = None
    """What the spec leaves out, where a version is trained again; the resource has it already."""


@dataclass(frozen=True, slots=True)
class ScheduleObservation:
    """What was observed for one TrainingRun with a schedule."""

    now: datetime
    resource: TrainingRun
    schedule: RunSchedule
    cluster: ClusterFacts
    """The runs that it made."""


Observation: TypeAlias = DeploymentObservation | RunObservation | ScheduleObservation


def request_metrics(resource: ModelDeployment) -> RequestMetrics:
    """The metrics of a Prometheus that count the requests of a resource's pods."""
    own = resource.spec.health.prometheus
    return own.metrics if own is not None else RequestMetrics()


def scrape_interval(resource: ModelDeployment, configuration: Configuration) -> timedelta:
    """How often the counters of a resource's pods are read."""
    own = resource.spec.health.prometheus
    return (own.scrape_interval if own else None) or configuration.scrape_interval
