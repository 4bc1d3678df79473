"""What people read: phase, conditions and counts of pods, as they follow from a course."""

from __future__ import annotations

from collections.abc import Iterator

from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.labels import Arm
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import Verdict
from leadsman_api.v1alpha1.model_deployment_status import (
    AliasMove,
    DeploymentPhase,
    ModelDeploymentStatus,
    RevisionStatus,
    RolloutStatus,
)
from leadsman_operator.facts import Missing, Unknown
from leadsman_operator.planner.conditions import Change, updated
from leadsman_operator.planner.course import Course
from leadsman_operator.planner.kept import kept_revisions
from leadsman_operator.planner.names import selector_text, url
from leadsman_operator.planner.revision import Revision
from leadsman_operator.planner.routing.traffic import (
    by_gateway,
    next_traffic,
    realised_share,
    routing_trouble,
)
from leadsman_operator.planner.scene import FULL, Scene
from leadsman_operator.planner.shadow import is_copied
from leadsman_operator.planner.troubles import Trouble, trouble_of

MOST_HISTORY = 20
_ON_THE_WAY = frozenset(
    {
        DeploymentPhase.PENDING,
        DeploymentPhase.ROLLING_OUT,
        DeploymentPhase.BAKING,
        DeploymentPhase.ROLLING_BACK,
        DeploymentPhase.PAUSED,
    }
)


def written(scene: Scene, course: Course) -> ModelDeploymentStatus:
    """The whole status once the plan is carried out."""
    status = course.status
    metadata = scene.observation.resource.metadata
    counted = status.model_copy(
        update={
            "stable": _with_pods(scene, status.stable),
            "candidate": _with_pods(scene, status.candidate),
            "previous": _with_pods(scene, status.previous),
            "kept": kept_revisions(scene, status),
            "rollout": _with_share(scene, status),
            "past": scene.past,
            "traffic": next_traffic(scene, status),
            "replicas": sum(scene.replicas(arm.name) for arm in _arms(status)),
            "ready_replicas": sum(scene.ready(arm.name) for arm in _arms(status)),
            "url": url(metadata.name, metadata.namespace or "default"),
            "selector": selector_text(metadata.name),
            "observed_generation": metadata.generation,
            "history": (*course.told, *status.history)[:MOST_HISTORY],
            "alias_history": _alias_history(scene),
        }
    )
    changes = tuple(_changes(scene, course, counted))
    conditions = updated(
        counted.conditions, *changes, now=scene.now, generation=metadata.generation or 0
    )
    return counted.model_copy(update={"conditions": conditions})


def _arms(status: ModelDeploymentStatus) -> list[RevisionStatus]:
    return [arm for arm in (status.stable, status.candidate, status.previous) if arm is not None]


def _with_pods(scene: Scene, arm: RevisionStatus | None) -> RevisionStatus | None:
    if arm is None:
        return None
    counts = {"replicas": scene.replicas(arm.name), "ready_replicas": scene.ready(arm.name)}
    said = next(
        (
            pod.termination
            for pod in scene.pods.get(arm.name, ())
            if pod.termination is not None and pod.termination.reason is Reason.VERIFIED
        ),
        None,
    )
    if said is None:
        return arm.model_copy(update=counts)
    found = {
        "digest": arm.digest or said.digest,
        "backend": said.backend,
        "backend_because": said.backend_because,
        "largest_difference": said.largest_difference,
    }
    return arm.model_copy(update={**counts, **found})


def _with_share(scene: Scene, status: ModelDeploymentStatus) -> RolloutStatus | None:
    """The share of the ready pods, which is the share of the traffic behind one Service.

    Of a gateway it is what its routes say, once it has taken them up.
    """
    rollout, stable, candidate = status.rollout, status.stable, status.candidate
    if rollout is None or stable is None or candidate is None:
        return rollout
    if by_gateway(scene):
        realised = realised_share(scene)
        known = rollout.realised_weight if realised is None else realised
        return rollout.model_copy(update={"realised_weight": known})
    if status.weight in (0, FULL):
        return rollout.model_copy(update={"realised_weight": float(status.weight or 0)})
    ready = scene.ready(candidate.name)
    all_ready = ready + scene.ready(stable.name)
    share = round(100 * ready / all_ready, 1) if all_ready else 0.0
    return rollout.model_copy(update={"realised_weight": share})


def _alias_history(scene: Scene) -> tuple[AliasMove, ...]:
    """The moves of the alias that we follow, each once."""
    history, alias, wanted = scene.status.alias_history, scene.spec.model.alias, scene.wanted
    if alias is None or not isinstance(wanted, Revision):
        return history
    last = next((move for move in history if move.alias == alias), None)
    if last is not None and last.version == wanted.version:
        return history
    by_operator = bool(
        scene.spec.rollback.move_alias
        and scene.status.stable is not None
        and scene.status.stable.version == wanted.version
        and any(last is not None and one.version == last.version for one in scene.status.blocked)
    )
    move = AliasMove(
        alias=alias,
        version=wanted.version,
        previous_version=last.version if last else None,
        at=scene.now,
        by_operator=by_operator,
        message="moved back after a rollback" if by_operator else None,
    )
    return (move, *history)[:MOST_HISTORY]


def _changes(scene: Scene, course: Course, status: ModelDeploymentStatus) -> Iterator[Change]:
    yield from _summary(course, status, scene)
    yield _resolved(scene)
    yield _verified(scene, status)
    yield _available(scene, status)
    yield _routed(scene, status)
    yield _rolled_out(scene, course, status)
    if status.candidate is not None and status.stable is not None:
        yield _evidence_available(status)


def _summary(course: Course, status: ModelDeploymentStatus, scene: Scene) -> Iterator[Change]:
    """The three of kstatus."""
    message = status.message or ""
    on_the_way = status.phase in _ON_THE_WAY
    trouble = routing_trouble(scene)
    stuck = status.phase in (DeploymentPhase.FAILED, DeploymentPhase.ROLLED_BACK) or (
        isinstance(scene.wanted, Missing)
    )
    if trouble is not None and not stuck:
        yield from _cut_off(trouble, status.message or "")
        return
    enough = _live_ready(scene, status) >= scene.spec.scaling.min_replicas
    ready = status.phase is DeploymentPhase.STABLE and not stuck and enough
    waiting = status.phase is DeploymentPhase.STABLE and not stuck and not enough
    reason = Reason.STARTING if waiting else course.reason
    yield Change(ConditionType.READY, _is(ready), reason, message)
    yield Change(ConditionType.RECONCILING, _is(on_the_way or waiting), reason, message)
    yield Change(ConditionType.STALLED, _is(stuck), course.reason, message)


def _cut_off(trouble: Trouble, message: str) -> Iterator[Change]:
    """The route does not do what it should: the spec is not met, whatever serves."""
    text = message if trouble.message in message else f"{trouble.message}; {message}"
    yield Change(ConditionType.READY, ConditionStatus.FALSE, trouble.reason, text)
    yield Change(ConditionType.RECONCILING, _is(not trouble.final), trouble.reason, text)
    yield Change(ConditionType.STALLED, _is(trouble.final), trouble.reason, text)


def _is(true: bool) -> ConditionStatus:  # noqa: FBT001 - turns a truth into a word
    return ConditionStatus.TRUE if true else ConditionStatus.FALSE


def _resolved(scene: Scene) -> Change:
    wanted, kind = scene.wanted, ConditionType.MODEL_RESOLVED
    name = scene.spec.model.name
    match wanted:
        case Revision():
            message = f"version {wanted.version} of {name} is wanted"
            return Change(kind, ConditionStatus.TRUE, Reason.RESOLVED, message)
        case Missing():
            return Change(kind, ConditionStatus.FALSE, wanted.reason, wanted.message)
        case Unknown():
            return Change(kind, ConditionStatus.UNKNOWN, wanted.reason, wanted.message)


def _verified(scene: Scene, status: ModelDeploymentStatus) -> Change:
    """A pod is ready only after its files were checked and the model has answered once."""
    kind, newest = ConditionType.MODEL_VERIFIED, status.candidate or status.stable
    if newest is None:
        return Change(kind, ConditionStatus.UNKNOWN, Reason.PROGRESSING, "no model was fetched yet")
    if scene.ready(newest.name):
        digest = f", digest {newest.digest}" if newest.digest else ""
        message = f"version {newest.version} was fetched, checked and answers{digest}"
        return Change(kind, ConditionStatus.TRUE, Reason.VERIFIED, message)
    trouble = trouble_of(scene.pods.get(newest.name, ()))
    if trouble is not None:
        word = ConditionStatus.FALSE if trouble.final else ConditionStatus.UNKNOWN
        return Change(kind, word, trouble.reason, trouble.message)
    message = f"version {newest.version} is being fetched and checked"
    return Change(kind, ConditionStatus.UNKNOWN, Reason.PROGRESSING, message)


def _live_ready(scene: Scene, status: ModelDeploymentStatus) -> int:
    """Ready pods of the revisions that get traffic."""
    live = []
    if status.stable is not None and status.weight != FULL:
        live.append(status.stable)
    if status.candidate is not None and status.weight:
        live.append(status.candidate)
    return sum(scene.ready(arm.name) for arm in live)


def _available(scene: Scene, status: ModelDeploymentStatus) -> Change:
    kind, floor = ConditionType.WORKLOAD_AVAILABLE, scene.spec.scaling.min_replicas
    ready = _live_ready(scene, status)
    message = f"{ready} pods are ready for traffic, at least {floor} are wanted"
    if ready >= floor:
        return Change(kind, ConditionStatus.TRUE, Reason.AVAILABLE, message)
    arm = status.stable or status.candidate
    trouble = trouble_of(scene.pods.get(arm.name, ())) if arm else None
    if trouble is None:
        return Change(kind, ConditionStatus.FALSE, Reason.STARTING, message)
    return Change(kind, ConditionStatus.FALSE, trouble.reason, f"{message}: {trouble.message}")


def _routed(scene: Scene, status: ModelDeploymentStatus) -> Change:
    kind, rollout = ConditionType.TRAFFIC_ROUTED, status.rollout
    trouble = routing_trouble(scene)
    if trouble is not None and (status.stable is not None or trouble.final):
        return Change(kind, ConditionStatus.FALSE, trouble.reason, trouble.message)
    if status.stable is None:
        return Change(kind, ConditionStatus.FALSE, Reason.STARTING, "nothing serves yet")
    if status.candidate is None or rollout is None:
        message = f"{status.stable.name} gets all of the traffic"
        return Change(kind, ConditionStatus.TRUE, Reason.ROUTED, message)
    if is_copied(status):
        message = f"{status.candidate.name} gets copies, {status.stable.name} all of the traffic"
        return Change(kind, ConditionStatus.TRUE, Reason.ROUTED, message)
    message = (
        f"{status.candidate.name} gets {rollout.realised_weight or 0:g} percent of the traffic,"
        f" {status.weight} were asked for"
    )
    return Change(kind, ConditionStatus.TRUE, Reason.ROUTED, message)


def _rolled_out(scene: Scene, course: Course, status: ModelDeploymentStatus) -> Change:
    kind, wanted, stable = ConditionType.ROLLED_OUT, scene.wanted, status.stable
    if isinstance(wanted, Unknown):
        return Change(kind, ConditionStatus.UNKNOWN, wanted.reason, wanted.message)
    if isinstance(wanted, Revision) and stable is not None and stable.name == wanted.name:
        message = f"version {wanted.version} carries all of the traffic"
        return Change(kind, ConditionStatus.TRUE, Reason.PROMOTED, message)
    return Change(kind, ConditionStatus.FALSE, course.reason, status.message or "")


def _evidence_available(status: ModelDeploymentStatus) -> Change:
    kind, evidence = ConditionType.EVIDENCE_AVAILABLE, status.evidence
    if evidence is None or evidence.verdict is Verdict.BLIND:
        because = evidence.because if evidence else "nothing was counted yet"
        return Change(kind, ConditionStatus.FALSE, Reason.NO_TRAFFIC, because)
    seen = {total.arm: total for total in evidence.totals}
    arms = " and ".join(arm for arm in (Arm.STABLE, Arm.CANDIDATE) if arm in seen)
    return Change(kind, ConditionStatus.TRUE, Reason.COUNTING, f"requests of {arms} are counted")
