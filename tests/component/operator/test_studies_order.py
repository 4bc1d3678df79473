"""The order in which a TrainingRun is observed, which exact reaping depends on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leadsman_operator.facts import Manifest, ObjectRef, RunFacts, StudyFacts
from leadsman_operator.observe.gather import observe_run
from leadsman_operator.ports import Endpoint, World
from support.trainings import CONFIGURATION, START, a_run


@dataclass
class Recorder:
    """A world with nothing in it, that remembers what was looked at."""

    looks: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        """The time."""
        return START

    async def read(self, ref: ObjectRef) -> None:
        """An object that is not there."""
        del ref

    async def select(
        self, api_version: str, kind: str, namespace: str, labels: Mapping[str, str]
    ) -> Sequence[Manifest]:
        """No objects."""
        del api_version, namespace, labels
        self.looks.append(kind)
        return []

    async def model(self, endpoint: Endpoint, name: str) -> None:
        """A model that is not there."""
        del endpoint, name

    async def run(self, endpoint: Endpoint, run_id: str) -> RunFacts | None:
        """A run."""
        del endpoint
        self.looks.append("run")
        return RunFacts(run_id, "RUNNING")

    async def study(self, url: str, name: str) -> StudyFacts | None:
        """An empty study."""
        del url, name
        self.looks.append("study")
        return StudyFacts()


def test_the_study_is_read_before_the_pods_and_the_run_after_the_jobs() -> None:
    """A trial that ran then, and whose pod is not there now, has lost it for certain.

    And a Job that is complete has written its conclusion before the run is read.
    """
    recorder: Any = Recorder()
    world = World(recorder, recorder, recorder, recorder, recorder, recorder)
    run = a_run()
    known = run.model_copy(update={"status": run.status.model_copy(update={"run_id": "r-1"})})

    observed = asyncio.run(observe_run(known, world, CONFIGURATION))

    assert recorder.looks[0] == "study"
    assert recorder.looks[-1] == "run"
    assert {"Pod", "Job"} <= set(recorder.looks[1:-1])
    assert observed.study == StudyFacts()
