"""An observation as a training sees it: its attempt, its Jobs and its pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from operator import itemgetter

from leadsman_api import TrainingRun
from leadsman_api.conditions import Condition, ConditionStatus, ConditionType
from leadsman_api.v1alpha1.search import Search, SearchMode
from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec
from leadsman_api.v1alpha1.training_run_status import RunPhase, TrainingRunStatus
from leadsman_operator.facts import Manifest, ObjectRef, PodFacts, StudyFacts
from leadsman_operator.planner.observation import RunObservation
from leadsman_operator.planner.training.jobs import Job, trials_asked_for
from leadsman_operator.planner.training.naming import (
    JOB_LABEL,
    JOB_UID_LABEL,
    conclude_job,
    memory_job,
    namespace_of,
    search_job,
    spec_config_map,
    trial_job_number,
)

OVER = frozenset({RunPhase.SUCCEEDED, RunPhase.REJECTED, RunPhase.FAILED})
_ENDED = frozenset({"Succeeded", "Failed"})
_UNHEARD = timedelta(seconds=30)
"""How much later than it should a pod may end: what its node's kubelet needs to say so."""


@dataclass(frozen=True)
class Scene:
    """One TrainingRun at one moment."""

    observation: RunObservation

    @property
    def now(self) -> datetime:
        """When it was observed."""
        return self.observation.now

    @property
    def resource(self) -> TrainingRun:
        """The TrainingRun."""
        return self.observation.resource

    @property
    def name(self) -> str:
        """Its name."""
        return self.resource.metadata.name

    @property
    def spec(self) -> TrainingRunSpec:
        """What the user asks for."""
        return self.resource.spec

    @property
    def status(self) -> TrainingRunStatus:
        """What was decided before."""
        return self.resource.status

    @cached_property
    def search(self) -> Search:
        """How parameters are searched; the defaults where a reproduction has no search."""
        return self.spec.effective_search or Search()

    @property
    def has_job_per_trial(self) -> bool:
        """Whether each trial gets a Job of its own, in place of workers."""
        return self.search.mode is SearchMode.JOB_PER_TRIAL

    @property
    def attempt(self) -> int:
        """Number of the Jobs that count."""
        return self.status.attempt or 1

    @property
    def is_over(self) -> bool:
        """It has ended, well or not."""
        return self.status.phase in OVER

    @property
    def is_searched(self) -> bool:
        """The search of this attempt has ended: a fact that its Job does not outlive.

        A version that is trained again needs none.
        """
        return self.is_reproducing or self.holds(ConditionType.SEARCHED)

    @property
    def is_reproducing(self) -> bool:
        """Whether a version is trained again, in place of a search."""
        return self.spec.reproduce is not None

    @cached_property
    def conditions(self) -> Mapping[ConditionType, Condition]:
        """The conditions as they were written last."""
        return {condition.type: condition for condition in self.status.conditions}

    def holds(self, kind: ConditionType) -> bool:
        """Whether a condition was true when it was written last."""
        condition = self.conditions.get(kind)
        return condition is not None and condition.status is ConditionStatus.TRUE

    @property
    def study(self) -> StudyFacts | None:
        """The study, when it could be read."""
        found = self.observation.study
        return found if isinstance(found, StudyFacts) else None

    @cached_property
    def pods_with_trial(self) -> frozenset[str | None]:
        """The uids of the pods that have begun a trial, the ended ones too."""
        trials = self.study.trials if self.study is not None else ()
        return frozenset(trial.pod_uid for trial in trials)

    # The cluster

    @cached_property
    def search_job(self) -> Job | None:
        """The Job of the workers; there is none where each trial has a Job of its own."""
        return self._job(search_job(self.name, self.attempt))

    @cached_property
    def trial_jobs(self) -> Mapping[int, Job]:
        """The Jobs of single trials in this attempt by their numbers, the oldest first."""
        found = [(self.trial_job_number(job.name), job) for job in self.jobs]
        numbered = [(number, job) for number, job in found if number is not None]
        return dict(sorted(numbered, key=itemgetter(0)))

    def trial_job_number(self, job: str) -> int | None:
        """Number of the Job of a single trial in this attempt; None for any other one."""
        return trial_job_number(job, self.name, self.attempt)

    @cached_property
    def conclude_job(self) -> Job | None:
        """The Job that concludes."""
        return self._job(conclude_job(self.name, self.attempt))

    @property
    def stage_job(self) -> Job | None:
        """The Job of the stage that the run is in, where that is a single one."""
        return self.conclude_job if self.is_searched else self.search_job

    @property
    def stage_jobs(self) -> tuple[Job, ...]:
        """The Jobs of that stage that are not over."""
        if self.stage_job is not None:
            return (self.stage_job,)
        single = () if self.is_searched else self.trial_jobs.values()
        return tuple(job for job in single if not job.is_over)

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """The Jobs of every attempt, by name."""
        found = [
            Job(manifest)
            for ref, manifest in self.observation.cluster.objects.items()
            if ref.kind == "Job"
        ]
        return tuple(sorted(found, key=lambda job: job.name))

    def _job(self, name: str) -> Job | None:
        return next((job for job in self.jobs if job.name == name), None)

    @cached_property
    def memory_jobs(self) -> tuple[Job, ...]:
        """The Jobs of this attempt's workers with more memory."""
        return tuple(job for job in self.jobs if self._is_with_more_memory(job.name))

    def _is_with_more_memory(self, job: str) -> bool:
        return job.startswith(memory_job(self.name, self.attempt, 0).removesuffix("0"))

    def live(self, kind: str, name: str) -> Manifest | None:
        """An owned object as the API server has it."""
        for ref, manifest in self.observation.cluster.objects.items():
            if ref.kind == kind and ref.name == name:
                return manifest
        return None

    def job_ref(self, name: str) -> ObjectRef:
        """A Job of this run."""
        return ObjectRef("batch/v1", "Job", namespace_of(self.resource), name)

    @property
    def trials_asked_for(self) -> int | None:
        """Trials that the pods were last told of; a run that has ended is not told of more."""
        return trials_asked_for(self.live("ConfigMap", spec_config_map(self.name)))

    def pods_of(self, job: str) -> tuple[PodFacts, ...]:
        """The pods of a Job, the ended ones too."""
        return self.pods_by_job.get(job, ())

    @cached_property
    def pods_by_job(self) -> Mapping[str, tuple[PodFacts, ...]]:
        """The pods by the name of their Job, those too whose Job is gone."""
        found: dict[str, tuple[PodFacts, ...]] = {}
        for pod in self.observation.cluster.pods:
            job = pod.labels.get(JOB_LABEL, "")
            found[job] = (*found.get(job, ()), pod)
        return found

    def concluding_image(self, pod_uid: str | None) -> str | None:
        """Digest of the image that the pod which concluded really ran, while the pod is there.

        A training image of an earlier release does not say which pod that was: a single one of
        the Job can only be it.
        """
        pods = self.pods_of(conclude_job(self.name, self.attempt))
        if pod_uid is not None:
            pods = tuple(pod for pod in pods if pod.uid == pod_uid)
        return pods[0].image_digest if len(pods) == 1 else None

    def is_left_behind(self, job: Job) -> bool:
        """Whether all that a Job still has are pods that go away, with none in their place.

        Kubernetes keeps the last pod of an index until another one is made. In a namespace that
        is being deleted none is ever made, and the namespace waits for the pods; for a pod on a
        node that does not answer none is made before the node does.
        """
        # Pods of a Job that was made anew bear the name of the one before it too.
        pods = [pod for pod in self.pods_of(job.name) if pod.labels.get(JOB_UID_LABEL) == job.uid]
        going = [pod for pod in pods if pod.deleting]
        if not going or job.is_suspended or job.active:
            return False
        if any(is_alive(pod, self.now) for pod in pods):
            return False
        is_unheard = any(pod.phase not in _ENDED for pod in going)
        # One that failed and stays is made up for by another one, after a while.
        return is_unheard or not any(pod.phase == "Failed" and not pod.deleting for pod in pods)

    @cached_property
    def workers(self) -> tuple[PodFacts, ...]:
        """The pods that may run a trial now, of whatever attempt."""
        prefix = search_job(self.name, 0).removesuffix("0")
        return tuple(
            pod
            for pod in self.observation.cluster.pods
            if pod.labels.get(JOB_LABEL, "").startswith(prefix) and is_alive(pod, self.now)
        )

    @cached_property
    def workers_apart(self) -> tuple[PodFacts, ...]:
        """Those of them whose Job is not that of all workers, in this attempt."""
        prefix = f"{search_job(self.name, self.attempt)}-"
        return tuple(pod for pod in self.workers if pod.labels[JOB_LABEL].startswith(prefix))

    @cached_property
    def workers_with_more_memory(self) -> tuple[PodFacts, ...]:
        """Those of them that run what ran out of memory, in this attempt."""
        return tuple(
            pod for pod in self.workers if self._is_with_more_memory(pod.labels[JOB_LABEL])
        )


def is_alive(pod: PodFacts, now: datetime) -> bool:
    """Whether a pod's program may still run; one that is told to go still does.

    One that ought to have ended long ago is on a node that does not answer. If it runs there all
    the same, nothing that it says of its trial counts any more: the trial has ended by then.
    """
    is_unheard = pod.leaves_at is not None and now > pod.leaves_at + _UNHEARD
    return pod.phase not in _ENDED and not is_unheard
