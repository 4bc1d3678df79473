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
from sqlalchemy import text

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
_COPY = """
WITH pattern AS (SELECT * FROM trials WHERE trial_id = :pattern),
last AS (SELECT max(number) AS number FROM trials WHERE study_id = (SELECT study_id FROM pattern)),
made AS (
    INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete)
    SELECT last.number + step, study_id, state, datetime_start, datetime_complete
    FROM pattern, last, generate_series(1, :missing) AS step
    RETURNING trial_id
), parameters AS (
    INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)
    SELECT made.trial_id, param_name, random(), distribution_json
    FROM made, trial_params WHERE trial_params.trial_id = :pattern
), attributes AS (
    INSERT INTO trial_user_attributes (trial_id, key, value_json)
    SELECT made.trial_id, key, value_json
    FROM made, trial_user_attributes WHERE trial_user_attributes.trial_id = :pattern
), placed AS (SELECT trial_id, random() * pi() / 2 AS angle, 1 - random() / 20 AS length FROM made)
INSERT INTO trial_values (trial_id, objective, value, value_type)
SELECT placed.trial_id, objective,
    length * CASE objective WHEN 0 THEN sin(angle) ELSE cos(angle) END, value_type
FROM placed, trial_values WHERE trial_values.trial_id = :pattern
"""
"""Thousands of trials in a second, in the tables of Optuna; it would take minutes to tell them."""


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
        search = {
            "trials": trials + 1000,
            "parallelism": WORKERS,
            "timeout": "24h",
            "pruner": "None",
        }
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
            optuna.delete_study(study_name=self.study.study_name, storage=self.storage)
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
        """Copy the trial that ended last, with other parameters and values."""
        self._one_more()
        trials = self.study.get_trials(deepcopy=False)
        pattern = max(one._trial_id for one in trials if one.state.is_finished())  # noqa: SLF001 - its key
        with self.storage.engine.begin() as connection:
            missing = size + WORKERS - len(trials)
            connection.execute(text(_COPY), {"pattern": pattern, "missing": missing})

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
