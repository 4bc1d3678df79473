"""What a command needs of the outside: streams, the time, and a way into the cluster.

Tests give it texts and a cluster in memory; `program` the real ones.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leadsman_operator.facts import Manifest, ObjectRef


class Access(Protocol):
    """A cluster as the user of a kubeconfig may reach it."""

    async def read(self, ref: ObjectRef) -> Manifest | None:
        """One object; None when it is not there."""

    async def select(
        self, api_version: str, kind: str, namespace: str, labels: Mapping[str, str]
    ) -> Sequence[Manifest]:
        """The objects of a namespace, or of all when it is empty, that carry the labels."""

    async def merge(self, ref: ObjectRef, patch: Mapping[str, Any]) -> Manifest:
        """Change fields of one object by a merge patch."""

    async def user_name(self) -> str:
        """The name under which the API server knows who asks."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A way into a cluster."""

    access: Access
    namespace: str
    """The namespace of the context."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which cluster is meant, as kubectl's own options say it."""

    kubeconfig: str | None = None
    context: str | None = None


Opener = Callable[[Target], AbstractAsyncContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything outside of a command."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    connect: Opener
    now: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]
    """Wait for a number of seconds."""
    new_id: Callable[[], str]
    """A text that nobody has used before."""
    program: str = "kubectl leadsman"
    """How the user has called it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """For NO_COLOR, COLUMNS and the like."""
