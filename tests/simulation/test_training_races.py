"""What happens to a TrainingRun while the operator looks or can't, each as a story of its own."""

from __future__ import annotations

import asyncio

from support.world_training import SPEC, TrainingSimulation
from support.world_trouble import STUDIES

AFTER_THE_STUDY = 2
"""Calls until the study is read: the resource, then the study."""
AFTER_THE_REGISTRY = 8
"""Then pods, four kinds of objects, and the model with its aliases."""


def a_search(trials: int = 1) -> TrainingSimulation:
    """A simulation of a search by one worker."""
    return TrainingSimulation(search={**SPEC["search"], "trials": trials, "parallelism": 1})


async def until_a_trial_runs(sim: TrainingSimulation) -> None:
    """Go on until the first trial is at work and its MLflow run is known."""
    for _ in range(60):
        if sim.studies.trials and sim.studies.trials[0].run_id:
            await sim.reconcile()
            return
        await sim.advance(1)
    raise AssertionError(sim.text())


def go_on(sim: TrainingSimulation) -> None:
    """The pods and controllers come to the end of what they do."""
    for _ in range(20):
        sim.clock.advance(1)
        sim.cluster.run()


def test_a_trial_that_ends_while_the_operator_looks_is_not_lost() -> None:
    """Its worker has left with code 0, and its MLflow run stays FINISHED."""

    async def story() -> TrainingSimulation:
        sim = a_search()
        await until_a_trial_runs(sim)
        sim.faults.meanwhile = (AFTER_THE_STUDY, lambda: go_on(sim))
        await sim.reconcile()
        return sim

    sim = asyncio.run(story())
    (trial,) = sim.studies.trials
    assert trial.state == "COMPLETE"
    assert sim.mlflow.runs[trial.run_id or ""].status == "FINISHED", sim.text()
    assert "is lost" not in sim.text(), sim.text()


def test_a_search_that_passes_while_the_operator_looks_has_found_something() -> None:
    """The Job is complete in the same look in which no worker had made the study yet."""

    async def story() -> TrainingSimulation:
        sim = a_search()
        await sim.reconcile()
        await sim.reconcile()
        sim.faults.meanwhile = (AFTER_THE_STUDY, lambda: go_on(sim))
        await sim.reconcile()
        return sim

    sim = asyncio.run(story())
    assert sim.phase == "Concluding", sim.text()


def test_the_run_of_a_trial_that_dies_while_the_operator_looks_is_ended() -> None:
    """The worker names the MLflow run and dies, both after the study was read."""

    async def story() -> TrainingSimulation:
        sim = a_search()
        while not sim.mlflow.running()[1:]:
            await sim.advance(1)

        def dies() -> None:
            sim.cluster.run()
            (pod,) = sim.cluster.trainers.values()
            sim.lose_pod(pod, "killed")

        sim.faults.meanwhile = (AFTER_THE_STUDY, dies)
        await sim.reconcile()
        return sim

    sim = asyncio.run(story())
    assert [one.state for one in sim.studies.trials] == ["FAIL"], sim.text()
    assert sim.mlflow.running() == [sim.mlflow.parent], sim.text()


def test_an_alias_that_moves_while_the_operator_looks_is_left_alone() -> None:
    """The version is judged again, against the new champion."""

    async def story() -> TrainingSimulation:
        sim = a_search()
        while "modelVersion" not in sim.status:
            await sim.advance(5)

        def rival() -> None:
            sim.mlflow.aliases["champion"] = sim.mlflow.register({})

        sim.faults.meanwhile = (AFTER_THE_REGISTRY, rival)
        await sim.reconcile()
        assert not sim.mlflow.moves, sim.text()
        await sim.settle(lambda: sim.phase == "Succeeded")
        return sim

    sim = asyncio.run(story())
    ((version, before, gate),) = sim.mlflow.moves
    assert (version, before, gate.champion_version) == (1, 2, 2), sim.text()


def test_a_search_that_ends_unseen_is_concluded_when_its_study_is_read_again() -> None:
    """What can't be read is no reason to give a run up."""

    async def story() -> TrainingSimulation:
        sim = a_search()
        await until_a_trial_runs(sim)
        sim.faults.down.add(STUDIES)
        sim.faults.only_ours.add(STUDIES)
        for _ in range(20):
            await sim.advance(5)
        assert sim.phase == "Searching", sim.text()
        sim.faults.heal()
        await sim.settle(lambda: sim.phase == "Succeeded")
        return sim

    assert asyncio.run(story()).status["trials"]["complete"] == 1


def test_trials_that_are_raised_during_a_search_are_run() -> None:
    """Its workers know of the old number alone, so that others go on after them."""

    async def story() -> TrainingSimulation:
        sim = a_search()
        await until_a_trial_runs(sim)
        sim.edit(search={"trials": 3})
        await sim.settle(lambda: sim.phase == "Succeeded")
        return sim

    sim = asyncio.run(story())
    assert (sim.status["trials"]["complete"], sim.status["attempt"]) == (3, 2), sim.text()
