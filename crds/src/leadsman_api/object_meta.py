"""The part of a resource that Kubernetes itself owns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from leadsman_api.contract import Contract
from leadsman_api.values import Form, Time

ResourceName = Annotated[
    str,
    # Services take this name with -candidate behind it, pods with a version and a hash:
    # 40 characters leave room for all of them in the 63 of a DNS label.
    Form(
        r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$",
        "write a name of at most 40 lower-case letters, digits and '-', starting with a letter",
        longest=40,
    ),
]


class ObjectMeta(Contract):
    """What identifies the object; fields that we never read pass through unread."""

    model_config = ConfigDict(extra="ignore")

    name: ResourceName
    """Name of the resource, and the stem of the names of all that belongs to it."""
    namespace: str | None = None
    """Namespace that the resource and all that belongs to it live in."""
    uid: str | None = None
    """Identity of this very object: another one of the same name has another."""
    generation: int | None = None
    """Number that grows with each change of the spec."""
    resource_version: str | None = None
    """Version of the object as a whole, for optimistic locking."""
    creation_timestamp: Time | None = None
    """When the object was created."""
    deletion_timestamp: Time | None = None
    """When its deletion was asked for."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Labels of the object."""
    annotations: Mapping[str, str] = Field(default_factory=dict)
    """Annotations of the object."""
    finalizers: tuple[str, ...] = ()
    """Who still has work to do before the object may go."""
    owner_references: tuple[Mapping[str, Any], ...] = ()
    """The objects that this one goes away with."""
