"""From a healthy candidate's first pod to the end of its bake, one step a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from leadsman_api.durations import format_duration
from leadsman_api.labels import Arm
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import Verdict
from leadsman_api.v1alpha1.model_deployment import ModelDeploymentSpec
from leadsman_api.v1alpha1.model_deployment_status import (
    DeploymentPhase,
    RevisionStatus,
    RolloutStatus,
)
from leadsman_api.v1alpha1.rollout import OnBlind, OnUndecided
from leadsman_api.v1alpha1.shadow import Shadow
from leadsman_operator.planner.approval import waiting_for_approval
from leadsman_operator.planner.course import Course, move, stay
from leadsman_operator.planner.handover import held_back, unseen
from leadsman_operator.planner.judge.checks import shortest_step_of
from leadsman_operator.planner.judge.series import answers_in
from leadsman_operator.planner.kept import is_restored
from leadsman_operator.planner.outcomes import promote, roll_back
from leadsman_operator.planner.routing.traffic import by_gateway, routing_trouble
from leadsman_operator.planner.scene import FULL, Scene, pods_for, pods_of_share
from leadsman_operator.planner.shadow import is_asked, is_copied, share
from leadsman_operator.planner.swap import only_arm
from leadsman_operator.planner.troubles import trouble_of


def goal_of(scene: Scene) -> int:
    """Percent of the traffic that the candidate's current step asks for."""
    rollout = scene.status.rollout
    if rollout is None or rollout.promoted_at is not None or is_restored(scene.status):
        return FULL
    weights = scene.spec.rollout.weights
    return weights[rollout.step] if rollout.step < len(weights) else FULL


def next_step(scene: Scene) -> Course:
    """Where a candidate goes that nothing speaks against."""
    candidate, rollout = scene.status.candidate, scene.status.rollout
    if candidate is None or rollout is None:
        raise ValueError("a step needs a candidate and a rollout")
    if scene.spec.rollout.paused or rollout.paused_by is not None:
        return pause(scene, rollout)
    goal = goal_of(scene)
    opens = scene.status.weight != goal or (not goal and not is_copied(scene.status))
    held = _held_by_routes(scene)
    if held is None and opens:
        held = waiting_for_approval(scene, candidate, goal)
    if held is not None:
        return held
    if rollout.paused_at is not None:
        return resume(scene, rollout)
    if rollout.promoted_at is not None:
        return _bake(scene, candidate, rollout)
    if opens:
        return _open(scene, candidate, rollout, goal)
    return _judge(scene, candidate, rollout)


def _held_by_routes(scene: Scene) -> Course | None:
    """Weights that don't reach the traffic prove nothing: go on when they do.

    It is not the candidate's fault either, so no deadline rolls it back for this.
    """
    trouble = routing_trouble(scene)
    if trouble is None:
        return None
    phase = scene.status.phase or DeploymentPhase.ROLLING_OUT
    return stay(scene, phase, trouble.reason, f"the rollout waits: {trouble.message}")


def pause(scene: Scene, rollout: RolloutStatus) -> Course:
    """Stop where it stands."""
    who = f"{rollout.paused_by} asked for it" if rollout.paused_by else "rollout.paused is true"
    message = f"paused at {scene.status.weight} percent: {who}"
    # One that waits for an approval stands still already, and nobody was told of a pause.
    latest = scene.status.history[0] if scene.status.history else None
    told = latest is not None and (latest.reason, latest.message) == (Reason.PAUSED, message)
    if rollout.paused_at is not None and told:
        return stay(scene, DeploymentPhase.PAUSED, Reason.PAUSED, message, rollout=rollout)
    paused = rollout.model_copy(update={"paused_at": rollout.paused_at or scene.now})
    return move(scene, DeploymentPhase.PAUSED, Reason.PAUSED, message, rollout=paused)


def resume(scene: Scene, rollout: RolloutStatus) -> Course:
    """Go on as if no time had passed."""
    pause = scene.since(rollout.paused_at)
    later = {
        field: moment + pause
        for field in ("started_at", "step_started_at", "awaited_since", "promoted_at")
        if (moment := getattr(rollout, field)) is not None
    }
    resumed = rollout.model_copy(update={**later, "paused_at": None, "paused_by": None})
    message = f"goes on after a pause of {format_duration(pause)}"
    return move(scene, DeploymentPhase.ROLLING_OUT, Reason.PROGRESSING, message, rollout=resumed)


def _open(scene: Scene, candidate: RevisionStatus, rollout: RolloutStatus, goal: int) -> Course:
    """Give the candidate the traffic of a step, once it has the pods for it."""
    if only_arm(scene.spec, scene.status) is not None:
        return _make_room(scene, candidate, rollout)
    waiting = _waiting_for_pods(scene, candidate, goal)
    if waiting is not None:
        return _until_deadline(scene, rollout, waiting)
    rollout = rollout.model_copy(update={"awaited_since": None})
    if goal == FULL:
        return _give_all(scene, candidate, rollout)
    return move(
        scene,
        DeploymentPhase.ROLLING_OUT,
        Reason.STEP_COMPLETED if rollout.step else Reason.PROGRESSING,
        f"version {candidate.version} gets {share(goal)} of the traffic{_because(scene)}",
        weight=goal,
        rollout=rollout.model_copy(
            update={
                "step_weight": goal,
                "step_started_at": scene.now,
                "copied_since": None if goal else scene.now,
            }
        ),
    )


def _until_deadline(scene: Scene, rollout: RolloutStatus, waiting: Course) -> Course:
    """Wait for the pods of a step, from when they were asked for.

    The start of the rollout does not count: steps without evidence, people who approve and times
    without data may have taken the whole deadline, and are not the candidate's fault.
    """
    since, deadline = rollout.awaited_since or scene.now, scene.spec.rollout.deadline
    if scene.since(since) > deadline:
        why = f"it was not ready within {format_duration(deadline)}: {waiting.status.message}"
        return roll_back(scene, Reason.DEADLINE_EXCEEDED, why)
    awaited = rollout.model_copy(update={"awaited_since": since})
    return replace(waiting, status=waiting.status.model_copy(update={"rollout": awaited}))


def _give_all(scene: Scene, candidate: RevisionStatus, rollout: RolloutStatus) -> Course:
    """Give the candidate all of the traffic: its bake begins."""
    bake = format_duration(scene.spec.rollout.bake)
    return move(
        scene,
        DeploymentPhase.BAKING,
        Reason.BAKING,
        f"version {candidate.version} gets all of the traffic and bakes for {bake}"
        f"{_because(scene)}",
        weight=FULL,
        rollout=rollout.model_copy(
            update={
                "step_weight": FULL,
                "step_started_at": scene.now,
                "promoted_at": scene.now,
                "copied_since": None,
                # The bake counts as a step of its own, so that a command can name it.
                "step": rollout.step + 1,
            }
        ),
    )


def _make_room(scene: Scene, candidate: RevisionStatus, rollout: RolloutStatus) -> Course:
    """Stop the stable revision of a swap, once it is known how it answers.

    Who goes back from it knows enough: it may be broken, and never be counted.
    """
    stable, spec = scene.status.stable, scene.spec.rollout
    if stable is None or spec.swap is None:
        raise ValueError("a swap needs a stable revision and a budget")
    held = None if is_restored(scene.status) else _without_yardstick(scene, stable, rollout)
    if held is not None:
        return held
    if scene.live("Deployment", candidate.name) is None:
        message = f"version {candidate.version} is prepared"
        return stay(scene, DeploymentPhase.ROLLING_OUT, Reason.STARTING, message)
    budget = spec.swap.downtime_budget
    share = timedelta(seconds=budget.total_seconds() // 2)
    return move(
        scene,
        DeploymentPhase.ROLLING_OUT,
        Reason.INTERRUPTED,
        f"version {stable.version} makes room for version {candidate.version}, which has"
        f" {format_duration(share)} to be ready: half of the budget of {format_duration(budget)}",
        rollout=rollout.model_copy(
            update={"ready_by": scene.now + share, "step_started_at": scene.now}
        ),
    )


def _without_yardstick(
    scene: Scene, stable: RevisionStatus, rollout: RolloutStatus
) -> Course | None:
    """Where a swap stands until the stable revision was counted long enough; None from then on."""
    spec = scene.spec.rollout
    if not _is_counted(scene) and scene.replicas(stable.name):
        because = f"nothing was counted yet of version {stable.version}, which is the yardstick"
        if scene.since(rollout.started_at) >= spec.deadline:
            return _still_blind(scene, because)
        begun = rollout.model_copy(update={"step_started_at": scene.now})
        phase = DeploymentPhase.ROLLING_OUT
        return stay(scene, phase, Reason.NO_TRAFFIC, because, rollout=begun)
    if scene.since(rollout.step_started_at) < spec.minimum_step_time:
        wait = format_duration(spec.minimum_step_time)
        message = f"version {stable.version} is counted for {wait} before it makes room"
        return stay(scene, DeploymentPhase.ROLLING_OUT, Reason.STEP_HOLDING, message)
    return None


def _is_counted(scene: Scene) -> bool:
    """Whether anything is known of the stable revision's answers since the rollout began."""
    totals = scene.evidence.totals if scene.evidence is not None else ()
    return any(answers_in(one.counters) > 0 for one in totals if one.arm is Arm.STABLE)


def come_up(scene: Scene, candidate: RevisionStatus, rollout: RolloutStatus) -> Course | None:
    """In the middle of a swap the first ready pod gets the traffic; None to wait for it.

    The way back is not left to people here: nothing serves meanwhile.
    """
    if scene.ready(candidate.name):
        return _give_all(scene, candidate, rollout)
    trouble = trouble_of(scene.pods.get(candidate.name, ()))
    if trouble is not None and trouble.final:
        return roll_back(scene, trouble.reason, trouble.message)
    if rollout.ready_by is not None and scene.now >= rollout.ready_by:
        late = format_duration(rollout.ready_by - rollout.step_started_at)
        why = f"it was not ready within {late}"
        return roll_back(
            scene,
            Reason.DEADLINE_EXCEEDED,
            f"{why}: {trouble.message}" if trouble is not None else why,
        )
    return None


def _because(scene: Scene) -> str:
    evidence = scene.evidence
    return f": {evidence.because}" if evidence is not None and is_asked(scene.status) else ""


def _waiting_for_pods(scene: Scene, candidate: RevisionStatus, goal: int) -> Course | None:
    stable = scene.status.stable
    if stable is None:
        raise ValueError("a step needs a stable revision")
    leaving = scene.bystanders(stable, candidate)
    if goal < FULL and leaving and not by_gateway(scene):
        # One Service carries all pods while the traffic is split: others must be gone before.
        message = f"waiting for the pods of {', '.join(leaving)} to leave"
        return stay(scene, DeploymentPhase.ROLLING_OUT, Reason.STARTING, message)
    needed = candidate_pods(scene, goal)
    ready = scene.ready(candidate.name)
    if ready >= needed:
        return None
    trouble = trouble_of(scene.pods.get(candidate.name, ()))
    message = f"{ready} of {needed} pods of version {candidate.version} are ready"
    if trouble is not None:
        return stay(
            scene, DeploymentPhase.ROLLING_OUT, trouble.reason, f"{message}: {trouble.message}"
        )
    return stay(scene, DeploymentPhase.ROLLING_OUT, Reason.STARTING, message)


def candidate_pods(scene: Scene, goal: int) -> int:
    """Pods that the candidate needs for a step, by the pods that the stable revision has now."""
    stable = scene.status.stable
    most = scene.spec.scaling.max_replicas
    pods = max(1, scene.replicas(stable.name)) if stable else scene.spec.scaling.min_replicas
    load = goal or (scene.spec.rollout.shadow or Shadow()).percent
    needed = (pods_of_share if by_gateway(scene) else pods_for)(load, pods, most)
    candidate = scene.status.candidate
    if goal == FULL and candidate is not None:
        # What it has already is never taken away just before it gets everything.
        return max(needed, min(most, scene.replicas(candidate.name)))
    return needed


def _judge(scene: Scene, candidate: RevisionStatus, rollout: RolloutStatus) -> Course:
    """The step's traffic flows: go on when the evidence or its time says so."""
    evidence, spec = scene.evidence, scene.spec.rollout
    elapsed = scene.since(rollout.step_started_at)
    verdict = evidence.verdict if evidence else Verdict.BLIND
    because = evidence.because if evidence else "nothing was counted yet"
    if elapsed >= shortest_step(scene.spec):
        if verdict is Verdict.GOOD:
            return _advance(scene, rollout)
        if verdict is Verdict.UNDECIDED and elapsed >= step_time(scene.spec):
            return _undecided(scene, because) or _advance(scene, rollout)
        if verdict is Verdict.BLIND and scene.since(rollout.started_at) >= spec.deadline:
            return _still_blind(scene, because)
    reason = Reason.NO_TRAFFIC if verdict is Verdict.BLIND else Reason.STEP_HOLDING
    message = f"version {candidate.version} has {share(rollout.step_weight)}: {because}"
    return stay(scene, DeploymentPhase.ROLLING_OUT, reason, message)


def shortest_step(spec: ModelDeploymentSpec) -> timedelta:
    """Shortest time of one step."""
    return shortest_step_of(spec.rollout.minimum_step_time, spec.health.judge)


def step_time(spec: ModelDeploymentSpec) -> timedelta:
    """Longest time of one step: its part of the rollout's deadline."""
    return max(shortest_step(spec), spec.rollout.deadline / max(1, len(spec.rollout.weights)))


def _advance(scene: Scene, rollout: RolloutStatus) -> Course:
    """Ask for the next step; its traffic follows when the pods for it are ready."""
    following = rollout.model_copy(update={"step": rollout.step + 1})
    message = scene.status.message or ""
    return stay(
        scene, DeploymentPhase.ROLLING_OUT, Reason.STEP_COMPLETED, message, rollout=following
    )


def _undecided(scene: Scene, because: str) -> Course | None:
    """Where it goes when the time is up; None for on."""
    match scene.spec.rollout.on_undecided:
        case OnUndecided.PROMOTE:
            return None
        case OnUndecided.ROLL_BACK:
            return roll_back(scene, Reason.UNDECIDED, f"no health was shown in time: {because}")
        case OnUndecided.PAUSE:
            message = f"the time of the step is up and the evidence says neither: {because}"
            return stay(scene, DeploymentPhase.PAUSED, Reason.UNDECIDED, message)
        case _ as never:
            assert_never(never)


def _still_blind(scene: Scene, because: str) -> Course:
    match scene.spec.rollout.on_blind:
        case OnBlind.HOLD:
            message = f"holding without data: {because}"
            return stay(scene, DeploymentPhase.ROLLING_OUT, Reason.NO_TRAFFIC, message)
        case OnBlind.ROLL_BACK:
            return roll_back(scene, Reason.NO_TRAFFIC, f"no data until the deadline: {because}")
        case OnBlind.PAUSE:
            message = f"the deadline is over and there is no data: {because}"
            return stay(scene, DeploymentPhase.PAUSED, Reason.NO_TRAFFIC, message)
        case _ as never:
            assert_never(never)


def _bake(scene: Scene, candidate: RevisionStatus, rollout: RolloutStatus) -> Course:
    """Full traffic, and the way back is still one flip of the Service."""
    bake = scene.spec.rollout.bake
    elapsed = scene.since(rollout.promoted_at)
    held = held_back(scene, candidate)
    if elapsed >= bake and held is None:
        return _held_by_evidence(scene, rollout) or promote(
            scene,
            f"version {candidate.version} is promoted after a bake of {format_duration(bake)}",
        )
    evidence = scene.evidence
    because = f": {evidence.because}" if evidence else ""
    because = f": {held.message}" if held is not None and elapsed >= bake else because
    message = f"version {candidate.version} bakes for {format_duration(bake)}{because}"
    return stay(scene, DeploymentPhase.BAKING, Reason.BAKING, message)


def _held_by_evidence(scene: Scene, rollout: RolloutStatus) -> Course | None:
    """At the end of the bake, what no step has judged or nobody sees; None to promote it."""
    unread = unseen(scene)
    if is_judged(scene):
        if unread is None:
            return None
        message = f"the bake goes on: {unread.message}"
        return stay(scene, DeploymentPhase.BAKING, unread.reason, message)
    evidence, spec = scene.evidence, scene.spec.rollout
    verdict = evidence.verdict if evidence else Verdict.BLIND
    because = evidence.because if evidence else "nothing was counted yet"
    if scene.since(rollout.started_at) >= spec.deadline:
        decide = _still_blind if verdict is Verdict.BLIND else _undecided
        return decide(scene, because)
    reason = Reason.NO_TRAFFIC if verdict is Verdict.BLIND else Reason.STEP_HOLDING
    return stay(scene, DeploymentPhase.BAKING, reason, f"the bake goes on: {because}")


def is_judged(scene: Scene) -> bool:
    """Whether a candidate with all of the traffic was judged: by its steps, its bake, or before."""
    good = scene.evidence is not None and scene.evidence.verdict is Verdict.GOOD
    return good or is_restored(scene.status) or bool(scene.spec.rollout.weights)
