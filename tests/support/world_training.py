"""One TrainingRun with all that it meets, in memory: what the real reconcile is simulated with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from leadsman_api.labels import API_VERSION
from leadsman_api.studies import study_name
from leadsman_operator.facts import ObjectRef
from leadsman_operator.ports import World
from leadsman_operator.reconcile import Reconciled, reconcile
from support.world import CONFIGURATION, MODEL
from support.world_clock import Crash, FakeClock
from support.world_cluster import FakeCluster
from support.world_jobs import Ended, JobCluster, JobPod, Program
from support.world_metrics import FakeMetrics, FakePages
from support.world_servers import FakeMlflow, FakeStudies
from support.world_trainers import MOST_FAILED, Trainers
from support.world_trouble import MLFLOW, STUDIES, Trouble

REF = ObjectRef(API_VERSION, "TrainingRun", "ml", MODEL)
OVER = ("Succeeded", "Rejected", "Failed")
SPEC: dict[str, Any] = {
    "model": {"name": MODEL},
    "data": {"source": {"uri": "sklearn://breast_cancer"}, "target": "target"},
    "objective": {"metric": "roc_auc"},
    "search": {
        "trials": 3,
        "parallelism": 2,
        "timeout": "20m",
        "maxFailedTrials": MOST_FAILED,
        "retries": {"disruptions": 3},
    },
}
TICK = 5.0
MOST_LOOKS = 1000


class TrainingSimulation:
    """One TrainingRun in a world that a test moves on."""

    def __init__(self, **spec: Any) -> None:
        """Begin with a resource, and an empty registry."""
        self.clock, self.faults = FakeClock(), Trouble()
        self.cluster = JobCluster(self.clock, self.faults, begin=self._begin)
        self.mlflow = FakeMlflow(self.faults, self.clock)
        self.studies = FakeStudies(self.faults, "", self._is_at_work)
        self.trainers = Trainers(self.clock, self.cluster, self.mlflow, self.studies)
        metrics = FakeMetrics(self.faults, FakeCluster(self.clock, self.faults))
        self.world = World(
            self.clock, self.cluster, self.mlflow, metrics, FakePages(metrics), self.studies
        )
        self.story: list[str] = []
        self.could_end_all = False
        """MLflow and the study could be told when the run went."""
        self.left_behind: list[Any] = []
        """Jobs and pods that were still there when it went."""
        self._due: datetime | None = self.clock.now()
        self._seen: tuple[Any, ...] = ()
        self.spec: dict[str, Any] = {**SPEC, **spec}
        self.edit()
        self.mlflow.uid = self.cluster.objects[REF]["metadata"]["uid"]
        self.studies.name = study_name(REF.namespace, REF.name, self.mlflow.uid)

    def _begin(self, pod: JobPod) -> Program:
        return self.trainers.begin(pod)

    def _is_at_work(self, uid: str) -> bool:
        pods = [pod for pod in self.cluster.trainers.values() if pod.uid == uid]
        return any(pod.program is not None and pod.silent_since is None for pod in pods)

    # What users do

    def edit(self, **spec: Any) -> None:
        """Apply the resource with parts of its spec replaced."""
        for name, value in spec.items():
            old = self.spec.get(name, {})
            both = isinstance(old, dict) and isinstance(value, dict)
            self.spec[name] = {**old, **value} if both else value
        metadata = {"name": REF.name, "namespace": REF.namespace}
        self.cluster.put(
            {
                "apiVersion": REF.api_version,
                "kind": REF.kind,
                "metadata": metadata,
                "spec": self.spec,
            }
        )
        self.tell(f"the user writes {spec}")

    def delete(self) -> None:
        """Ask for the deletion of the run; its finalizer keeps it until the operator is done."""
        metadata = self.cluster.objects[REF]["metadata"]
        metadata["deletionTimestamp"] = f"{self.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        self.cluster.changes += 1
        self.tell("the user deletes the run")

    # What the world does

    def lose_pod(self, pod: JobPod, how: str) -> None:
        """A pod is lost in one of many ways."""
        if how == "evicted":
            self.cluster.tell_to_go(pod, disrupted=True)
        elif how == "deleted":
            self.cluster.tell_to_go(pod)
        elif pod.program is None:
            return
        elif how == "out of memory":
            self.cluster.end(pod, Ended(137), "OOMKilled")
        elif how == "killed":
            self.cluster.end(pod, Ended(137))
        else:
            self.cluster.lose_node(pod, dies=how == "node dead")
        self.tell(f"pod {pod.name} is lost: {how}")

    def tell(self, what: str) -> None:
        """Write what happens into the story."""
        self.story.append(f"{self.clock.now():%H:%M:%S}  {what}")

    # What the operator does

    async def advance(self, seconds: float) -> None:
        """Let time pass with all at work; the operator looks when it is woken or it is time."""
        self.clock.advance(seconds)
        self.cluster.run()
        seen = (self.cluster.changes, dict(self.mlflow.aliases))
        if seen != self._seen or (self._due is not None and self._due <= self.clock.now()):
            self._seen = seen
            await self.reconcile()

    async def reconcile(self) -> Reconciled | None:
        """Reconcile once; None when the operator's process ended in the middle."""
        before = self.phase
        self._due = self.clock.now()
        try:
            done = await reconcile(REF, self.world, CONFIGURATION)
        except Crash:
            self.tell("the operator is killed")
            return None
        for action in done.actions:
            self.tell(f"{type(action).__name__}: {action.because}")
        for event in done.events:
            self.tell(f"event {event.reason}: {event.message}")
        if done.error is not None:
            self.tell(f"{type(done.error).__name__}: {done.error.message}")
        else:
            after = done.look_again_in
            self._due = None if after is None else self.clock.now() + after
        if done.gone and REF in self.cluster.objects:
            # A parent run whose id the status never got can't be found any more.
            is_known = "runId" in self.status or not self.mlflow.parents()
            self.could_end_all = is_known and not self.faults.down & {MLFLOW, STUDIES}
            self.left_behind = [*self.objects("Job"), *self.cluster.trainers]
            self.cluster.remove(REF)
            self.tell("the run is gone")
        if self.phase != before:
            self.tell(f"phase {self.phase}: {self.status.get('message')}")
        return done

    async def settle(self, until: Callable[[], bool], quiet: int = 2) -> None:
        """Go on until something holds, and the operator had nothing to do for so many looks."""
        looks = 0
        for _ in range(MOST_LOOKS):
            before = len(self.story)
            await self.advance(TICK)
            looks = looks + 1 if len(self.story) == before else 0
            if looks >= quiet and until():
                return
        raise AssertionError("no rest:\n" + "\n".join(self.story[-60:]))

    # What tests look at

    @property
    def is_there(self) -> bool:
        """Whether the resource is there, perhaps on its way out."""
        return REF in self.cluster.objects

    @property
    def is_leaving(self) -> bool:
        """Whether it is gone, or on its way out."""
        return "deletionTimestamp" in self.cluster.objects.get(REF, {}).get(
            "metadata", {"deletionTimestamp": ""}
        )

    @property
    def status(self) -> dict[str, Any]:
        """What the operator reports."""
        found: dict[str, Any] = self.cluster.objects.get(REF, {}).get("status", {})
        return found

    @property
    def phase(self) -> str:
        """Where the run stands, in one word."""
        return str(self.status.get("phase", ""))

    @property
    def reason(self) -> str:
        """Why it stands there."""
        conditions = {one["type"]: one for one in self.status.get("conditions", [])}
        return str(conditions.get("Ready", {}).get("reason", ""))

    def objects(self, kind: str) -> list[ObjectRef]:
        """The objects of a kind."""
        return sorted(ref for ref in self.cluster.objects if ref.kind == kind)

    def text(self) -> str:
        """The last part of the story."""
        return "\n".join(self.story[-100:])
