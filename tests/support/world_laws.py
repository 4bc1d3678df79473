"""The laws of a rollout, held against the world after each single write of the operator.

What holds after every write holds wherever the operator dies. Looked at are the pods and what
clients reach, not what the status says of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from leadsman_api.reasons import Reason
from leadsman_operator.facts import ObjectRef
from support.world_cluster import FakeCluster, Pod

Status: TypeAlias = Mapping[str, Any]

_OF_EVIDENCE = (Reason.EVIDENCE_BAD, Reason.UNDECIDED)
"""Why a revision is blocked where counts have said something."""


@dataclass
class Laws:
    """Watches one ModelDeployment; what it finds is in `broken`."""

    cluster: FakeCluster
    reached: Callable[[], Sequence[Sequence[Pod]]]
    """The pods behind each address that clients' requests come to."""
    broken: list[str] = field(default_factory=list)
    may_interrupt: bool = False
    """A revision may make room for another: how long nothing answers is measured instead."""
    stable: str | None = None
    sizes: dict[ObjectRef, int] = field(default_factory=dict)
    """Pods that each Deployment is to have."""
    live: set[str] = field(default_factory=set)
    """The revisions that requests come to."""

    def begin(self, status: Status) -> None:
        """The operator begins to look: what others have changed before is not its doing."""
        self.stable = (status.get("stable") or {}).get("name")
        self._remember()

    def after_write(self) -> None:
        """The operator has written something."""
        before = self.sizes
        was_live = self.live
        self._remember()
        for ref, size in before.items():
            if self.sizes.get(ref, 0) < size and not self.may_interrupt:
                self._shrunk(ref.name, size, was_live)

    def after_look(self, before: Status, after: Status, away: Sequence[str]) -> None:
        """The operator has looked, while it could not read what is `away`."""
        self.broken += [
            f"{one}, and {' and '.join(away)} can't be read"
            for one in _against_the_unknown(before, after, away)
        ]

    def _shrunk(self, revision: str, size: int, was_live: set[str]) -> None:
        if revision in was_live:
            self.broken.append(f"{revision} shrinks while requests come to it")
        elif revision == self.stable:
            ready = sum(len(pods) for pods in self.reached())
            others = sum(self.sizes.get(ref, 0) for ref in self.sizes if ref.name in self.live)
            needed = max(1, min(size, others))
            if ready < needed:
                why = f"{ready} of {needed} pods are ready in its place"
                self.broken.append(f"the stable revision shrinks before that: {why}")

    def _remember(self) -> None:
        self.live = {pod.revision for pods in self.reached() for pod in pods}
        self.sizes = {
            ref: manifest["spec"]["replicas"]
            for ref, manifest in self.cluster.objects.items()
            if ref.kind == "Deployment"
        }


COUNTS, REGISTRY = "the counts of requests", "the registry"


def _against_the_unknown(before: Status, after: Status, away: Sequence[str]) -> Iterator[str]:
    """What was decided by something that nobody could know."""
    known = before.get("blocked", [])
    rollout = after.get("rollout") or {}
    told = [one for one in after.get("history", []) if one not in before.get("history", [])]
    if COUNTS in away:
        for one in after.get("blocked", []):
            if one not in known and one["reason"] in _OF_EVIDENCE:
                yield f"{one['name']} is blocked as {one['reason']}"
        for one in told:
            if one["reason"] == Reason.PROMOTED and before.get("stable") and not one.get("by"):
                yield f"{one['toRevision']} is promoted, which takes pods from the one before"
    if REGISTRY in away:
        began = rollout and not before.get("candidate")
        of_before = {"goingBackAt", "restoredBy"} & rollout.keys()
        if began and not of_before:
            yield f"a rollout of {after['candidate']['name']} begins"
        yield from (one["message"] for one in told if one["reason"] == Reason.SUPERSEDED)
