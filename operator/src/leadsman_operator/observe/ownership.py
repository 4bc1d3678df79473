"""How the objects of a resource are found, and told from those of somebody who uses our labels."""

from __future__ import annotations

from leadsman_api import ModelDeployment, TrainingRun
from leadsman_api.labels import MANAGED_BY, Label
from leadsman_operator.facts import Manifest


def labels_of(resource: ModelDeployment | TrainingRun) -> dict[str, str]:
    """Labels that all of a resource's objects carry."""
    serving = isinstance(resource, ModelDeployment)
    label = Label.MODEL_DEPLOYMENT if serving else Label.TRAINING_RUN
    return {Label.MANAGED_BY.value: MANAGED_BY, label.value: resource.metadata.name}


def is_owned(manifest: Manifest, uid: str | None) -> bool:
    """Whether an object belongs to the resource of this uid."""
    owners = manifest["metadata"].get("ownerReferences", [])
    return any(owner.get("uid") == uid for owner in owners)
