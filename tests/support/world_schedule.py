"""One TrainingRun with a schedule, in memory: time, the runs that it makes, and what ends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from typing_extensions import override

from leadsman_api.labels import API_VERSION, Annotation
from leadsman_operator.facts import Manifest, ObjectRef
from leadsman_operator.planner.plan import Action
from leadsman_operator.ports import World
from leadsman_operator.reconcile import reconcile
from support.world import CONFIGURATION, MODEL, FakeRegistry, NoStudies
from support.world_clock import Crash, FakeClock, Faults
from support.world_cluster import FakeCluster
from support.world_metrics import FakeMetrics, FakePages

KIND = "TrainingRun"
REF = ObjectRef(API_VERSION, KIND, "ml", MODEL)
NEVER = datetime.max.replace(tzinfo=UTC)
OVER = ("Succeeded", "Rejected", "Failed")
SPEC: dict[str, Any] = {
    "model": {"name": MODEL},
    "data": {"source": {"uri": "sklearn://breast_cancer"}, "target": "target"},
    "objective": {"metric": "roc_auc"},
}


@dataclass(frozen=True)
class Beginning:
    """A run that was made, and how things were at that moment."""

    at: datetime
    """The time of the schedule that it is for."""
    made: datetime
    going: tuple[str, ...]
    """Other runs that had not ended."""
    suspended: bool
    """Whether the schedule was to make none."""


@dataclass
class ScheduleCluster(FakeCluster):
    """A cluster that remembers which runs were made, and in which they take their time to go."""

    beginnings: list[Beginning] = field(default_factory=list)

    @override
    def put(self, manifest: Manifest) -> ObjectRef:
        ref = ObjectRef.of(manifest)
        written = manifest["metadata"].get("annotations", {}).get(Annotation.SCHEDULED_AT)
        if written and ref not in self.objects:
            going = tuple(name for name in self.runs if self.phase(name) not in OVER)
            at = datetime.fromisoformat(written)
            suspended = bool(self.objects[REF]["spec"].get("suspend"))
            self.beginnings.append(Beginning(at, self.clock.now(), going, suspended))
        return super().put(manifest)

    @override
    def remove(self, ref: ObjectRef) -> None:
        if ref.kind == KIND and ref in self.objects:
            self.objects[ref]["metadata"].setdefault("deletionTimestamp", "2026-11-01T12:00:00Z")

    def let_go(self) -> None:
        """The pods of runs that are being deleted have ended."""
        for ref in [self.ref(name) for name in self.runs if self.is_leaving(name)]:
            super().remove(ref)

    @property
    def runs(self) -> list[str]:
        """Names of the runs that are there, the oldest first."""
        return sorted(ref.name for ref in self.objects if ref != REF)

    def phase(self, name: str) -> str:
        """Where a run stands."""
        return str(self.objects[self.ref(name)].get("status", {}).get("phase", "Pending"))

    def is_leaving(self, name: str) -> bool:
        """Whether a run is being deleted."""
        return "deletionTimestamp" in self.objects[self.ref(name)]["metadata"]

    def ref(self, name: str) -> ObjectRef:
        """Where a run is."""
        return ObjectRef(API_VERSION, KIND, REF.namespace, name)


class ScheduleSimulation:
    """One TrainingRun with a schedule in a world that a test moves on."""

    def __init__(self, **schedule: Any) -> None:
        """Begin with a schedule that was just made."""
        self.clock, self.faults = FakeClock(), Faults()
        self.cluster = ScheduleCluster(self.clock, self.faults)
        metrics = FakeMetrics(self.faults, self.cluster)
        registry = FakeRegistry(self.faults, self.clock)
        self.world = World(
            self.clock, self.cluster, registry, metrics, FakePages(metrics), NoStudies()
        )
        self.spec: dict[str, Any] = {**SPEC, "schedule": schedule}
        self.made = self.clock.now()
        self.story: list[str] = []
        self.done: list[tuple[Action, ...]] = []
        """What each look did."""
        self._due = self.made
        """When the operator looks next: at a time that it gave, or on news."""
        self.edit()

    # What users and runs do

    def edit(self, **spec: Any) -> None:
        """Apply the resource with parts of its spec replaced."""
        for name, value in spec.items():
            old = self.spec.get(name, {})
            both = isinstance(old, dict) and isinstance(value, dict)
            self.spec[name] = {**old, **value} if both else value
        metadata = {
            "name": REF.name,
            "namespace": REF.namespace,
            "creationTimestamp": f"{self.made:%Y-%m-%dT%H:%M:%SZ}",
        }
        head = {"apiVersion": REF.api_version, "kind": KIND, "metadata": metadata}
        self.cluster.put({**head, "spec": self.spec})
        self._due = self.clock.now()
        self.tell(f"-- the user writes {spec or self.spec['schedule']}")

    def becomes(self, name: str, phase: str) -> None:
        """A run comes to a phase."""
        self.cluster.objects[self.cluster.ref(name)]["status"] = {"phase": phase}
        self._due = self.clock.now()
        self.tell(f"-- {name} is {phase}")

    def tell(self, what: str) -> None:
        """Write what happens into the story."""
        self.story.append(f"{self.clock.now():%d %H:%M:%S}  {what}")

    # What time and the operator do

    def away(self, **span: float) -> None:
        """Time passes while no operator is there."""
        self.clock.time += timedelta(**span)

    async def advance(self, **span: float) -> None:
        """Time passes; the operator looks each time that it wanted to, and at the end."""
        until = self.clock.now() + timedelta(**span)
        while self._due < until:
            self.clock.time = max(self._due, self.clock.now())
            await self.look()
        self.clock.time = until
        await self.look()

    async def look(self) -> None:
        """The operator looks once; it may die on the way."""
        before = self.status.get("message")
        self._due = self.clock.now() + timedelta(seconds=1)
        try:
            done = await reconcile(REF, self.world, CONFIGURATION)
        except Crash:
            self.tell("the operator is killed")
            return
        self.done.append(done.actions)
        for action in done.actions:
            self.tell(f"{type(action).__name__}: {action.because}")
        for event in done.events:
            kind = "Warning" if event.warning else "Normal"
            self.tell(f"{kind} {event.reason}: {event.message}")
        if done.error is None:
            after = done.look_again_in
            self._due = NEVER if after is None else self.clock.now() + after
        if self.status.get("message") != before:
            self.tell(f"{self.status['phase']}: {self.status['message']}")

    # What tests look at

    @property
    def status(self) -> dict[str, Any]:
        """What the operator reports."""
        found: dict[str, Any] = self.cluster.objects[REF].get("status", {})
        return found

    @property
    def times(self) -> list[str]:
        """The times that runs were made for, in their order."""
        return [f"{one.at:%d %H:%M}" for one in self.cluster.beginnings]

    def text(self) -> str:
        """The last part of the story."""
        return "\n".join(self.story[-80:])
