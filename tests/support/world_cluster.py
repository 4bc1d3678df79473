"""A cluster in memory: objects, server-side apply, owners, Deployments and their pods."""

from __future__ import annotations

import itertools
import json
import marshal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonpatch

from leadsman_api.labels import Label
from leadsman_api.reasons import Reason
from leadsman_api.termination import Termination
from leadsman_operator.errors import Conflict, UnknownKind
from leadsman_operator.facts import Manifest, ObjectRef
from support.world_clock import FakeClock, Faults
from support.world_trouble import API

START_SECONDS = 5.0
UNLOADABLE = Termination(reason=Reason.LOAD_FAILED, message="no module named 'nowhere'")


def _nobody() -> None:
    """Nobody looks on."""


@dataclass
class Pod:
    """A serving pod, from its start to its end."""

    manifest: dict[str, Any]
    version: int
    revision: str
    deployment: ObjectRef
    started_at: float
    ready: bool = False
    leaving: bool = False


@dataclass
class FakeCluster:
    """The API server and its controllers, which work when `run` is called."""

    clock: FakeClock
    faults: Faults
    behaviours: dict[int, str] = field(default_factory=dict)
    objects: dict[ObjectRef, dict[str, Any]] = field(default_factory=dict)
    applied: dict[ObjectRef, Manifest] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    deleted: list[ObjectRef] = field(default_factory=list)
    room: int | None = None
    """For so many pods; later ones wait until others are gone."""
    lacks: str | None = None
    """Group of kinds that are not installed."""
    watcher: Callable[[], None] = _nobody
    """Looks on after each write that comes through the port."""
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # The port

    async def read(self, ref: ObjectRef) -> Manifest | None:
        """One object; None when it is not there."""
        self._gate()
        found = self.objects.get(ref)
        return _copied(found) if found is not None else None

    async def select(
        self, api_version: str, kind: str, namespace: str, labels: Mapping[str, str]
    ) -> Sequence[Manifest]:
        """The objects of a namespace that carry the labels."""
        self._gate()
        if self.lacks is not None and api_version.startswith(self.lacks):
            raise UnknownKind(Reason.REFUSED, f"the cluster knows no {kind} of {api_version}")
        wanted = labels.items()
        if kind == "Pod":
            pods = [pod.manifest for pod in self.pods.values()]
            return [_copied(pod) for pod in pods if wanted <= _labels(pod).items()]
        return [
            _copied(manifest)
            for ref, manifest in self.objects.items()
            if (ref.api_version, ref.kind, ref.namespace) == (api_version, kind, namespace)
            and wanted <= _labels(manifest).items()
        ]

    async def apply(self, manifest: Manifest) -> None:
        """Server-side apply: our fields, without those that we applied before and left out."""
        self._gate()
        self.put(manifest)
        self._answer()

    async def delete(self, ref: ObjectRef) -> None:
        """Delete with all that it owns; harmless when it is not there."""
        self._gate()
        self.remove(ref)
        self._answer()

    async def scale(self, ref: ObjectRef, replicas: int) -> None:
        """Set the scale subresource."""
        self._gate()
        if ref not in self.objects:
            raise Conflict(Reason.PROGRESSING, f"{ref} is gone")
        self.objects[ref]["spec"]["replicas"] = replicas
        self._answer()

    async def patch(self, ref: ObjectRef, operations: Sequence[Mapping[str, Any]]) -> None:
        """Carry out a JSON patch; Conflict when a test fails or nothing is there."""
        self._gate()
        try:
            made = jsonpatch.apply_patch(self.objects[ref], list(operations))
        except (KeyError, jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            raise Conflict(Reason.PROGRESSING, f"{ref} is not what it was") from error
        self.objects[ref] = made
        made["metadata"]["generation"] += 1
        made["metadata"]["resourceVersion"] = self._next()
        self._answer()

    async def write_status(self, manifest: Manifest) -> None:
        """Replace the status; Conflict when the object has changed."""
        self._gate()
        ref = ObjectRef.of(manifest)
        live = self.objects.get(ref)
        version = manifest["metadata"]["resourceVersion"]
        if live is None or live["metadata"]["resourceVersion"] != version:
            raise Conflict(Reason.PROGRESSING, f"{ref} has changed")
        live["status"] = _as_json(manifest["status"])
        live["metadata"]["resourceVersion"] = self._next()
        self._answer()

    async def record_event(
        self, about: Manifest, reason: str, message: str, *, warning: bool
    ) -> None:
        """Record an Event about a resource."""
        self._gate()
        kind = "Warning" if warning else "Normal"
        self.events.append(f"{kind} {reason} {ObjectRef.of(about)}: {message}")

    def _gate(self) -> None:
        self.faults.gate(API, Reason.CLUSTER_UNREACHABLE)

    def _answer(self) -> None:
        self.watcher()
        self.faults.answer(API, Reason.CLUSTER_UNREACHABLE)

    def _next(self) -> str:
        return str(next(self.numbers))

    # What users and controllers do

    def put(self, manifest: Manifest) -> ObjectRef:
        """Apply a manifest, as we do and as users do."""
        ref = ObjectRef.of(manifest)
        live = self.objects.get(ref)
        if live is None:
            live = {"metadata": {"uid": f"uid-{self._next()}", "generation": 0}}
            if ref.kind == "Deployment":
                live["spec"] = {"replicas": 1}
            self.objects[ref] = live
        _drop(live, self.applied.get(ref, {}), manifest)
        before = _copied(live.get("spec"))
        _merge(live, _as_json(manifest))
        self.applied[ref] = _as_json(manifest)
        if live.get("spec") != before or not live["metadata"]["generation"]:
            live["metadata"]["generation"] += 1
        live["metadata"]["resourceVersion"] = self._next()
        return ref

    def remove(self, ref: ObjectRef) -> None:
        """Delete an object and all that it owns."""
        gone = self.objects.pop(ref, None)
        self.applied.pop(ref, None)
        if gone is None:
            return
        self.deleted.append(ref)
        for pod in self.pods.values():
            if pod.deployment == ref:
                self._leave(pod)
        for other, manifest in list(self.objects.items()):
            owners = manifest["metadata"].get("ownerReferences", [])
            if any(owner["uid"] == gone["metadata"]["uid"] for owner in owners):
                self.remove(other)

    def lose(self, revision: str, *, kept: int = 0) -> None:
        """The node with the pods of a revision dies, all but so many of them."""
        names = [name for name, pod in self.pods.items() if pod.revision == revision]
        for name in names[kept:]:
            self.pods.pop(name)

    def run(self) -> None:
        """Let the controllers work: pods that left are gone, others start or become ready."""
        self.pods = {name: pod for name, pod in self.pods.items() if not pod.leaving}
        for ref in [ref for ref in self.objects if ref.kind == "HorizontalPodAutoscaler"]:
            self._autoscale(self.objects[ref])
        for ref in [ref for ref in self.objects if ref.kind == "Deployment"]:
            self._replicate(ref, self.objects[ref])
        now = self.clock.now().timestamp()
        for number, pod in enumerate(self.pods.values()):
            if self.room is not None and number >= self.room and not pod.ready:
                pod.started_at = now
            elif now - pod.started_at >= START_SECONDS:
                self._start(pod)

    def selected(self, service: ObjectRef) -> list[Pod]:
        """The pods that get a Service's traffic."""
        manifest = self.objects.get(service)
        if manifest is None:
            return []
        selector = manifest["spec"]["selector"].items()
        return [
            pod
            for pod in self.pods.values()
            if pod.ready and not pod.leaving and selector <= _labels(pod.manifest).items()
        ]

    def _autoscale(self, autoscaler: dict[str, Any]) -> None:
        target = autoscaler["spec"]["scaleTargetRef"]
        ref = ObjectRef(
            target["apiVersion"], target["kind"], autoscaler["metadata"]["namespace"],
            target["name"],
        )  # fmt: skip
        deployment = self.objects.get(ref)
        if deployment is not None:
            spec = deployment["spec"]
            # One that is scaled to 0 by hand stays there: Kubernetes does not scale it.
            if spec["replicas"]:
                spec["replicas"] = max(spec["replicas"], autoscaler["spec"]["minReplicas"])

    def _replicate(self, ref: ObjectRef, deployment: dict[str, Any]) -> None:
        mine = [pod for pod in self.pods.values() if pod.deployment == ref]
        wanted = deployment["spec"]["replicas"]
        for _ in range(wanted - len(mine)):
            self._create(ref, deployment)
        for pod in sorted(mine, key=lambda pod: pod.ready)[: max(0, len(mine) - wanted)]:
            self._leave(pod)

    def _create(self, ref: ObjectRef, deployment: dict[str, Any]) -> None:
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        number = next(self.numbers)
        name = f"{ref.name}-{number}"
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": ref.namespace,
                "uid": f"uid-{name}",
                "labels": dict(labels),
            },
            "status": {"phase": "Pending", "podIP": f"10.0.{number // 256}.{number % 256}"},
        }
        self.pods[name] = Pod(
            manifest,
            version=int(labels[Label.MODEL_VERSION]),
            revision=labels[Label.REVISION],
            deployment=ref,
            started_at=self.clock.now().timestamp(),
        )

    def _start(self, pod: Pod) -> None:
        status = pod.manifest["status"]
        if self.behaviours.get(pod.version) == "hanging":
            return
        if self.behaviours.get(pod.version) == "unloadable":
            ended = {"exitCode": 1, "reason": "Error", "message": UNLOADABLE.to_text()}
            state = {"waiting": {"reason": "CrashLoopBackOff"}}
            one = {"restartCount": 1, "state": state, "lastState": {"terminated": ended}}
            status["containerStatuses"] = [one]
            return
        pod.ready = True
        status["phase"] = "Running"
        status["conditions"] = [{"type": "Ready", "status": "True"}]

    def _leave(self, pod: Pod) -> None:
        pod.leaving, pod.ready = True, False
        pod.manifest["metadata"]["deletionTimestamp"] = "2026-11-01T12:00:00Z"


def _as_json(manifest: Any) -> Any:
    """As it comes over the wire: nothing of it belongs to the sender any more."""
    return json.loads(json.dumps(manifest))


def _copied(manifest: Any) -> Any:
    """A copy of what came over the wire, many times quicker than by `copy.deepcopy`."""
    return marshal.loads(marshal.dumps(manifest))  # noqa: S302 - written in the same line


def _labels(manifest: Manifest) -> Mapping[str, str]:
    labels: Mapping[str, str] = manifest["metadata"].get("labels", {})
    return labels


def _drop(live: dict[str, Any], before: Manifest, after: Manifest) -> None:
    """Take out the fields that we applied before and do not apply any more."""
    for key, value in before.items():
        if key not in after:
            live.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(after[key], Mapping) and key in live:
            _drop(live[key], value, after[key])


def _merge(live: dict[str, Any], ours: Mapping[str, Any]) -> None:
    for key, value in ours.items():
        if isinstance(value, Mapping) and isinstance(live.get(key), dict):
            _merge(live[key], value)
        else:
            live[key] = value
