"""From where a ModelDeployment goes to what is done to its objects, in a safe order.

What serves is made before traffic moves to it, and traffic moves away before anything is
taken: a crash between any two actions leaves every request an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from leadsman_api.labels import Arm
from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus, RevisionStatus
from leadsman_operator.facts import Manifest, ObjectRef
from leadsman_operator.planner.plan import (
    Action,
    ApplyObject,
    DeleteObject,
    PatchObject,
    ScaleObject,
)
from leadsman_operator.planner.render.applied import needs_apply, with_hash
from leadsman_operator.planner.render.exposure import (
    account,
    arm_service,
    autoscaler,
    disruption_budget,
    live_service,
)
from leadsman_operator.planner.render.routes import own_routes
from leadsman_operator.planner.render.workload import deployment, record
from leadsman_operator.planner.revision import Revision
from leadsman_operator.planner.routing.backends import Place, split_patch
from leadsman_operator.planner.routing.traffic import (
    by_gateway,
    named_ref,
    place_in,
    routes,
    service_target,
    wanted_split,
)
from leadsman_operator.planner.scene import FULL, Scene
from leadsman_operator.planner.shadow import is_asked
from leadsman_operator.planner.steps import candidate_pods, goal_of
from leadsman_operator.planner.swap import only_arm

_TAKEN_IN_ORDER = (
    "HorizontalPodAutoscaler",
    "HTTPRoute",
    "GRPCRoute",
    "Service",
    "PodDisruptionBudget",
    "Deployment",
    "ControllerRevision",
    "ServiceAccount",
)
"""Nothing scales up what goes, then no traffic, then the pods, then what they were."""

_LOAD_IS_SEEN = timedelta(minutes=5)
"""After the end of a rollout: so far back an autoscaler looks before it takes pods (the default of
`--horizontal-pod-autoscaler-downscale-stabilization`)."""


def actions_toward(scene: Scene, status: ModelDeploymentStatus) -> tuple[Action, ...]:
    """What has to be done so that the cluster is as the status says."""
    after = _Arms(scene, status)
    return (
        *_apply(scene, after.workloads(), "a revision serves"),
        *after.scales(),
        *_apply(scene, after.exposures(), "a revision is reached"),
        *_apply(scene, [after.live(), *after.routes()], "the traffic goes where the rollout says"),
        *_weights(scene, status),
        *_apply(scene, after.autoscalers(), "what carries traffic is scaled"),
        *_take_away(scene, keep={ObjectRef.of(manifest) for manifest in after.all()}),
    )


def take_all(scene: Scene) -> tuple[Action, ...]:
    """Delete everything, in order."""
    return tuple(_take_away(scene, keep=frozenset()))


def live_revision(status: ModelDeploymentStatus, *, split: bool) -> str | None:
    """The revision that the live Service selects; None when it selects the pods of all.

    `split` says that it splits the traffic; a gateway does that with the Services of the arms.
    """
    stable, candidate = status.stable, status.candidate
    if stable is None:
        return candidate.name if candidate else None
    if candidate is None or not status.weight:
        return stable.name
    if status.weight == FULL:
        return candidate.name
    return None if split else stable.name


class _Arms:
    """The objects of the revisions that play a part after this plan."""

    def __init__(self, scene: Scene, status: ModelDeploymentStatus) -> None:
        """Keep what the objects follow from."""
        self._scene, self._status = scene, status
        self._resource = scene.observation.resource
        arms = (status.stable, status.candidate, status.previous)
        self._revisions = [arm for arm in arms if arm is not None]

    def all(self) -> Iterator[Manifest]:
        """Every object that is to be there."""
        yield from self.workloads()
        for revision in self._revisions:
            # A revision whose record is lost can't be repaired, but what is there stays.
            for kind in ("ControllerRevision", "Deployment"):
                manifest = self._scene.live(kind, revision.name)
                if manifest is not None:
                    yield manifest
        for kept in self._status.kept:
            known = self._scene.live("ControllerRevision", kept.name)
            if known is not None:
                yield known
        yield from self.exposures()
        yield self.live()
        yield from self.routes()
        yield from self.autoscalers()

    def workloads(self) -> Iterator[Manifest]:
        """The account, and the record and the Deployment of each revision."""
        yield account(self._resource)
        for revision in self._revisions:
            known = self._scene.live("ControllerRevision", revision.name)
            if known is not None:
                yield known["data"]["deployment"]
                continue
            wanted = self._scene.wanted
            if isinstance(wanted, Revision) and wanted.name == revision.name:
                made = with_hash(
                    deployment(self._resource, wanted, self._scene.observation.configuration)
                )
                yield record(self._resource, wanted, made)
                yield made

    def scales(self) -> Iterator[ScaleObject]:
        """Numbers of pods that no autoscaler decides, and floors that it is slow to see.

        Who grows comes first: what it has to be as wide as has its pods still.
        """
        made = {one["metadata"]["name"] for one in self.workloads() if one["kind"] == "Deployment"}
        numbers = [
            (revision.name, now, self._pods(revision, now))
            for revision in self._revisions
            for now in [self._scene.replicas(revision.name)]
            # Of one that is gone with its record there is nothing to scale.
            if revision.name in made or self._scene.live("Deployment", revision.name) is not None
        ]
        for name, now, wanted in sorted(numbers, key=lambda one: one[1] > one[2]):
            is_new = self._scene.live("Deployment", name) is None
            if wanted != now or is_new:
                namespace = self._resource.metadata.namespace or ""
                ref = ObjectRef("apps/v1", "Deployment", namespace, name)
                number = f"{wanted} pods, not {now}" if wanted != now else "no pods yet"
                yield ScaleObject(ref, wanted, f"{name} needs {number}")

    def _pods(self, revision: RevisionStatus, now: int) -> int:
        status, scaling = self._status, self._scene.spec.scaling
        only = only_arm(self._scene.spec, status)
        if only is not None and revision in (status.stable, status.candidate):
            widest = max(self._scene.replicas(arm.name) for arm in self._revisions)
            return max(widest, scaling.min_replicas) if revision == only else 0
        if revision == status.previous:
            return scaling.min_replicas
        if revision == status.candidate and status.stable is not None and status.weight != FULL:
            needed = self._candidate_pods()
            # Beside a gateway its own autoscaler may have given it more.
            return max(now, needed) if by_gateway(self._scene) and is_asked(status) else needed
        if revision == status.stable and self._goes_back():
            # What takes the traffic back has to be as wide as what had it.
            return max(now, self._scene.replicas(status.candidate.name if status.candidate else ""))
        return max(now, scaling.min_replicas)

    def _goes_back(self) -> bool:
        rollout = self._status.rollout
        return rollout is not None and rollout.going_back_at is not None

    def _candidate_pods(self) -> int:
        """As many as its step needs, which the status after this plan says."""
        resource = self._resource.model_copy(update={"status": self._status})
        after = Scene(replace(self._scene.observation, resource=resource))
        return candidate_pods(after, goal_of(after))

    def exposures(self) -> Iterator[Manifest]:
        """Budgets, and the Services of single arms."""
        for revision in self._revisions:
            yield disruption_budget(self._resource, revision.name, revision.version)
        arms = {Arm.STABLE: self._status.stable, Arm.CANDIDATE: self._status.candidate}
        for arm, own in arms.items():
            target = own.name if own is not None else None
            if by_gateway(self._scene):
                target = service_target(self._scene, self._status, arm)
            if target is not None:
                yield arm_service(self._resource, arm, target)

    def live(self) -> Manifest:
        """The Service of all live traffic; beside a gateway, of what does not come through it."""
        split = not by_gateway(self._scene)
        return live_service(self._resource, live_revision(self._status, split=split))

    def routes(self) -> Iterator[Manifest]:
        """The routes of our own."""
        scene, status = self._scene, self._status
        can_be_made = scene.observation.routing.unreadable is None
        if by_gateway(scene) and self._revisions and can_be_made:
            yield from own_routes(self._resource, wanted_split(scene, status))

    def autoscalers(self) -> Iterator[Manifest]:
        """One for the revision that carries all of the traffic, or the greater part of it.

        During a bake the stable revision keeps the pods it had: the way back must be as wide
        as it was. A gateway's shares don't follow from numbers of pods: there each arm has one.
        """
        status = self._status
        only = only_arm(self._scene.spec, status)
        if only is not None:
            # Of what makes room nothing may start again; of what comes nothing is known yet.
            if only == status.stable or status.weight:
                yield autoscaler(self._resource, only.name, only.version, self._floor(only))
            return
        if by_gateway(self._scene) and status.stable is not None and status.candidate is not None:
            yield from self._autoscalers_of_arms(status.stable, status.candidate)
            return
        first = status.candidate if status.stable is None else None
        baking = status.candidate if status.weight == FULL else None
        carrying = first or baking or status.stable
        if carrying is not None:
            floor = self._floor(carrying)
            yield autoscaler(self._resource, carrying.name, carrying.version, floor)

    def _floor(self, carrying: RevisionStatus) -> int:
        """The pods that it has, while a rollout runs and until an autoscaler knows its load.

        It takes none that it would have wanted in the last minutes: those in which another
        revision had the traffic, or a part of it, don't count for what it has to take now.
        """
        scaling, history = self._scene.spec.scaling, self._status.history
        lately = bool(history) and self._scene.since(history[0].at) < _LOAD_IS_SEEN
        moves = self._status.candidate is not None or lately
        kept = self._scene.replicas(carrying.name) if moves else 0
        return min(max(scaling.min_replicas, kept), scaling.max_replicas)

    def _autoscalers_of_arms(
        self, stable: RevisionStatus, candidate: RevisionStatus
    ) -> Iterator[Manifest]:
        """Each arm grows with its own load, and none below what it may have to take.

        The stable revision does not shrink while the candidate is tried, and the candidate has
        as many pods as its step needs: at full traffic, as many as the stable revision.
        """
        scaling, status = self._scene.spec.scaling, self._status
        kept = max(scaling.min_replicas, self._scene.replicas(stable.name))
        yield autoscaler(
            self._resource, stable.name, stable.version, min(kept, scaling.max_replicas)
        )
        if is_asked(status):
            floor = min(self._candidate_pods(), scaling.max_replicas)
            yield autoscaler(self._resource, candidate.name, candidate.version, floor)


def _apply(scene: Scene, manifests: Iterable[Manifest], because: str) -> Iterator[ApplyObject]:
    for manifest in manifests:
        desired = with_hash(manifest)
        live = scene.observation.cluster.objects.get(ObjectRef.of(desired))
        if needs_apply(desired, live):
            verb = "is missing" if live is None else "differs"
            yield ApplyObject(desired, f"{ObjectRef.of(desired)} {verb}: {because}")


def _weights(scene: Scene, status: ModelDeploymentStatus) -> Iterator[PatchObject]:
    """Move the weights of the user's route, unless that is left for now."""
    reference, traffic = scene.spec.traffic.route_ref, status.traffic
    if reference is None or traffic is None or traffic.written_at != scene.now:
        return
    split = wanted_split(scene, status)
    for route, rule in routes(scene):
        place = place_in(scene, route, rule) if route is not None else None
        if route is not None and isinstance(place, Place) and place.split != split:
            yield PatchObject(
                named_ref(scene, reference),
                split_patch(route, place, split),
                f"{route['kind'].lower()}/{reference.name} splits {place.split}, not {split}",
            )


def _take_away(scene: Scene, keep: frozenset[ObjectRef] | set[ObjectRef]) -> Iterator[DeleteObject]:
    """Kind by kind, and of the revisions that served before the oldest first."""
    order = {kind: number for number, kind in enumerate(_TAKEN_IN_ORDER)}
    going = [
        ref
        for ref, manifest in scene.observation.cluster.objects.items()
        if ref not in keep and ref.kind in order and "deletionTimestamp" not in manifest["metadata"]
    ]
    ages = {one.name: -number for number, one in enumerate(scene.status.kept)}
    for ref in sorted(going, key=lambda ref: (order[ref.kind], ages.get(ref.name, 1), ref.name)):
        yield DeleteObject(ref, f"{ref} plays no part any more")
