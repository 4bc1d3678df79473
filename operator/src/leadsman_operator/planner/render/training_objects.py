"""What the pods of a TrainingRun read, and the account without rights that they run as."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from leadsman_api import TrainingRun
from leadsman_api.labels import Annotation
from leadsman_api.loading import parse_resource
from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec
from leadsman_operator.facts import Manifest
from leadsman_operator.planner.render.ownership import owned
from leadsman_operator.planner.training.naming import (
    account,
    namespace_of,
    owner_labels,
    registry_secret,
    spec_config_map,
    study_secret,
)

SPEC_FILE = "training-run.json"
STUDY_KEY = "url"
_CHANGEABLE = ("suspend", "keepPodsFor")
"""Fields of the spec that say nothing of what is trained."""


def training_account(resource: TrainingRun) -> Manifest:
    """An account of its own, so that nobody gives the pods rights by mistake."""
    name = resource.metadata.name
    head = owned(resource, "v1", "ServiceAccount", account(name), owner_labels(name))
    return {**head, "automountServiceAccountToken": False}


def spec_file(resource: TrainingRun, trials: int) -> Manifest:
    """The TrainingRun as a file, without what the operator itself wrote."""
    name = resource.metadata.name
    head = owned(resource, "v1", "ConfigMap", spec_config_map(name), owner_labels(name))
    head["metadata"]["annotations"] = {Annotation.TRIALS.value: str(trials)}
    document = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": name,
            "namespace": namespace_of(resource),
            "uid": resource.metadata.uid,
        },
        "spec": decided_spec(resource),
    }
    return {**head, "data": {SPEC_FILE: json.dumps(document, indent=1, sort_keys=True)}}


def spec_in(file: Manifest, uid: str | None) -> TrainingRunSpec | None:
    """The spec in such a file; None where that is of another run, or can't be read."""
    try:
        found = parse_resource(json.loads(file["data"][SPEC_FILE]))
    except (KeyError, ValueError):
        return None
    if not isinstance(found, TrainingRun) or found.metadata.uid != uid:
        return None
    return found.spec


def study_address(resource: TrainingRun, url: str) -> Manifest:
    """The address of the operator's own database, which holds a password."""
    return _secret(resource, study_secret(resource.metadata.name), {STUDY_KEY: url})


def registry_credentials(resource: TrainingRun, credentials: Mapping[str, str]) -> Manifest:
    """What opens the operator's own MLflow server, by MLflow's variable names."""
    return _secret(resource, registry_secret(resource.metadata.name), credentials)


def _secret(resource: TrainingRun, name: str, values: Mapping[str, str]) -> Manifest:
    head = owned(resource, "v1", "Secret", name, owner_labels(resource.metadata.name))
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {**head, "type": "Opaque", "data": data}


def decided_spec(resource: TrainingRun) -> dict[str, Any]:
    """The part of the spec that says what is trained and how it is judged."""
    spec: dict[str, Any] = resource.spec.to_wire()
    spec["promotion"] = {"alias": resource.spec.promotion.alias}
    return {key: value for key, value in spec.items() if key not in _CHANGEABLE}


def spec_hash(resource: TrainingRun) -> str:
    """Hash of that part as the pods read it: the conclude Job writes the same on the version."""
    spec = TrainingRunSpec.model_validate(decided_spec(resource))
    return hashlib.sha256(json.dumps(spec.to_wire(), sort_keys=True).encode()).hexdigest()[:16]
