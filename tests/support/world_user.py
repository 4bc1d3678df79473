"""A person at a terminal in the in-memory world: runs `kubectl leadsman` against its cluster."""

from __future__ import annotations

import asyncio
import copy
import io
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_operator.cli.program import run
from leadsman_operator.cli.surroundings import Connection, Surroundings, Target
from leadsman_operator.errors import EdgeError, Refused
from leadsman_operator.facts import Manifest, ObjectRef
from support.world import REF, SPEC, Simulation
from support.world_gateway import OWN, SHADOW, GatewaySimulation

WHOLE: dict[str, Any] = {
    **SPEC,
    "rollout": {
        **SPEC["rollout"],
        "strategy": "Canary",
        "onUndecided": "Promote",
        "onBlind": "Hold",
        "paused": False,
        "approval": {"required": False},
    },
    "rollback": {"enabled": True, "moveAlias": False},
    "health": {
        "conditions": [
            {"name": "errors", "type": "ErrorRate", "ratio": 1.5, "max": 0.02},
            {"name": "latency", "type": "Latency", "ratio": 1.5, "maxLatency": "100ms"},
        ]
    },
}
"""With the defaults that the API server would write."""


class Result(NamedTuple):
    """What a command leaves."""

    code: int
    stdout: str
    stderr: str


class Screen(io.StringIO):
    """A terminal, as far as a program can tell."""

    @override
    def isatty(self) -> bool:
        return True


@dataclass
class UserCluster:
    """The world's cluster as a person may reach it."""

    sim: Simulation
    trouble: EdgeError | None = None

    async def read(self, ref: ObjectRef) -> Manifest | None:
        """One object; None when it is not there."""
        self._gate()
        return copy.deepcopy(self.sim.cluster.objects.get(ref))

    async def select(
        self, api_version: str, kind: str, namespace: str, labels: Mapping[str, str]
    ) -> Sequence[Manifest]:
        """The objects of a namespace, or of all when it is empty."""
        self._gate()
        if namespace:
            return await self.sim.cluster.select(api_version, kind, namespace, labels)
        return [
            copy.deepcopy(manifest)
            for ref, manifest in self.sim.cluster.objects.items()
            if (ref.api_version, ref.kind) == (api_version, kind) and not labels
        ]

    async def merge(self, ref: ObjectRef, patch: Mapping[str, Any]) -> Manifest:
        """Change fields by a merge patch, as RFC 7386 has it."""
        self._gate()
        live = self.sim.cluster.objects.get(ref)
        if live is None:
            raise Refused(Reason.REFUSED, f"the cluster has no place for {ref}")
        manifest = _merged(live, patch)
        self.sim.cluster.put({**manifest, "status": live.get("status", {})})
        return copy.deepcopy(self.sim.cluster.objects[ref])

    async def user_name(self) -> str:
        """Everybody is Ada here."""
        return "ada"

    def _gate(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@dataclass
class User:
    """Ada, with a cluster in which time passes while a command waits."""

    sim: Simulation = field(default_factory=Simulation)
    trouble: EdgeError | None = None
    operator_runs: bool = True
    patience: int | None = None
    """Pauses of a command after which Ada interrupts it; never when None."""
    targets: list[Target] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """Apply the resource with all defaults."""
        self.sim.apply(WHOLE)
        self.sim.cluster.objects[REF]["metadata"]["creationTimestamp"] = "2026-11-01T12:00:00Z"

    def __call__(
        self, *arguments: str, columns: int | None = None, stdin: str = "", **environment: str
    ) -> Result:
        """Run a command as the shell would; with `columns` on a terminal that is so wide."""
        stdout = Screen() if columns else io.StringIO()
        stderr = io.StringIO()
        if columns:
            environment["COLUMNS"] = str(columns)
        surroundings = Surroundings(
            stdin=io.StringIO(stdin),
            stdout=stdout,
            stderr=stderr,
            connect=self._connect,
            now=self.sim.clock.now,
            pause=self._pause,
            new_id=lambda: f"id-{next(self.numbers)}",
            environment=environment,
        )
        code = run(arguments, surroundings)
        return Result(code, stdout.getvalue(), stderr.getvalue())

    def go_on(self, seconds: int) -> None:
        """Let time pass, with the operator at work."""
        for _ in range(seconds // 5):
            asyncio.run(self.sim.advance(5))

    @asynccontextmanager
    async def _connect(self, target: Target) -> AsyncIterator[Connection]:
        self.targets.append(target)
        yield Connection(UserCluster(self.sim, self.trouble), REF.namespace)

    async def _pause(self, seconds: float) -> None:
        if self.patience is not None:
            self.patience -= 1
            if self.patience < 0:
                raise KeyboardInterrupt
        if self.operator_runs:
            await self.sim.advance(seconds)
        else:
            self.sim.clock.advance(seconds)


def _merged(live: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    made = dict(live) if isinstance(live, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = _merged(made.get(key), value)
    return made


def with_copies(**rollout: Any) -> User:
    """Ada, whose model is behind a gateway, and its new versions are tried on copies."""
    user = User(sim=GatewaySimulation(OWN))
    shadow = {**WHOLE["rollout"], "strategy": "Shadow", **rollout}
    user.sim.apply({**WHOLE, **SHADOW, "traffic": OWN, "rollout": shadow})
    return user
