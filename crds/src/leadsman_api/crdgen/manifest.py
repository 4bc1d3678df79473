"""CustomResourceDefinitions from the models."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from leadsman_api.labels import GROUP, VERSION
from leadsman_api.structural import structural_schema

if TYPE_CHECKING:
    from leadsman_api.custom_resource import Column, Resource

HEADER = (
    "# Generated from the models in leadsman_api; do not edit.\n"
    "# To regenerate: uv run python -m leadsman_api.crdgen\n"
)


def crd(resource: type[Resource]) -> dict[str, Any]:
    """The CustomResourceDefinition of a resource."""
    names = resource.names
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{names.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "leadsman"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.kind,
                "listKind": f"{names.kind}List",
                "plural": names.plural,
                "singular": names.singular,
                "shortNames": list(names.short),
                "categories": ["all", "leadsman"],
            },
            "versions": [_version(resource)],
        },
    }


@cache
def manifest(resource: type[Resource]) -> str:
    """The manifest as it is committed."""
    # Through JSON: parts that are the same object would be written as YAML's references.
    plain = json.loads(json.dumps(crd(resource)))
    return HEADER + yaml.safe_dump(plain, sort_keys=False, width=100, allow_unicode=True)


def _version(resource: type[Resource]) -> dict[str, Any]:
    scale = resource.scale
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in resource.columns],
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": scale.spec,
                "statusReplicasPath": scale.status,
                "labelSelectorPath": scale.selector,
            },
        },
        "schema": {"openAPIV3Schema": structural_schema(resource)},
    }


def _column(column: Column) -> dict[str, Any]:
    shown = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return shown | ({"priority": 1} if column.wide else {})
