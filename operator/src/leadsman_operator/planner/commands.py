"""What people ask a rollout for, once: whether it can be done now, and where it leads.

A command is known by its id: once its answer stands in the status it is over. It names the
revision that it means, so that it can't hit a later one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.command import Command, CommandAnswer, Outcome, Verb
from leadsman_api.v1alpha1.evidence import Verdict
from leadsman_api.v1alpha1.model_deployment_status import (
    DeploymentPhase,
    ModelDeploymentStatus,
    RevisionStatus,
    RolloutStatus,
)
from leadsman_operator.facts import Missing, Unknown
from leadsman_operator.planner.approval import waiting_for_approval
from leadsman_operator.planner.course import Course, by_person, move
from leadsman_operator.planner.handover import held_back
from leadsman_operator.planner.kept import kept_revisions
from leadsman_operator.planner.outcomes import begin, promote, restore, roll_back, without
from leadsman_operator.planner.plan import Event
from leadsman_operator.planner.routing.traffic import ALL_STABLE, carries
from leadsman_operator.planner.scene import FULL, Scene
from leadsman_operator.planner.steps import goal_of, pause, resume
from leadsman_operator.planner.swap import is_interrupted, only_arm

MOST_ANSWERS = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command can't be carried out, and what to do instead."""

    message: str


@dataclass(frozen=True, slots=True)
class Already:
    """What is asked for is so."""

    message: str


Deed = Course | Refusal | Already | None
"""None when that can't be told yet."""


def asked(scene: Scene) -> Course | None:
    """A person asks for something that can be done now."""
    command = pending(scene)
    course = _deed(scene, command) if command else None
    if command is None or not isinstance(course, Course):
        return None
    message = course.told[0].message if course.told else "it was so already"
    return by_person(_answered(scene, course, command, Outcome.DONE, message), command.by)


def with_answer(scene: Scene, course: Course) -> Course:
    """The course, and in its status the answer to a command that leads nowhere else."""
    command = pending(scene)
    deed = _deed(scene, command) if command else None
    match deed:
        case Refusal(message) if command is not None:
            return _answered(scene, course, command, Outcome.REFUSED, message)
        case Already(message) if command is not None:
            return _answered(scene, course, command, Outcome.DONE, message)
        case _:
            return course


def refusals(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Event]:
    """What to tell of commands that were refused just now."""
    for answer in after.commands:
        if answer.outcome is Outcome.REFUSED and answer not in before.commands:
            message = f"{answer.verb} of {answer.revision}, asked for by {answer.by}"
            yield Event(Reason.COMMAND_REFUSED, f"{message}: {answer.message}", warning=True)


def pending(scene: Scene) -> Command | None:
    """The command that was not dealt with yet."""
    command = scene.spec.rollout.command
    known = {answer.id for answer in scene.status.commands}
    return command if command is not None and command.id not in known else None


def _answered(
    scene: Scene, course: Course, command: Command, outcome: Outcome, message: str
) -> Course:
    answer = CommandAnswer(
        id=command.id,
        verb=command.verb,
        revision=command.revision,
        by=command.by,
        at=scene.now,
        outcome=outcome,
        message=message[:1024],
    )
    answers = (answer, *scene.status.commands)[:MOST_ANSWERS]
    return replace(course, status=course.status.model_copy(update={"commands": answers}))


def _deed(scene: Scene, command: Command) -> Deed:
    if scene.status.stable is None:
        return Refusal("nothing serves yet: wait until the first version does")
    if command.verb is Verb.RETRY:
        return _retry(scene, command)
    if command.verb is Verb.ROLL_BACK:
        return _roll_back(scene, command, scene.status.stable)
    return _in_trial(scene, command)


def _in_trial(scene: Scene, command: Command) -> Deed:
    """What only a revision can be asked for that is being tried."""
    candidate, rollout = scene.status.candidate, scene.status.rollout
    if candidate is None or rollout is None:
        return Refusal(f"no rollout is running, of {command.revision} or any other revision")
    if candidate.name != command.revision:
        return Refusal(
            f"revision {candidate.name} is being tried, not {command.revision}:"
            " ask again if that one is meant"
        )
    if _goes_already(scene):
        back = "the traffic is on its way back"
        return Already(back) if command.verb is Verb.ABORT else Refusal(f"{back}: retry it then")
    return _OF_A_TRIAL[command.verb](scene, command, candidate, rollout)


def _goes_already(scene: Scene) -> bool:
    candidate, rollout = scene.status.candidate, scene.status.rollout
    going_back = rollout is not None and rollout.going_back_at is not None
    return going_back or (candidate is not None and _is_blocked(scene, candidate.name))


def _pause(scene: Scene, command: Command, _: RevisionStatus, rollout: RolloutStatus) -> Deed:
    if rollout.paused_by is not None:
        return Already(f"{rollout.paused_by} has paused it")
    if is_interrupted(scene.status):
        return Refusal("nothing serves in the middle of a swap: wait for its end, or abort it")
    return pause(scene, rollout.model_copy(update={"paused_by": command.by}))


def _resume(scene: Scene, _: Command, candidate: RevisionStatus, rollout: RolloutStatus) -> Deed:
    if scene.spec.rollout.paused:
        return _paused_by_spec()
    if rollout.paused_by is None:
        held = waiting_for_approval(scene, candidate, goal_of(scene))
        instead = "give the approval" if held else "ask for Promote or Abort if it is not to wait"
        return Refusal(f"nobody has paused it: {instead}")
    return resume(scene, rollout)


def _promote(
    scene: Scene, command: Command, candidate: RevisionStatus, rollout: RolloutStatus
) -> Deed:
    if scene.spec.rollout.paused:
        return _paused_by_spec()
    if command.step is not None and command.step != rollout.step:
        return Refusal(f"step {command.step} is over, step {rollout.step} runs: nothing to skip")
    if rollout.promoted_at is not None:
        if held_back(scene, candidate) is not None:
            return None
        return promote(
            scene,
            f"version {candidate.version} is promoted before the end of its bake"
            f": {command.by} asked for it",
        )
    return _skip(scene, command, candidate, rollout, rollout.step + 1)


def _promote_full(
    scene: Scene, command: Command, candidate: RevisionStatus, rollout: RolloutStatus
) -> Deed:
    if scene.spec.rollout.paused:
        return _paused_by_spec()
    if rollout.promoted_at is not None:
        return Refusal("it has all of the traffic already: Promote ends its bake")
    return _skip(scene, command, candidate, rollout, len(scene.spec.rollout.weights))


def _skip(
    scene: Scene, command: Command, candidate: RevisionStatus, rollout: RolloutStatus, step: int
) -> Deed:
    """Ask for a later step; its traffic follows when approval and pods for it are there."""
    held = waiting_for_approval(scene, candidate, goal_of(scene))
    if held is not None:
        return Refusal(held.status.message or "it waits for an approval")
    if only_arm(scene.spec, scene.status) is not None:
        return Refusal(f"a swap has no steps to skip: {scene.status.message}")
    if goal_of(scene) == FULL:
        return Refusal("its last step is over: all of the traffic follows when its pods are ready")
    running = resume(scene, rollout).status.rollout if rollout.paused_at else rollout
    evidence = scene.evidence
    against = evidence is not None and evidence.verdict is Verdict.BAD
    later = (running or rollout).model_copy(
        update={
            "step": step,
            "awaited_since": None,
            "overruled_by": command.by if against else rollout.overruled_by,
        }
    )
    goal = goal_of(scene)
    at = f"at {goal} percent" if goal else "of copies"
    one = step == rollout.step + 1
    skipped = f"the step {at}" if one else f"all steps from {goal} percent on"
    return move(
        scene,
        DeploymentPhase.ROLLING_OUT,
        Reason.COMMANDED,
        f"{command.by} skips {skipped}{_because(command)}",
        rollout=later,
    )


def _abort(scene: Scene, command: Command, *_: object) -> Deed:
    return roll_back(scene, Reason.ABORTED, f"{command.by} ended the rollout{_because(command)}")


def _retry(scene: Scene, command: Command) -> Deed:
    status, wanted = scene.status, scene.wanted
    if status.candidate is not None and status.candidate.name == command.revision:
        # While its traffic is on its way back, the next look decides.
        return None if _goes_already(scene) else Already("it is being tried")
    if not _is_blocked(scene, command.revision):
        return Refusal(
            f"{command.revision} is not blocked: only a revision that was rolled back can be"
            " tried again"
        )
    free = status.candidate is None and carries(scene, ALL_STABLE)
    if isinstance(wanted, Unknown) or not free:
        return None
    if isinstance(wanted, Missing):
        return Refusal(wanted.message)
    if wanted.name != command.revision:
        return Refusal(
            f"the spec asks for version {wanted.version} ({wanted.name}) now:"
            f" point alias or spec.model.version at the version of {command.revision}"
        )
    course = begin(scene, wanted)
    told = course.told[0].model_copy(update={"reason": Reason.RETRIED})
    return replace(course, told=(told,))


def _roll_back(scene: Scene, command: Command, stable: RevisionStatus) -> Deed:
    candidate, previous = scene.status.candidate, scene.status.previous
    if candidate is not None:
        return _roll_back_from_trial(scene, command, stable, candidate)
    if command.revision == stable.name:
        return Already(f"version {stable.version} carries all of the traffic")
    kept = kept_revisions(scene, scene.status)
    goal = next((one for one in kept if one.name == command.revision), None)
    if goal is None:
        return _not_kept(command, kept)
    if not carries(scene, ALL_STABLE):
        return None
    if previous is not None and previous.name == goal.name:
        return _go_back(scene, command, stable, previous)
    return _restore(scene, command, stable, goal)


def _restore(scene: Scene, command: Command, stable: RevisionStatus, goal: RevisionStatus) -> Deed:
    """Start a revision again that has no pods any more, and might not come up: as a candidate."""
    if scene.spec.rollout.paused:
        return _paused_by_spec()
    return restore(
        scene,
        goal,
        command.by,
        f"going back from version {stable.version} to {goal.version}, from its record:"
        f" {command.by} asked for it{_because(command)}",
    )


def _not_kept(command: Command, kept: Sequence[RevisionStatus]) -> Refusal:
    there = ", ".join(f"{one.name} (version {one.version})" for one in kept)
    return Refusal(
        f"{command.revision} is not kept: point alias or spec.model.version at its version, and it"
        f" is rolled out anew, or go back to what is kept: {there or 'no earlier revision is'}"
    )


def _go_back(
    scene: Scene, command: Command, stable: RevisionStatus, previous: RevisionStatus
) -> Course:
    """Play the parts of the bake once more: from there the way back is known to be safe."""
    return move(
        scene,
        DeploymentPhase.ROLLING_BACK,
        Reason.COMMANDED,
        f"going back from version {stable.version} to {previous.version}:"
        f" {command.by} asked for it{_because(command)}",
        stable=previous.model_copy(update={"since": scene.now, "keep_until": None}),
        candidate=stable,
        previous=None,
        weight=FULL,
        rollout=RolloutStatus(
            step=len(scene.spec.rollout.weights),
            step_weight=FULL,
            started_at=scene.now,
            step_started_at=scene.now,
            promoted_at=scene.now,
            going_back_at=scene.now,
            going_back_by=command.by,
        ),
        evidence=None,
        blocked=without(scene.status.blocked, previous.name),
    )


def _roll_back_from_trial(
    scene: Scene, command: Command, stable: RevisionStatus, candidate: RevisionStatus
) -> Deed:
    if command.revision != stable.name:
        return Refusal(
            f"version {candidate.version} is being tried: go back to {stable.name} first"
        )
    if _goes_already(scene):
        return Already("the traffic is on its way back")
    return _abort(scene, command)


def _because(command: Command) -> str:
    return f": {command.because}" if command.because else ""


def _is_blocked(scene: Scene, revision: str) -> bool:
    return any(blocked.name == revision for blocked in scene.status.blocked)


def _paused_by_spec() -> Refusal:
    return Refusal("rollout.paused is true in the spec: write false there")


_OF_A_TRIAL: Mapping[Verb, Callable[[Scene, Command, RevisionStatus, RolloutStatus], Deed]] = {
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.PROMOTE: _promote,
    Verb.PROMOTE_FULL: _promote_full,
    Verb.ABORT: _abort,
}
