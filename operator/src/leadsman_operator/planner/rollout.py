"""The way of a candidate: each rule looks at the scene and says where to go, or passes.

The first rule that does not pass decides; together they read as the life of a rollout.
"""

from __future__ import annotations

from collections.abc import Callable

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import Verdict
from leadsman_api.v1alpha1.model_deployment_status import (
    BlockedRevision,
    DeploymentPhase,
    RevisionStatus,
)
from leadsman_operator.facts import Missing
from leadsman_operator.planner.commands import asked, with_answer
from leadsman_operator.planner.course import Course, by_person, move, stay
from leadsman_operator.planner.handover import held_back, strands, unseen
from leadsman_operator.planner.kept import is_restored
from leadsman_operator.planner.outcomes import begin, promote, roll_back, without
from leadsman_operator.planner.plan import SetAlias
from leadsman_operator.planner.revision import Revision
from leadsman_operator.planner.routing.traffic import (
    ALL_STABLE,
    carries,
    routing_trouble,
    written_split,
)
from leadsman_operator.planner.scene import FULL, Scene
from leadsman_operator.planner.shadow import is_asked, is_copied
from leadsman_operator.planner.steps import come_up, is_judged, next_step
from leadsman_operator.planner.swap import is_interrupted
from leadsman_operator.planner.troubles import Trouble, trouble_of

Rule = Callable[[Scene], Course | None]


def next_course(scene: Scene) -> Course:
    """Where to go now; a command that can't be carried out is answered on the way."""
    courses = (rule(scene) for rule in RULES)
    found = next((course for course in courses if course is not None), None) or next_step(scene)
    return with_answer(scene, _keep_an_answer(scene, found))


def _keep_an_answer(scene: Scene, course: Course) -> Course:
    """No traffic leaves the candidate for pods that are not ready, unless a person says where to.

    A bad answer now and then is better than none.
    """
    stable = scene.status.stable
    if stable is None or not strands(scene, course.status):
        return course
    wish = asked(scene)
    if wish is not None and not strands(scene, wish.status):
        return wish
    phase = scene.status.phase or DeploymentPhase.ROLLING_OUT
    message = f"no pod of version {stable.version} is ready to take over: {course.status.message}"
    return stay(scene, phase, Reason.STARTING, message)


def _first_version(scene: Scene) -> Course | None:
    """Nothing has ever served: the wanted revision gets all of the traffic once it is ready."""
    if scene.status.stable is not None:
        return None
    candidate, wanted = scene.status.candidate, scene.wanted
    if not isinstance(wanted, Revision):
        if candidate is None:
            phase = (
                DeploymentPhase.FAILED if isinstance(wanted, Missing) else DeploymentPhase.PENDING
            )
            return stay(scene, phase, wanted.reason, wanted.message)
    elif candidate is None or candidate.name != wanted.name:
        return move(
            scene,
            DeploymentPhase.PENDING,
            Reason.PROGRESSING,
            f"version {wanted.version} is the first to serve: starting its pods",
            candidate=wanted.as_status(scene.now),
            weight=FULL,
        )
    if candidate is None:
        return None
    return _first_pods(scene, candidate)


def _first_pods(scene: Scene, candidate: RevisionStatus) -> Course:
    if scene.ready(candidate.name) > 0:
        return move(
            scene,
            DeploymentPhase.STABLE,
            Reason.PROMOTED,
            f"version {candidate.version} serves",
            stable=candidate.model_copy(update={"since": scene.now}),
            candidate=None,
            weight=None,
            evidence=None,
        )
    trouble = trouble_of(scene.pods.get(candidate.name, ()))
    if trouble is None:
        message = f"waiting for the first pod of version {candidate.version}"
        return stay(scene, DeploymentPhase.PENDING, Reason.STARTING, message)
    phase = DeploymentPhase.FAILED if trouble.final else DeploymentPhase.PENDING
    message = f"version {candidate.version} can't serve: {trouble.message}"
    return stay(scene, phase, trouble.reason, message)


def _go_back(scene: Scene) -> Course | None:
    """After its promotion a revision is to go: the one before takes over when it is wide enough."""
    stable, candidate, rollout = scene.status.stable, scene.status.candidate, scene.status.rollout
    if stable is None or candidate is None or rollout is None or rollout.going_back_at is None:
        return None
    if candidate.name in _blocked_names(scene):
        return None
    ready, left = scene.ready(stable.name), scene.ready(candidate.name)
    late = scene.since(rollout.going_back_at) > scene.spec.rollout.deadline
    needed = 1 if late or not left else max(1, scene.replicas(candidate.name))
    if ready < needed:
        message = f"{ready} of {needed} pods of version {stable.version} are ready to take over"
        return stay(scene, DeploymentPhase.ROLLING_BACK, Reason.STARTING, message)
    by = rollout.going_back_by or ""
    return by_person(roll_back(scene, Reason.ABORTED, f"{by} asked for it"), by)


def _finish_rolling_back(scene: Scene) -> Course | None:
    """The traffic is away from a blocked candidate: now its pods may go."""
    candidate = scene.status.candidate
    if candidate is None or candidate.name not in _blocked_names(scene):
        return None
    if not carries(scene, ALL_STABLE):
        return _wait_for_gateway(scene, DeploymentPhase.ROLLING_BACK, Reason.ROLLED_BACK)
    return stay(
        scene,
        DeploymentPhase.ROLLED_BACK,
        Reason.ROLLED_BACK,
        scene.status.message or "",
        candidate=None,
        rollout=None,
        weight=None,
        evidence=scene.status.evidence,
        blocked=_blocked_after(scene, candidate),
    )


def _blocked_after(scene: Scene, candidate: RevisionStatus) -> tuple[BlockedRevision, ...]:
    """One that was restored needs no block where the spec asks for another: nothing tries it."""
    blocked, wanted = scene.status.blocked, scene.wanted
    if not is_restored(scene.status) or not isinstance(wanted, Revision):
        return blocked
    return blocked if wanted.name == candidate.name else without(blocked, candidate.name)


def _wait_for_gateway(scene: Scene, phase: DeploymentPhase, reason: Reason) -> Course:
    """Nothing of an arm is changed or taken while a gateway may still send it requests."""
    return stay(scene, phase, reason, scene.status.message or "", weight=scene.status.weight)


def _interrupted(scene: Scene) -> Course | None:
    """In the middle of a swap nothing goes before its end: neither news, routes nor pauses."""
    candidate, rollout = scene.status.candidate, scene.status.rollout
    if candidate is None or rollout is None or not is_interrupted(scene.status):
        return None
    decided = come_up(scene, candidate, rollout) or asked(scene)
    if decided is not None:
        return decided
    trouble = trouble_of(scene.pods.get(candidate.name, ()))
    why = f": {trouble.message}" if trouble is not None else ""
    message = f"nothing serves until version {candidate.version} is ready{why}"
    return stay(scene, DeploymentPhase.ROLLING_OUT, Reason.INTERRUPTED, message)


def _cannot_copy(scene: Scene) -> Course | None:
    """The gateway refuses the route since it copies: clients come before the candidate.

    Some gateways answer no request by a rule with a filter that they don't know.
    """
    written = written_split(scene)
    if not is_copied(scene.status) or written is None or not written.copied:
        return None
    trouble = routing_trouble(scene)
    if trouble is None or trouble.reason is not Reason.ROUTE_NOT_ACCEPTED or not trouble.final:
        return None
    why = f"requests can't be copied, write another rollout.strategy: {trouble.message}"
    return roll_back(scene, trouble.reason, why)


def _give_up(scene: Scene) -> Course | None:
    """The candidate can't serve, or serves badly: take the traffic away from it."""
    stable, candidate = scene.status.stable, scene.status.candidate
    if stable is None or candidate is None:
        return None
    cause = _cause(scene, candidate)
    if cause is None or not scene.spec.rollback.enabled:
        return None
    return roll_back(scene, cause.reason, cause.message)


def _stand_still(scene: Scene) -> Course | None:
    """The candidate should go and the spec forbids it: people decide."""
    stable, candidate, rollout = scene.status.stable, scene.status.candidate, scene.status.rollout
    if stable is None or candidate is None:
        return None
    cause = _cause(scene, candidate)
    if cause is None:
        return None
    overruled = rollout is not None and rollout.overruled_by is not None
    if overruled and cause.reason is Reason.EVIDENCE_BAD:
        return None
    message = f"{cause.message}; rollback.enabled is false, so version {candidate.version} stays"
    return stay(scene, DeploymentPhase.PAUSED, cause.reason, message)


def _cause(scene: Scene, candidate: RevisionStatus) -> Trouble | None:
    """Why the candidate has to go; None while nothing speaks against it."""
    trouble = trouble_of(scene.pods.get(candidate.name, ()))
    if trouble is not None and trouble.final:
        return trouble
    stable = scene.status.stable
    all_gone = scene.status.weight == FULL and scene.ready(candidate.name) == 0
    if all_gone and stable is not None and scene.ready(stable.name) > 0:
        return Trouble(Reason.CRASHING, "no pod of the candidate is ready any more", final=True)
    evidence = scene.evidence
    if evidence is not None and evidence.verdict is Verdict.BAD and is_asked(scene.status):
        return Trouble(Reason.EVIDENCE_BAD, evidence.because, final=True)
    return None


def _superseded(scene: Scene) -> Course | None:
    """Another revision is wanted than the one that is being tried."""
    status, wanted = scene.status, scene.wanted
    stable, candidate = status.stable, status.candidate
    if stable is None or candidate is None or not isinstance(wanted, Revision):
        return None
    if wanted.name == candidate.name or _was_left(scene, stable, wanted):
        return None
    rollout = status.rollout
    if rollout is not None and rollout.promoted_at is not None and wanted.name != stable.name:
        if is_judged(scene):
            return _promote_early(scene, candidate, wanted)
        if rollout.ready_by is not None:
            return None  # the way back of a swap would be one more interruption: first the bake
    # In the bake of a swap the stable revision has no pods: it gets them while the others go.
    if not carries(scene, ALL_STABLE) or (rollout is not None and rollout.ready_by is not None):
        return _leave_first(scene, candidate)
    back = wanted.name == stable.name
    message = (
        f"version {stable.version} is wanted again: version {candidate.version} goes"
        if back
        else f"version {wanted.version} takes the place of candidate {candidate.version}"
    )
    return move(
        scene,
        DeploymentPhase.STABLE if back else DeploymentPhase.ROLLING_OUT,
        Reason.SUPERSEDED,
        message,
        candidate=None,
        rollout=None,
        weight=None,
        evidence=None,
    )


def _was_left(scene: Scene, stable: RevisionStatus, wanted: Revision) -> bool:
    """Whether the spec asks for what somebody goes back from: only another one is news."""
    known = {stable.name, *_blocked_names(scene)}
    return is_restored(scene.status) and wanted.name in known


def _promote_early(scene: Scene, candidate: RevisionStatus, wanted: Revision) -> Course:
    """The next one begins from what carries all of the traffic and was judged."""
    held = held_back(scene, candidate) or unseen(scene)
    if held is not None:
        message = f"version {wanted.version} waits for version {candidate.version}: {held.message}"
        return stay(scene, scene.status.phase or DeploymentPhase.BAKING, held.reason, message)
    return promote(
        scene,
        f"version {candidate.version} is promoted before the end of its bake"
        f": version {wanted.version} is wanted now",
    )


def _leave_first(scene: Scene, candidate: RevisionStatus) -> Course:
    """First the traffic goes back, and once a gateway has taken that up, the candidate."""
    message = f"version {candidate.version} is not wanted any more: its traffic goes back"
    rollout = scene.status.rollout
    again = (
        rollout.model_copy(update={"promoted_at": None, "ready_by": None, "copied_since": None})
        if rollout is not None
        else None
    )
    return stay(
        scene, DeploymentPhase.ROLLING_BACK, Reason.SUPERSEDED, message, weight=0, rollout=again
    )


def _rest(scene: Scene) -> Course | None:
    """What is wanted serves, or nobody knows what is wanted: keep what is there."""
    stable, wanted = scene.status.stable, scene.wanted
    if stable is None or scene.status.candidate is not None:
        return None
    previous = _kept(scene)
    if not isinstance(wanted, Revision):
        message = f"version {stable.version} goes on serving: {wanted.message}"
        return stay(scene, DeploymentPhase.STABLE, wanted.reason, message, previous=previous)
    if wanted.name != stable.name:
        return None
    message = f"version {stable.version} serves"
    return stay(
        scene, DeploymentPhase.STABLE, Reason.AS_DESIRED, message, previous=previous, blocked=()
    )


def _kept(scene: Scene) -> RevisionStatus | None:
    """The previous revision, until its time is over."""
    previous = scene.status.previous
    if previous is None or previous.keep_until is None or scene.now < previous.keep_until:
        return previous
    return None


def _blocked_names(scene: Scene) -> frozenset[str]:
    return frozenset(blocked.name for blocked in scene.status.blocked)


def _refuse_blocked(scene: Scene) -> Course | None:
    """The wanted revision was rolled back before: it is not tried again by itself."""
    stable, wanted = scene.status.stable, scene.wanted
    if stable is None or scene.status.candidate is not None or not isinstance(wanted, Revision):
        return None
    if wanted.name not in _blocked_names(scene):
        return None
    last = next(
        (
            one
            for one in scene.status.history
            if wanted.name in (one.to_revision, one.from_revision)
        ),
        None,
    )
    message = last.message if last else f"version {wanted.version} was rolled back"
    course = stay(
        scene, DeploymentPhase.ROLLED_BACK, Reason.ROLLED_BACK, message, previous=_kept(scene)
    )
    alias = scene.spec.model.alias
    if not scene.spec.rollback.move_alias or alias is None:
        return course
    back = SetAlias(
        model=scene.spec.model.name,
        alias=alias,
        version=stable.version,
        expected=wanted.version,
        because=f"version {wanted.version} was rolled back and rollback.moveAlias is true",
    )
    return Course(course.status, course.reason, course.told, (back,))


def _begin(scene: Scene) -> Course | None:
    """A new revision is wanted: start its pods beside the stable ones."""
    stable, wanted = scene.status.stable, scene.wanted
    if stable is None or scene.status.candidate is not None or not isinstance(wanted, Revision):
        return None
    if not carries(scene, ALL_STABLE):
        return _not_yet(scene, stable)
    return begin(scene, wanted)


def _not_yet(scene: Scene, stable: RevisionStatus) -> Course:
    """A candidate needs a route by which it can be given, and refused, its traffic."""
    trouble = routing_trouble(scene)
    reason = trouble.reason if trouble else Reason.STARTING
    why = trouble.message if trouble else "the gateway has not taken up the weights yet"
    message = f"version {stable.version} goes on serving, and the rollout waits: {why}"
    return stay(scene, DeploymentPhase.STABLE, reason, message, previous=_kept(scene))


RULES: tuple[Rule, ...] = (
    _first_version,
    _go_back,
    _finish_rolling_back,
    _interrupted,
    _cannot_copy,
    _give_up,
    asked,
    _stand_still,
    _superseded,
    _rest,
    _refuse_blocked,
    _begin,
)
