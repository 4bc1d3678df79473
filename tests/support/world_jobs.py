"""Jobs in the in-memory cluster: their controller, their pods, and what happens to nodes."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from typing_extensions import override

from leadsman_api.termination import ExitCode, Termination
from leadsman_operator.facts import Manifest, ObjectRef
from support.world_cluster import FakeCluster
from support.world_trouble import Trouble

JOB_LABEL = "batch.kubernetes.io/job-name"
JOB_UID_LABEL = "batch.kubernetes.io/controller-uid"
_START = timedelta(seconds=5)
_BACKOFF = timedelta(seconds=10)
_EVICTED_AFTER = timedelta(seconds=60)
"""How long a node may be silent before its pods are told to go; minutes in a real cluster."""
_ENDED = ("Succeeded", "Failed")
_DISRUPTION = {"type": "DisruptionTarget", "status": "True"}


Program: TypeAlias = Generator[None, None, None]
"""What a pod does, a step at a time; between two it may die."""


class Preempted(Exception):
    """Thrown into a pod's program when it is told to go."""


class Ended(Exception):
    """A pod's program comes to its end."""

    def __init__(self, code: int, said: Termination | None = None) -> None:
        """With a code, and a word for the termination message."""
        super().__init__(code)
        self.code, self.said = code, said


@dataclass
class JobPod:
    """A pod of a Job, from its start to its end."""

    manifest: dict[str, Any]
    job: ObjectRef
    job_uid: str
    index: int
    made_at: datetime
    program: Program | None = None
    silent_since: datetime | None = None
    """When its node was lost."""

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def uid(self) -> str:
        """Its uid."""
        return str(self.manifest["metadata"]["uid"])

    @property
    def phase(self) -> str:
        """Kubernetes' own."""
        return str(self.manifest["status"]["phase"])

    @property
    def is_leaving(self) -> bool:
        """It is told to go."""
        return "deletionTimestamp" in self.manifest["metadata"]

    @property
    def is_over(self) -> bool:
        """Its program has ended, as far as Kubernetes knows."""
        return self.phase in _ENDED

    @property
    def is_disrupted(self) -> bool:
        """It is taken away: that counts for nothing."""
        return _DISRUPTION in self.manifest["status"].get("conditions", [])


def image_of(pod_uid: str) -> str:
    """The image that a pod runs: its name means another one each time that a pod begins."""
    return f"sha256:of-{pod_uid}"


@dataclass
class Ledger:
    """What the controller knows of a Job's pods, those that are gone too."""

    done: set[int] = field(default_factory=set)
    given_up: set[int] = field(default_factory=set)
    failures: Counter[int] = field(default_factory=Counter)
    last_failure: datetime | None = None
    verdict: tuple[str, str] | None = None
    """Condition and reason that the Job gets once no pod is left."""


@dataclass
class JobCluster(FakeCluster):
    """The API server with the controller of Jobs; `begin` makes the programs of pods."""

    faults: Trouble
    begin: Callable[[JobPod], Program] = field(kw_only=True)
    trainers: dict[str, JobPod] = field(default_factory=dict)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    changes: int = 0

    # The port

    @override
    async def select(
        self, api_version: str, kind: str, namespace: str, labels: Mapping[str, str]
    ) -> Sequence[Manifest]:
        """The objects of a namespace that carry the labels."""
        found = await super().select(api_version, kind, namespace, labels)
        if kind != "Pod":
            return found
        pods = [pod.manifest for pod in self.trainers.values()]
        wanted = labels.items()
        return [copy.deepcopy(pod) for pod in pods if wanted <= pod["metadata"]["labels"].items()]

    @override
    def _next(self) -> str:
        self.changes += 1
        return super()._next()

    # What users, kubelets and nodes do

    @override
    def remove(self, ref: ObjectRef) -> None:
        """Delete an object and all that it owns; pods of a Job are told to go."""
        job = self.objects.get(ref)
        super().remove(ref)
        if job is not None and ref.kind == "Job":
            for pod in self.of_job(job):
                self.tell_to_go(pod)

    def of_job(self, job: Manifest) -> list[JobPod]:
        """The pods of a Job that are there."""
        uid = job["metadata"]["uid"]
        return [pod for pod in self.trainers.values() if pod.job_uid == uid]

    def tell_to_go(self, pod: JobPod, *, disrupted: bool = False) -> None:
        """Delete a pod: its program has its grace period to end."""
        if disrupted and not pod.is_over and not pod.is_disrupted:
            pod.manifest["status"].setdefault("conditions", []).append(_DISRUPTION)
        if not pod.is_leaving:
            until = self.clock.now() + timedelta(seconds=60)
            pod.manifest["metadata"]["deletionTimestamp"] = f"{until:%Y-%m-%dT%H:%M:%SZ}"
            self.changes += 1

    def end(self, pod: JobPod, ended: Ended, reason: str | None = None) -> None:
        """A pod's program is over, and its kubelet says so; the Job's controller counts it."""
        pod.program = None
        said = {"message": ended.said.to_text()} if ended.said else {}
        word = reason or ("Error" if ended.code else "Completed")
        state = {"terminated": {"exitCode": ended.code, "reason": word, **said}}
        status = pod.manifest["status"]
        status["phase"] = "Failed" if ended.code else "Succeeded"
        status["containerStatuses"] = [
            {"name": "training", "restartCount": 0, "imageID": image_of(pod.uid), "state": state}
        ]
        self.changes += 1
        # The first rules of their policy: a pod that was taken away counts for nothing.
        if ended.code != ExitCode.PREEMPTED and not pod.is_disrupted:
            self._count(pod, ended.code)

    def lose_node(self, pod: JobPod, *, dies: bool) -> None:
        """Nothing more is heard of a pod's node; what it runs may go on all the same."""
        pod.silent_since = self.clock.now()
        if dies:
            pod.program = None

    def find_nodes(self) -> None:
        """Nodes that were lost are back, with what still runs on them."""
        for pod in self.trainers.values():
            is_lost = pod.silent_since is not None and not pod.is_over
            pod.silent_since = None
            if is_lost and pod.program is None:
                self.end(pod, Ended(137))

    def forget_nodes(self) -> None:
        """Nodes that died are taken out of the cluster, and their pods with them."""
        for pod in [pod for pod in self.trainers.values() if pod.silent_since is not None]:
            self._vanish(pod)

    def _vanish(self, pod: JobPod) -> None:
        pod.program = None
        self.trainers.pop(pod.name)
        self.changes += 1

    # What controllers do

    @override
    def run(self) -> None:
        """Let pods and controllers work for a moment."""
        for pod in list(self.trainers.values()):
            self._live(pod)
        for ref in [ref for ref in self.objects if ref.kind == "Job"]:
            self._control(ref, self.objects[ref])

    def _live(self, pod: JobPod) -> None:
        if pod.silent_since is not None:
            self._live_unheard(pod, pod.silent_since)
        elif pod.phase == "Pending":
            if pod.is_leaving:
                self._vanish(pod)
            elif self.clock.now() - pod.made_at >= _START:
                pod.manifest["status"]["phase"] = "Running"
                pod.program = self.begin(pod)
                self.changes += 1
        elif pod.phase == "Running":
            self._step(pod)
        elif pod.is_leaving:
            self._vanish(pod)

    def _live_unheard(self, pod: JobPod, since: datetime) -> None:
        if self.clock.now() - since > _EVICTED_AFTER:
            self.tell_to_go(pod, disrupted=True)
        try:
            next(pod.program or iter(()))
        except (Ended, StopIteration):
            pod.program = None

    def _step(self, pod: JobPod) -> None:
        program = pod.program
        if program is None:
            raise RuntimeError(f"{pod.name} runs nothing")
        try:
            if pod.is_leaving:
                program.throw(Preempted())
            else:
                next(program)
        except Ended as ended:
            self.end(pod, ended)
        except (Preempted, StopIteration):
            self.end(pod, Ended(ExitCode.PREEMPTED))

    def _count(self, pod: JobPod, code: int) -> None:
        """The other rules and the backoff limits, as our Jobs have them."""
        job = self.objects.get(pod.job)
        if job is None or job["metadata"]["uid"] != pod.job_uid:
            return
        ledger, spec = self._ledger(job), job["spec"]
        if spec.get("suspend") and code:
            return
        if code == ExitCode.DONE:
            ledger.done.add(pod.index)
            return
        ledger.failures[pod.index] += 1
        ledger.last_failure = self.clock.now()
        if code == ExitCode.NO_USE:
            ledger.verdict = ("Failed", "PodFailurePolicy")
        elif "backoffLimitPerIndex" in spec:
            if code == ExitCode.THIS_WORKER or (
                ledger.failures[pod.index] > spec["backoffLimitPerIndex"]
            ):
                ledger.given_up.add(pod.index)
        elif ledger.failures.total() > spec["backoffLimit"]:
            ledger.verdict = ("Failed", "BackoffLimitExceeded")

    def _ledger(self, job: Manifest) -> Ledger:
        return self.ledgers.setdefault(job["metadata"]["uid"], Ledger())

    def _control(self, ref: ObjectRef, job: dict[str, Any]) -> None:
        status, spec = job.setdefault("status", {}), job["spec"]
        before = copy.deepcopy(status)
        if "conditions" in status:
            ended = datetime.fromisoformat(status["conditions"][0]["lastTransitionTime"])
            if self.clock.now() - ended > timedelta(seconds=spec["ttlSecondsAfterFinished"]):
                self.remove(ref)
            return
        ledger = self._ledger(job)
        self._set_times(job, ledger)
        pods = [pod for pod in self.of_job(job) if not pod.is_over]
        if spec.get("suspend") or ledger.verdict is not None:
            for pod in pods:
                self.tell_to_go(pod)
        else:
            self._fill(ref, job, ledger, pods)
        self._conclude(job, ledger)
        mine = self.of_job(job)
        status["active"] = sum(not pod.is_over and not pod.is_leaving for pod in mine)
        status["succeeded"] = len(ledger.done)
        if status != before:
            job["metadata"]["resourceVersion"] = self._next()

    def _set_times(self, job: dict[str, Any], ledger: Ledger) -> None:
        status, spec = job["status"], job["spec"]
        if spec.get("suspend"):
            status.pop("startTime", None)
            return
        now = self.clock.now()
        begun = datetime.fromisoformat(status.setdefault("startTime", _stamp(now)))
        if now - begun > timedelta(seconds=spec["activeDeadlineSeconds"]):
            ledger.verdict = ledger.verdict or ("Failed", "DeadlineExceeded")

    def _fill(
        self, ref: ObjectRef, job: dict[str, Any], ledger: Ledger, pods: list[JobPod]
    ) -> None:
        wanted = range(job["spec"]["completions"])
        for pod in pods:
            if pod.index not in wanted:
                self.tell_to_go(pod)
        failed = ledger.last_failure
        if failed is not None and self.clock.now() - failed < _BACKOFF:
            return
        # podReplacementPolicy Failed: one that is told to go keeps its place until it ended.
        taken = {pod.index for pod in pods} | ledger.done | ledger.given_up
        for index in wanted:
            if index not in taken:
                self._create_pod(ref, job, index)

    def _conclude(self, job: dict[str, Any], ledger: Ledger) -> None:
        wanted = set(range(job["spec"]["completions"]))
        if ledger.verdict is None and wanted <= ledger.done | ledger.given_up:
            given_up = bool(wanted & ledger.given_up)
            ledger.verdict = ("Failed", "FailedIndexes") if given_up else ("Complete", "")
        if ledger.verdict is None or any(not pod.is_over for pod in self.of_job(job)):
            return
        kind, reason = ledger.verdict
        at = _stamp(self.clock.now())
        one = {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": at}
        job["status"]["conditions"] = [one]

    def _create_pod(self, ref: ObjectRef, job: dict[str, Any], index: int) -> None:
        template = job["spec"]["template"]
        name, uid = f"{ref.name}-{index}-{self._next()}", job["metadata"]["uid"]
        labels = {**template["metadata"]["labels"], JOB_LABEL: ref.name, JOB_UID_LABEL: uid}
        metadata = {
            "name": name,
            "namespace": ref.namespace,
            "uid": f"uid-{name}",
            "labels": labels,
        }
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {**template["spec"], "nodeName": f"node-{index}"},
            "status": {"phase": "Pending"},
        }
        self.trainers[name] = JobPod(manifest, ref, uid, index, self.clock.now())


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
