"""What a custom resource is beside its fields: names, columns, scale, immutable fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from leadsman_api.contract import Contract
from leadsman_api.object_meta import ObjectMeta

if TYPE_CHECKING:
    from leadsman_api.rules import Immutable


@dataclass(frozen=True, slots=True)
class ResourceNames:
    """The names by which the API server and people call a kind."""

    kind: str
    plural: str
    short: tuple[str, ...]

    @property
    def singular(self) -> str:
        """The kind in lower case."""
        return self.kind.lower()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; wide ones only with `-o wide`."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """Paths of the scale subresource."""

    spec: str
    status: str
    selector: str


class Resource(Contract):
    """A resource of the group, whole."""

    names: ClassVar[ResourceNames]
    columns: ClassVar[tuple[Column, ...]]
    immutable: ClassVar[tuple[Immutable, ...]]
    scale: ClassVar[Scale]

    api_version: Literal["leadsman.dev/v1alpha1"] = Field(default="leadsman.dev/v1alpha1")
    """Group and version of the resource."""
    kind: str
    """Kind of the resource."""
    metadata: ObjectMeta
    """What identifies the object."""
