"""The runs that a schedule makes: their names, their manifests, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leadsman_api import TrainingRun
from leadsman_api.labels import API_VERSION, Annotation, Label
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import Manifest, ObjectRef
from leadsman_operator.planner.render.ownership import owned
from leadsman_operator.planner.training.naming import namespace_of, owner_labels
from leadsman_operator.planner.training.scene import OVER

KIND = TrainingRun.names.kind
TRIGGER = "schedule"


@dataclass(frozen=True, slots=True)
class Made:
    """One run that the schedule made."""

    ref: ObjectRef
    at: datetime
    """The time of the schedule that it is for."""
    phase: str = RunPhase.PENDING
    leaving: bool = False

    @property
    def is_over(self) -> bool:
        """It has ended, well or not."""
        return self.phase in OVER

    @property
    def succeeded(self) -> bool:
        """It has made a version that has what the gate allows."""
        return self.phase == RunPhase.SUCCEEDED


def made_runs(objects: Mapping[ObjectRef, Manifest]) -> tuple[Made, ...]:
    """The runs among the owned objects, the latest first."""
    found = [_made(ref, manifest) for ref, manifest in objects.items() if ref.kind == KIND]
    return tuple(sorted((one for one in found if one), key=lambda one: one.at, reverse=True))


def _made(ref: ObjectRef, manifest: Manifest) -> Made | None:
    metadata = manifest["metadata"]
    written = metadata.get("annotations", {}).get(Annotation.SCHEDULED_AT.value, "")
    try:
        at = datetime.fromisoformat(written).astimezone(UTC)
    except ValueError:
        # Somebody took the annotation away: it is theirs from now on.
        return None
    phase = str(manifest.get("status", {}).get("phase", RunPhase.PENDING))
    return Made(ref, at, phase, "deletionTimestamp" in metadata)


def run_for(resource: TrainingRun, at: datetime) -> Manifest:
    """The run of one time: the spec without what belongs to the schedule alone.

    Its name is a function of the time, so that there are never two for one.
    """
    labels = {**owner_labels(resource.metadata.name), Label.TRIGGER: TRIGGER}
    head = owned(resource, API_VERSION, KIND, ref_for(resource, at).name, labels)
    head["metadata"]["annotations"] = {Annotation.SCHEDULED_AT.value: f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    spec: dict[str, Any] = resource.spec.to_wire()
    del spec["schedule"], spec["suspend"]
    spec["promotion"].get("approval", {}).pop("granted", None)
    return {**head, "spec": spec}


def ref_for(resource: TrainingRun, at: datetime) -> ObjectRef:
    """Where the run of one time is, or would be."""
    name = f"{resource.metadata.name}-{at:%Y%m%d%H%M}"
    return ObjectRef(API_VERSION, KIND, namespace_of(resource), name)
