"""What the last Job of a run found, as the operator reads it from the parent run's tag."""

from __future__ import annotations

from leadsman_api.text import Text
from leadsman_api.v1alpha1.training_run_status import (
    GateStatus,
    Provenance,
    ReproductionStatus,
    TrialSummary,
)
from leadsman_api.values import Digest, VersionNumber, Word


class Told(Text):
    """What a Job tells by a tag of its run; MLflow keeps up to 8000 characters of one."""

    provenance: Provenance
    """What the model was made from, as far as its pod knows."""
    pod_uid: Word | None = None
    """The pod that trained it; the cluster knows by which image."""


class Conclusion(Told):
    """A version that was fitted, judged and registered; the alias has not moved yet."""

    model_version: VersionNumber
    """Version that was registered."""
    digest: Digest
    """Content digest of its files."""
    gate: GateStatus
    """What the gate said."""
    best: TrialSummary
    """The trial whose parameters were fitted."""


class Reproduction(Told):
    """A version that was trained again; nothing is registered."""

    reproduction: ReproductionStatus
    """How alike the two are; the image is not compared yet."""
    recorded_image: Word | None = None
    """Digest of the image that the version was made by; None where nobody wrote it down."""
