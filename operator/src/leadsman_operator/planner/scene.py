"""An observation as a rollout sees it: the parts that revisions play, and how their pods are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from leadsman_api.labels import Arm, Label
from leadsman_api.v1alpha1.evidence import Evidence, Past
from leadsman_api.v1alpha1.model_deployment import ModelDeploymentSpec
from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus, RevisionStatus
from leadsman_operator.facts import Manifest, Missing, ObjectRef, PodFacts, Unknown
from leadsman_operator.planner.judge.resting import past_with
from leadsman_operator.planner.judge.weigh import weigh
from leadsman_operator.planner.observation import DeploymentObservation
from leadsman_operator.planner.revision import Revision, wanted_revision
from leadsman_operator.planner.troubles import ready_count

FULL = 100


@dataclass(frozen=True)
class Scene:
    """One ModelDeployment at one moment."""

    observation: DeploymentObservation

    @property
    def now(self) -> datetime:
        """When it was observed."""
        return self.observation.now

    @property
    def spec(self) -> ModelDeploymentSpec:
        """What the user asks for."""
        return self.observation.resource.spec

    @property
    def status(self) -> ModelDeploymentStatus:
        """What was decided before."""
        return self.observation.resource.status

    @cached_property
    def wanted(self) -> Revision | Missing | Unknown:
        """The revision that spec and registry ask for."""
        return wanted_revision(self.observation)

    @cached_property
    def pods(self) -> Mapping[str, tuple[PodFacts, ...]]:
        """The pods of each revision, those that are going away too."""
        found: dict[str, tuple[PodFacts, ...]] = {}
        for pod in self.observation.cluster.pods:
            revision = pod.labels.get(Label.REVISION, "")
            found[revision] = (*found.get(revision, ()), pod)
        return found

    @cached_property
    def evidence(self) -> Evidence | None:
        """What the rollout has shown, brought up to date; only while there is one."""
        stable, candidate = self.status.stable, self.status.candidate
        if stable is None or candidate is None:
            return self.status.evidence
        return weigh(
            self.observation,
            {stable.name: Arm.STABLE, candidate.name: Arm.CANDIDATE},
        )

    @cached_property
    def past(self) -> Past | None:
        """What the stable revision has counted at rest, brought up to date; a rollout keeps it."""
        stable, counts = self.status.stable, self.observation.counts
        if stable is None or self.status.candidate is not None or isinstance(counts, Unknown):
            return self.status.past
        return past_with(self.status.past, counts, stable.name, self.now)

    def ready(self, revision: str) -> int:
        """Pods of a revision that take requests."""
        return ready_count(self.pods.get(revision, ()))

    def live(self, kind: str, name: str) -> Manifest | None:
        """An owned object as the API server has it."""
        for ref, manifest in self.observation.cluster.objects.items():
            if ref.kind == kind and ref.name == name:
                return manifest
        return None

    def replicas(self, revision: str) -> int:
        """Pods that a revision's Deployment asks for; 0 without one."""
        deployment = self.live("Deployment", revision)
        return int(deployment["spec"].get("replicas", 1)) if deployment else 0

    def bystanders(self, *arms: RevisionStatus | None) -> tuple[str, ...]:
        """Revisions that still have pods and are none of the arms."""
        names = {arm.name for arm in arms if arm is not None}
        return tuple(sorted(revision for revision in self.pods if revision not in names))

    def since(self, moment: datetime | None) -> timedelta:
        """Time since a moment; none when it never was."""
        return self.now - moment if moment else timedelta(0)

    @property
    def refs(self) -> tuple[ObjectRef, ...]:
        """The owned objects."""
        return tuple(self.observation.cluster.objects)


def pods_of_share(weight: int, stable_pods: int, most: int) -> int:
    """Pods of a candidate that gets its traffic by a weight: its share of what there is now."""
    return max(1, min(most, -(-stable_pods * weight // FULL)))


def pods_for(weight: int, stable_pods: int, most: int) -> int:
    """Pods of a candidate by which its share of all pods comes closest to a weight.

    At least one, or there is nothing to judge: of 2 stable pods, 10 percent are 1 pod (which
    is 33 percent in truth, and reported so), 60 percent are 3. Shares don't grow in step with
    pods, so the nearest number of pods need not give the nearest share.
    """
    if weight >= FULL:
        return stable_pods
    fewer = stable_pods * weight // (FULL - weight)
    allowed = {max(1, min(most, pods)) for pods in (fewer, fewer + 1)}
    return min(sorted(allowed), key=lambda pods: abs(FULL * pods / (pods + stable_pods) - weight))
