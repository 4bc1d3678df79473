"""What the operator's looks at a study cost as it grows, and how large its TrainingRun becomes."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from leadsman_api.studies import TrialAttribute, study_database, study_name
from leadsman_operator.adapters.studies import OptunaStudies
from leadsman_operator.reconcile import reconcile
from support.world import CONFIGURATION
from support.world_training import REF, TrainingSimulation

WORKERS = 4
LOOKS = 40
PARAMETERS = 10
_SPACE: dict[str, BaseDistribution] = {
    f"parameter_{number}": FloatDistribution(0.0, 1.0) for number in range(PARAMETERS)
}
_OBJECTIVES: dict[int, dict[str, Any]] = {
    1: {"metric": "roc_auc"},
    2: {"metric": "roc_auc", "additional": [{"metric": "recall"}]},
}


@dataclass(frozen=True)
class Look:
    """At a study of so many trials."""

    objectives: int
    trials: int
    milliseconds: float
    """CPU time of one look, with its plan and its status; the median of many."""
    first_milliseconds: float
    """CPU time of the first look of an operator that has just started."""
    status_bytes: int
    resource_bytes: int
    """Both as JSON."""


def looks(database: str, objectives: int, sizes: Sequence[int]) -> list[Look]:
    """Let one study grow, and look at it at each of its sizes."""
    return asyncio.run(_Watched(database, objectives, max(sizes)).all(sizes))


class _Watched:
    """A TrainingRun in the simulated cluster, whose study is real."""

    def __init__(self, database: str, objectives: int, trials: int) -> None:
        search = {"trials": trials + 1000, "parallelism": WORKERS, "timeout": "24h"}
        self.simulation = TrainingSimulation(objective=_OBJECTIVES[objectives], search=search)
        self.objectives = objectives
        self.configuration = replace(CONFIGURATION, study_url=database)
        self.chance = random.Random(objectives)  # noqa: S311 - no secret
        self.storage = optuna.storages.RDBStorage(study_database(database))
        uid = self.simulation.cluster.objects[REF]["metadata"]["uid"]
        self.study = optuna.create_study(
            storage=self.storage,
            study_name=study_name(REF.namespace, REF.name, uid),
            directions=["maximize"] * objectives,
            sampler=optuna.samplers.RandomSampler(seed=objectives),
        )
        self.running: list[optuna.Trial] = []

    async def all(self, sizes: Sequence[int]) -> list[Look]:
        """Grow and look."""
        try:
            studies = OptunaStudies()
            await self._begin(studies)
            found = []
            for size in sizes:
                self._grow(size)
                found.append(await self._measured(studies, size))
            studies.close()
            return found
        finally:
            self.storage.engine.dispose()

    async def _begin(self, studies: OptunaStudies) -> None:
        """Look until all workers are there."""
        pods = self.simulation.cluster.trainers
        for _ in range(20):
            await self._look(studies)
            self.simulation.cluster.run()
            if len(pods) == WORKERS:
                break
        uids = [pod.uid for pod in pods.values()]
        self.running = [self._asked(uid) for uid in uids]
        if len(uids) != WORKERS:
            raise RuntimeError(f"there are {len(uids)} workers: {self.simulation.status}")

    async def _measured(self, studies: OptunaStudies, size: int) -> Look:
        first = OptunaStudies()
        first_seconds = await self._look(first)
        first.close()
        seconds = []
        for _ in range(LOOKS):
            self._one_more()
            seconds.append(await self._look(studies))
        resource = self.simulation.cluster.objects[REF]
        status = resource["status"]
        if status["trials"]["complete"] < size or status["trials"]["running"] != WORKERS:
            raise RuntimeError(f"the operator sees another study: {status['trials']}")
        return Look(
            self.objectives,
            size,
            1000 * median(seconds),
            1000 * first_seconds,
            len(json.dumps(status)),
            len(json.dumps(resource)),
        )

    async def _look(self, studies: OptunaStudies) -> float:
        """Look as the operator does; gives the CPU seconds of this process."""
        world = replace(self.simulation.world, studies=studies)
        begun = time.process_time()
        done = await reconcile(REF, world, self.configuration)
        used = time.process_time() - begun
        if done.error is not None:
            raise RuntimeError(done.error.message)
        return used

    # What workers do

    def _grow(self, size: int) -> None:
        missing = size - len(self.study.get_trials(deepcopy=False)) + WORKERS
        self.study.add_trials(
            create_trial(
                state=TrialState.COMPLETE,
                values=self._values(),
                params={name: self.chance.random() for name in _SPACE},
                distributions=dict(_SPACE),
                user_attrs={
                    TrialAttribute.POD_UID: f"{self.chance.getrandbits(128):032x}",
                    TrialAttribute.RUN_ID: f"{self.chance.getrandbits(128):032x}",
                },
            )
            for _ in range(missing)
        )

    def _one_more(self) -> None:
        """A worker ends its trial and takes the next."""
        trial = self.running.pop(0)
        self.study.tell(trial, self._values())
        self.running.append(self._asked(trial.user_attrs[TrialAttribute.POD_UID]))

    def _asked(self, uid: str) -> optuna.Trial:
        trial = self.study.ask(_SPACE)
        trial.set_user_attr(TrialAttribute.POD_UID, uid)
        trial.set_user_attr(TrialAttribute.RUN_ID, f"{self.chance.getrandbits(128):032x}")
        return trial

    def _values(self) -> list[float]:
        """Of two objectives the one is had for the other, so that the Pareto front is long."""
        angle, length = math.pi / 2 * self.chance.random(), 1 - 0.05 * self.chance.random()
        return [length * math.sin(angle), length * math.cos(angle)][: self.objectives]
