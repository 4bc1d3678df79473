"""Where a ModelDeployment goes next: what a decision is made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.evidence import Verdict
from leadsman_api.v1alpha1.model_deployment_status import (
    DeploymentPhase,
    ModelDeploymentStatus,
    Transition,
)
from leadsman_operator.planner.plan import Action
from leadsman_operator.planner.scene import Scene

_BAD_NEWS = frozenset({Reason.ROLLED_BACK, Reason.EVIDENCE_BAD, Reason.PAUSED})


@dataclass(frozen=True, slots=True)
class Course:
    """The arms, their weights and the rollout once this plan is carried out."""

    status: ModelDeploymentStatus
    """Without conditions and counts of pods, which follow from it."""
    reason: Reason
    """Why it stands there."""
    told: tuple[Transition, ...] = ()
    """What has happened just now."""
    actions: tuple[Action, ...] = field(default=())
    """What is done beside bringing the cluster's objects there."""

    @property
    def is_bad_news(self) -> bool:
        """Whether people should be woken."""
        return any(one.reason in _BAD_NEWS for one in self.told)


def stay(
    scene: Scene,
    phase: DeploymentPhase,
    reason: Reason,
    message: str,
    **changes: Any,  # noqa: ANN401 - fields of the status
) -> Course:
    """Nothing happens; say where it stands and why."""
    update = {"phase": phase, "message": message[:1024], "evidence": scene.evidence, **changes}
    return Course(scene.status.model_copy(update=update), reason)


def move(
    scene: Scene,
    phase: DeploymentPhase,
    reason: Reason,
    message: str,
    **changes: Any,  # noqa: ANN401 - fields of the status
) -> Course:
    """Something happens that belongs into the history."""
    course = stay(scene, phase, reason, message, **changes)
    status = course.status
    before, after = scene.status.stable, status.candidate or status.stable
    told = Transition(
        at=scene.now,
        reason=reason,
        message=message[:1024],
        from_revision=before.name if before else None,
        to_revision=after.name if after else None,
        weight=status.weight,
        verdict=_verdict(scene),
    )
    return Course(status, reason, (told,))


def by_person(course: Course, name: str) -> Course:
    """The same course, with the name of who asked for it."""
    told = tuple(one.model_copy(update={"by": name}) for one in course.told)
    history = replace(course, told=told)
    return history if name else course


def _verdict(scene: Scene) -> Verdict | None:
    evidence = scene.evidence
    return evidence.verdict if evidence is not None and scene.status.candidate else None
