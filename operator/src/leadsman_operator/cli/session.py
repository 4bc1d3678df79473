"""A command's time with the cluster: it finds resources, and says what is wrong when it can't."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadsman_api.labels import API_VERSION
from leadsman_operator.cli.failures import Failure, not_there, refused, unreachable
from leadsman_operator.cli.surroundings import Access, Surroundings, Target
from leadsman_operator.errors import Conflict, Refused, Unreachable

if TYPE_CHECKING:
    from leadsman_operator.facts import Manifest, ObjectRef

KIND, RUN_KIND = "ModelDeployment", "TrainingRun"


@dataclass(frozen=True, slots=True)
class Session:
    """One command in one cluster."""

    access: Access
    namespace: str
    surroundings: Surroundings

    async def deployment(self, name: str) -> Manifest:
        """A ModelDeployment; raises Failure with the names that there are."""
        return await self.one(KIND, name)

    async def deployments(self) -> list[Manifest]:
        """All ModelDeployments of the namespace, by name."""
        return await self.all_of(KIND)

    async def one(self, kind: str, name: str) -> Manifest:
        """A resource; raises Failure with the names that there are."""
        found = await self.access.read(self.ref(name, kind))
        if found is not None:
            return found
        names = [str(one["metadata"]["name"]) for one in await self.all_of(kind)]
        raise not_there(kind, name, self.namespace, names)

    async def all_of(self, kind: str, *, everywhere: bool = False) -> list[Manifest]:
        """All resources of a kind in the namespace, or in all namespaces, by name."""
        namespace = "" if everywhere else self.namespace
        found = await self.access.select(API_VERSION, kind, namespace, {})
        return sorted(
            found, key=lambda one: (one["metadata"].get("namespace", ""), one["metadata"]["name"])
        )

    async def change_rollout(self, name: str, rollout: Mapping[str, Any]) -> Manifest:
        """Change fields of `spec.rollout`; None takes one out."""
        return await self.change(KIND, name, {"rollout": dict(rollout)})

    async def change(self, kind: str, name: str, spec: Mapping[str, Any]) -> Manifest:
        """Change fields of `spec`; None takes one out."""
        return await self.access.merge(self.ref(name, kind), {"spec": dict(spec)})

    def ref(self, name: str, kind: str = KIND) -> ObjectRef:
        """Where a resource is."""
        # Only here: it brings the contract's schemas, which `--help` need not wait for.
        from leadsman_operator.facts import ObjectRef  # noqa: PLC0415

        return ObjectRef(API_VERSION, kind, self.namespace, name)


def in_cluster(
    options: argparse.Namespace,
    surroundings: Surroundings,
    work: Callable[[Session], Awaitable[int]],
) -> int:
    """Connect as the options say and do the work; raises Failure."""
    return asyncio.run(_in_cluster(options, surroundings, work))


async def _in_cluster(
    options: argparse.Namespace,
    surroundings: Surroundings,
    work: Callable[[Session], Awaitable[int]],
) -> int:
    given = vars(options)
    target = Target(given.get("kubeconfig"), given.get("context"))
    try:
        async with surroundings.connect(target) as connection:
            namespace = given.get("namespace") or connection.namespace
            return await work(Session(connection.access, namespace, surroundings))
    except Unreachable as error:
        raise unreachable(error.message) from error
    except Refused as error:
        raise refused(error.message) from error
    except Conflict as error:
        raise Failure(f"{error.message}: try again") from error
