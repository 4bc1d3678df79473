"""What the last Job of a run has told by a tag of the parent run."""

from __future__ import annotations

from typing import TypeVar

from leadsman_api.conclusion import Told
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_operator.facts import RunFacts
from leadsman_operator.planner.training.course import Course, fail
from leadsman_operator.planner.training.scene import Scene

_Told = TypeVar("_Told", bound=Told)


def told_by(scene: Scene, tag: Tag, kind: type[_Told]) -> _Told | Course:
    """The tag's value; the end of the run where there is none that can be read."""
    run = scene.observation.run
    found = kind.from_text(run.tags.get(tag) if isinstance(run, RunFacts) else None)
    if found is not None:
        return found
    message = (
        f"run {scene.status.run_id} has no tag {tag} that can be read: are"
        " operator and training image of one version?"
    )
    return fail(scene, Reason.INTERNAL_ERROR, message)
