"""A revision: the immutable thing that serves, and how it is told from every other one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_deployment_status import RevisionStatus
from leadsman_operator.facts import Missing, Unknown, VersionFacts
from leadsman_operator.planner.names import revision_name
from leadsman_operator.planner.observation import DeploymentObservation

_PENDING = "PENDING_REGISTRATION"
_FAILED = "FAILED_REGISTRATION"
_HASHED_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Revision:
    """Registry identity, content and serving spec of what should serve."""

    name: str
    version: int
    created_at: datetime
    source: str
    digest: str | None
    spec_hash: str

    def as_status(self, since: datetime) -> RevisionStatus:
        """How it is written down when it begins to play a part."""
        return RevisionStatus(
            name=self.name,
            version=self.version,
            version_created_at=self.created_at,
            source=self.source,
            digest=self.digest,
            spec_hash=self.spec_hash,
            since=since,
        )


def wanted_revision(observation: DeploymentObservation) -> Revision | Missing | Unknown:
    """The revision that the spec and the registry ask for together."""
    version = observation.version
    if not isinstance(version, VersionFacts):
        return version
    where = f"version {version.version} of {version.name}"
    if version.status == _PENDING:
        return Unknown(Reason.VERSION_NOT_READY, f"{where} is still being written to the registry")
    if version.status == _FAILED:
        return Missing(Reason.VERSION_NOT_READY, f"{where} failed to register: register it again")
    digest = version.tags.get(Tag.DIGEST)
    spec_hash = _spec_hash(observation)
    identity = {
        "name": version.name,
        "version": version.version,
        "createdAt": version.created_at.isoformat(),
        "source": version.source,
        "digest": digest,
        "spec": spec_hash,
    }
    return Revision(
        name=revision_name(observation.resource.metadata.name, version.version, hashed(identity)),
        version=version.version,
        created_at=version.created_at,
        source=version.source,
        digest=digest,
        spec_hash=spec_hash,
    )


def _spec_hash(observation: DeploymentObservation) -> str:
    """Hash of all that the pods are made from but the model itself.

    The operator's default image is left out on purpose: an upgrade of the operator must not
    roll out every model. The next revision takes the new image.
    """
    spec = observation.resource.spec
    registry = spec.model.registry
    return hashed(
        {
            "serving": spec.serving.to_wire(),
            "loading": spec.model.loading,
            "registry": registry.to_wire() if registry else None,
            "references": dict(observation.cluster.references),
        }
    )


def hashed(value: object) -> str:
    """A short hash of a JSON value, the same on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_HASHED_DIGITS]
