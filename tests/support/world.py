"""Everything outside of the operator, in memory: what the real reconcile is simulated against."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Self

from leadsman_api.labels import API_VERSION
from leadsman_api.reasons import Reason
from leadsman_operator.facts import (
    ModelFacts,
    ObjectRef,
    RunFacts,
    StudyFacts,
    VersionFacts,
)
from leadsman_operator.planner.observation import Configuration
from leadsman_operator.ports import Endpoint, World
from leadsman_operator.reconcile import Reconciled, reconcile
from support.world_clock import Crash, FakeClock, Faults
from support.world_cluster import FakeCluster, Pod
from support.world_laws import COUNTS, REGISTRY, Laws
from support.world_metrics import PAGES, PROMETHEUS, PROMETHEUS_URL, FakeMetrics, FakePages
from support.world_trouble import API, MLFLOW, Trouble

CONFIGURATION = Configuration(
    serving_image="leadsman/serving:test",
    training_image="leadsman/training:test",
    tracking_uri="http://mlflow:5000",
    prometheus_url=PROMETHEUS_URL,
    study_url="postgresql://studies",
    scrape_interval=timedelta(seconds=5),
)
WITHOUT_PROMETHEUS = replace(CONFIGURATION, prometheus_url=None)
"""Counts are read from the pods."""
MODEL = "churn"
REF = ObjectRef(API_VERSION, "ModelDeployment", "ml", MODEL)
SERVICE = ObjectRef("v1", "Service", "ml", MODEL)
BEHAVIOURS = ("good", "errors", "slow", "unloadable")
BAD = ("errors", "slow", "unloadable")
SPEC: dict[str, Any] = {
    "model": {"name": MODEL, "alias": "champion"},
    "rollout": {
        "steps": [30, 60],
        "minimumStepTime": "10s",
        "deadline": "10m",
        "bake": "30s",
        "keepPrevious": "60s",
    },
}
RATE = 40.0
LOOK_SECONDS = 5.0
"""Between two looks while nothing answers; the operator asks for less."""
STALE_SECONDS = 2 * CONFIGURATION.scrape_interval.total_seconds()


@dataclass
class FakeRegistry:
    """One registered model."""

    faults: Faults
    clock: FakeClock
    versions: dict[int, VersionFacts] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)

    async def model(self, endpoint: Endpoint, name: str) -> ModelFacts | None:
        """The model with its aliases."""
        self._gate(endpoint)
        return ModelFacts(name, dict(self.aliases)) if self.versions else None

    async def version(self, endpoint: Endpoint, name: str, version: int) -> VersionFacts | None:
        """A version; None when there is none."""
        self._gate(endpoint)
        assert name == MODEL
        return self.versions.get(version)

    async def alias(self, endpoint: Endpoint, name: str, alias: str) -> int | None:
        """The version that an alias points at."""
        self._gate(endpoint)
        assert name == MODEL
        return self.aliases.get(alias)

    async def set_alias(self, endpoint: Endpoint, name: str, alias: str, version: int) -> None:
        """Point an alias at a version."""
        self._gate(endpoint)
        assert name == MODEL
        self.aliases[alias] = version

    async def tag_version(
        self, endpoint: Endpoint, name: str, version: int, tags: Mapping[str, str]
    ) -> None:
        """Write tags on a version."""
        self._gate(endpoint)
        assert name == MODEL
        found = self.versions[version]
        self.versions[version] = replace(found, tags={**found.tags, **tags})

    async def ensure_run(
        self, endpoint: Endpoint, experiment: str, name: str, tags: Mapping[str, str]
    ) -> RunFacts:
        """No ModelDeployment has runs."""
        raise NotImplementedError(endpoint, experiment, name, tags)

    async def run(self, endpoint: Endpoint, run_id: str) -> RunFacts | None:
        """No ModelDeployment has runs."""
        raise NotImplementedError(endpoint, run_id)

    async def end_run(
        self, endpoint: Endpoint, run_id: str, status: str, tags: Mapping[str, str]
    ) -> None:
        """No ModelDeployment has runs."""
        raise NotImplementedError(endpoint, run_id, status, tags)

    def _gate(self, endpoint: Endpoint) -> None:
        assert endpoint.address == CONFIGURATION.tracking_uri
        self.faults.gate(MLFLOW, Reason.REGISTRY_UNREACHABLE)


class NoStudies:
    """No ModelDeployment has studies."""

    async def study(self, url: str, name: str) -> StudyFacts | None:
        """None is there."""
        raise NotImplementedError(url, name)

    async def fail_trial(
        self, url: str, name: str, number: int, attributes: Mapping[str, Any]
    ) -> None:
        """None is there."""
        raise NotImplementedError(url, name, number, attributes)

    async def enqueue_trial(
        self, url: str, name: str, parameters: Mapping[str, Any], attributes: Mapping[str, Any]
    ) -> None:
        """None is there."""
        raise NotImplementedError(url, name, parameters, attributes)


class Simulation:
    """One ModelDeployment in a world that a test moves on."""

    hindering: frozenset[str] = frozenset({API})
    """Parts without which no traffic can be moved."""

    def __init__(
        self, spec: Mapping[str, Any] = SPEC, configuration: Configuration = CONFIGURATION
    ) -> None:
        """Begin with a resource and an empty registry."""
        self.spec, self.configuration = spec, configuration
        self.clock, self.faults = FakeClock(), Trouble()
        self.cluster = FakeCluster(self.clock, self.faults)
        self.registry = FakeRegistry(self.faults, self.clock)
        self.metrics = FakeMetrics(self.faults, self.cluster)
        self.pages = FakePages(self.metrics)
        self.world = World(
            self.clock, self.cluster, self.registry, self.metrics, self.pages, NoStudies()
        )
        self.laws = Laws(self.cluster, self.reached)
        self.cluster.watcher = self.after_write
        self.served = False
        self.commands: list[dict[str, Any]] = []
        self.unanswered: list[str] = []
        self.may_swap = False
        """A revision may make room for another before that serves."""
        self.made_room = False
        """One has, and nothing has answered since."""
        self.interrupted_seconds = self.longest_interruption = 0.0
        """Now and ever, without times in which the operator could do nothing about it."""
        self._failed = False
        """The last look has ended early."""
        self.written_at: list[int] = []
        """How many calls were made when each write was done."""
        self._wide: set[ObjectRef] = set()
        self.story: list[str] = []
        self.apply(spec)

    def apply(self, spec: Mapping[str, Any]) -> None:
        """Apply the resource with a spec."""
        metadata = {"name": REF.name, "namespace": REF.namespace}
        self.cluster.put(
            {"apiVersion": REF.api_version, "kind": REF.kind, "metadata": metadata, "spec": spec}
        )

    def command(self, verb: str, revision: str, *, by: str = "ada") -> dict[str, Any]:
        """Have a person ask for something, under an id of its own; gives what was written."""
        self.commands.append(
            {"id": f"c-{len(self.commands) + 1}", "verb": verb, "revision": revision, "by": by}
        )
        self.apply_again(len(self.commands) - 1)
        return self.commands[-1]

    def apply_again(self, number: int) -> None:
        """Apply the resource as it is with a command of before, as a repository may."""
        spec = self.cluster.objects[REF]["spec"]
        rollout = {**spec.get("rollout", {}), "command": self.commands[number]}
        self.apply({**spec, "rollout": rollout})

    def register(self, behaviour: str) -> int:
        """Register one more version, whose pods will behave in a way; gives its number."""
        number = max(self.cluster.behaviours, default=0) + 1
        self.cluster.behaviours[number] = behaviour
        self.registry.versions[number] = VersionFacts(
            MODEL, number, self.clock.now(), f"models:/m-{number}"
        )
        return number

    async def reconcile(self) -> Reconciled | None:
        """Reconcile once; None when the operator's process ended in the middle."""
        before = self.status()
        self.laws.may_interrupt = self.may_swap
        self.laws.begin(before)
        try:
            done = await reconcile(REF, self.world, self.configuration)
        except Crash:
            self.story.append("the operator is killed")
            return None
        finally:
            self.laws.after_look(before, self.status(), self.away())
        self.story.extend(f"{type(one).__name__}: {one.because}" for one in done.actions)
        self.story.extend(f"event {event.reason}: {event.message}" for event in done.events)
        return done

    async def advance(self, seconds: float) -> None:
        """Let time pass, with traffic and controllers at work, and the operator looking.

        It looks once, but while nothing answers as often as it wants to.
        """
        while self.made_room and seconds > LOOK_SECONDS:
            await self._advance(LOOK_SECONDS)
            seconds -= LOOK_SECONDS
        await self._advance(seconds)

    async def _advance(self, seconds: float) -> Reconciled | None:
        self.pass_time(seconds)
        return await self.look()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with traffic and controllers at work and nobody looking."""
        if self.made_room and not (self._failed or self.faults.down & self.hindering):
            self.interrupted_seconds += seconds
            self.longest_interruption = max(self.longest_interruption, self.interrupted_seconds)
        self.clock.advance(seconds)
        self.controllers()
        self.traffic(seconds)

    async def look(self) -> Reconciled | None:
        """The operator looks, and a request comes after that."""
        done = await self.reconcile()
        self._failed = done is None or done.error is not None
        self.ask_all()
        if not self.made_room:
            self.interrupted_seconds = 0.0
        return done

    async def settle(self, most: int = 400) -> None:
        """Go on until two looks in a row find nothing to do."""
        quiet = 0
        for _ in range(most):
            before = self.status()
            done = await self._advance(5)
            still = done is not None and not done.actions and done.error is None
            same = self.status() == before
            quiet = quiet + 1 if still and same else 0
            if quiet > 1:
                return
        raise AssertionError("no rest:\n" + "\n".join(self.story[-40:]))

    async def rest(self, most: int = 150) -> None:
        """Go on until no rollout runs, or it waits for a person."""
        for _ in range(most):
            await self._advance(5)
            status = self.status()
            if not status.get("candidate") or status["phase"] == "Paused":
                return

    def fork(self) -> Self:
        """Another world that is the same so far; what never changes is shared."""
        kept = [*self.metrics.remembers, *self.registry.versions.values(), self.configuration]
        return copy.deepcopy(self, {id(one): one for one in kept})

    def controllers(self) -> None:
        """Let the cluster's controllers work."""
        self.cluster.run()

    def traffic(self, seconds: float) -> None:
        """Clients ask; a request that no pod takes stays unanswered."""
        self.ask_all()
        pods = self.cluster.selected(SERVICE)
        for pod in pods:
            share = round(RATE * seconds / len(pods))
            self.metrics.count(pod, share, self.cluster.behaviours[pod.version])
        self.metrics.scrape(self.clock.now())

    def reached(self) -> Sequence[Sequence[Pod]]:
        """The pods behind each address that requests come to."""
        return [self.cluster.selected(SERVICE)]

    def to_be_reached(self) -> Sequence[Sequence[Pod]]:
        """The same when all that is written has come into effect."""
        return self.reached()

    def after_write(self) -> None:
        """The operator has written something: the laws hold then, too."""
        self.written_at.append(self.faults.calls)
        self.laws.after_write()
        self.ask_all()

    def away(self) -> list[str]:
        """What can't be read just now."""
        counts = PAGES if self.configuration.prometheus_url is None else PROMETHEUS
        stale = counts == PROMETHEUS and self.metrics.age_seconds > STALE_SECONDS
        unread = {COUNTS: stale or counts in self.faults.down, REGISTRY: MLFLOW in self.faults.down}
        return [what for what, is_away in unread.items() if is_away]

    def ask_all(self) -> None:
        """A request comes to each address."""
        reached = self.reached()
        self.served = self.served or (bool(reached) and all(reached))
        for pods in reached:
            self.ask(pods)

    def ask(self, pods: Sequence[Pod]) -> None:
        """A request comes to these pods; without any it stays unanswered.

        Unless a revision has made room, as the spec may allow, until the next one answers.
        """
        wide = {
            ref
            for ref, manifest in self.cluster.objects.items()
            if ref.kind == "Deployment" and manifest["spec"]["replicas"]
        }
        self.made_room |= self.may_swap and not self._wide <= wide
        self._wide = wide
        if any(pod.deployment in wide for pod in pods):
            self.made_room = False
        if self.served and not pods and not self.made_room:
            self.unanswered.append(self.story[-1] if self.story else "at the start")

    def status(self) -> dict[str, Any]:
        """What the operator reports."""
        found: dict[str, Any] = self.cluster.objects.get(REF, {}).get("status", {})
        return found

    def version(self, arm: str) -> int | None:
        """The version that plays a part."""
        found = self.status().get(arm)
        return int(found["version"]) if found else None
