"""What is to be done, as values: actions in the order in which a crash between them is safe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeAlias, TypeVar

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1 import ModelDeploymentStatus, TrainingRunStatus
from leadsman_operator.facts import Manifest, ObjectRef


@dataclass(frozen=True, slots=True)
class ApplyObject:
    """Server-side apply of one full manifest; repeating it is harmless."""

    manifest: Manifest
    because: str


@dataclass(frozen=True, slots=True)
class DeleteObject:
    """Delete an object with all that it owns."""

    ref: ObjectRef
    because: str


@dataclass(frozen=True, slots=True)
class ScaleObject:
    """Set the number of pods of a Deployment, which the applied manifest leaves open.

    A field that is applied once and then left out is reset to its default, and an autoscaler
    writes it too: so it is never applied, only set through the scale subresource.
    """

    ref: ObjectRef
    replicas: int
    because: str


@dataclass(frozen=True, slots=True)
class PatchObject:
    """JSON patch of an object that is not ours: its tests say what must be there still.

    Server-side apply can't own one item of a list whose items have no key.
    """

    ref: ObjectRef
    operations: tuple[Mapping[str, Any], ...]
    because: str


@dataclass(frozen=True, slots=True)
class SetAlias:
    """Point an alias at a version, if it still points where the decision found it."""

    model: str
    alias: str
    version: int
    expected: int | None
    """Version that it must point at now; None for nowhere."""
    because: str


@dataclass(frozen=True, slots=True)
class TagVersion:
    """Write tags on a version."""

    model: str
    version: int
    tags: Mapping[str, str]
    because: str


@dataclass(frozen=True, slots=True)
class EnsureRun:
    """Make the parent run of a training run, once."""

    experiment: str
    name: str
    tags: Mapping[str, str]
    because: str


@dataclass(frozen=True, slots=True)
class EndRun:
    """End an MLflow run that nobody else will end, with those below it."""

    run_id: str
    status: str
    tags: Mapping[str, str]
    because: str


@dataclass(frozen=True, slots=True)
class FailTrial:
    """End a trial whose pod is gone."""

    number: int
    attributes: Mapping[str, Any]
    because: str


@dataclass(frozen=True, slots=True)
class EnqueueTrial:
    """Have parameters tried again."""

    parameters: Mapping[str, Any]
    attributes: Mapping[str, Any]
    because: str


Action: TypeAlias = (
    ApplyObject
    | DeleteObject
    | ScaleObject
    | PatchObject
    | SetAlias
    | TagVersion
    | EnsureRun
    | EndRun
    | FailTrial
    | EnqueueTrial
)

Status = TypeVar("Status", ModelDeploymentStatus, TrainingRunStatus)


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes Event about the resource."""

    reason: Reason
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Plan(Generic[Status]):
    """What is to be done now, what is then true, and when to look again."""

    actions: tuple[Action, ...]
    """In order; the first that fails ends the plan, and nothing of `status` is written."""
    status: Status
    """The status once all actions are done."""
    events: tuple[Event, ...] = ()
    """What to tell once the status is written."""
    look_again_in: timedelta | None = None
    """When to look again without a wake-up; None when only a wake-up can bring news."""
    gone: bool = False
    """The resource is being deleted and nothing of it is left."""
