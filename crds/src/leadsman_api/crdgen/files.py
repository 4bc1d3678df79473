"""Every generated file: its path in the repository, and what must stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadsman_api.crdgen.chart import template
from leadsman_api.crdgen.manifest import manifest
from leadsman_api.crdgen.reference import reference
from leadsman_api.v1alpha1 import ModelDeployment, TrainingRun

if TYPE_CHECKING:
    from leadsman_api.custom_resource import Resource

RESOURCES: tuple[type[Resource], ...] = (ModelDeployment, TrainingRun)


def generated_files() -> dict[str, str]:
    """Contents by path, from the root of the repository."""
    files = {"docs/reference/api.md": reference(RESOURCES)}
    for resource in RESOURCES:
        name = f"{resource.names.plural}.yaml"
        files[f"crds/manifests/{name}"] = manifest(resource)
        files[f"charts/leadsman-crds/templates/{name}"] = template(resource)
    return files
