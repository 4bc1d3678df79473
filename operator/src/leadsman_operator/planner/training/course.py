"""Where a TrainingRun goes next: what a decision is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import RunPhase
from leadsman_operator.facts import RunFacts
from leadsman_operator.planner.conditions import Change
from leadsman_operator.planner.plan import Action, EndRun, Event
from leadsman_operator.planner.training.scene import Scene

AT_ONCE = timedelta(0)
SOON = timedelta(seconds=10)
"""A study tells nobody when it changes."""
LATER = timedelta(seconds=30)
"""What the operator waits for wakes it; this is for what was missed."""
RUNNING = "RUNNING"
FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Course:
    """What is done now, and where the run stands after it."""

    phase: RunPhase
    reason: Reason
    message: str
    actions: tuple[Action, ...] = ()
    look_again_in: timedelta | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the status that are set; all that follows from the study is not among them."""
    conditions: tuple[Change, ...] = ()
    """What became known just now; other conditions stay as they are."""
    events: tuple[Event, ...] = ()
    """What to tell beside the change of the phase."""
    is_stalled: bool = False
    """Only the user can help, though the run has not ended."""
    is_news: bool = False
    """It belongs into the history, though the phase stays."""


def stay(
    scene: Scene,
    reason: Reason,
    message: str,
    look_again_in: timedelta | None,
    *,
    is_stalled: bool = False,
) -> Course:
    """Do nothing, and say why."""
    return Course(
        scene.status.phase or RunPhase.PENDING,
        reason,
        message,
        look_again_in=look_again_in,
        is_stalled=is_stalled,
        is_news=is_stalled and message[:1024] != scene.status.message,
    )


def fail(scene: Scene, reason: Reason, message: str, *conditions: Change) -> Course:
    """Give the run up, in MLflow too."""
    return Course(
        RunPhase.FAILED, reason, message, ended(scene, FAILED, message), conditions=conditions
    )


def ended(scene: Scene, word: str, because: str) -> tuple[Action, ...]:
    """End the parent run, where nobody else has ended it."""
    run = scene.observation.run
    if not isinstance(run, RunFacts) or run.status != RUNNING:
        return ()
    return (EndRun(run.run_id, word, {}, because),)
