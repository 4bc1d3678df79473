"""What every object of a resource carries: who owns it, and how it is found."""

from __future__ import annotations

from typing import Any

from leadsman_api.custom_resource import Resource


def owner_reference(resource: Resource) -> dict[str, Any]:
    """Reference by which the cluster itself deletes an object along with its resource."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": resource.metadata.name,
        "uid": resource.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owned(
    resource: Resource, api_version: str, kind: str, name: str, labels: dict[str, str]
) -> dict[str, Any]:
    """The head of an object that belongs to a resource."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": resource.metadata.namespace,
            "labels": {str(key): str(value) for key, value in labels.items()},
            "ownerReferences": [owner_reference(resource)],
        },
    }
