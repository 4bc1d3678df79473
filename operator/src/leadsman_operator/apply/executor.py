"""A plan's actions, carried out one after the other until one fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from leadsman_api.reasons import Reason
from leadsman_operator.errors import Conflict, EdgeError, Unreachable
from leadsman_operator.planner.plan import (
    Action,
    ApplyObject,
    DeleteObject,
    EndRun,
    EnqueueTrial,
    EnsureRun,
    FailTrial,
    PatchObject,
    ScaleObject,
    SetAlias,
    TagVersion,
)
from leadsman_operator.ports import Endpoint, World


@dataclass(frozen=True, slots=True)
class Reach:
    """The servers that the actions of one resource are about."""

    registry: Endpoint | None = None
    study_url: str | None = None
    study: str | None = None


@dataclass(frozen=True, slots=True)
class Deeds:
    """What was done, and what ended it."""

    done: tuple[Action, ...] = ()
    run_id: str | None = None
    """The parent run, where one was made sure of."""
    error: EdgeError | None = None


async def carry_out(actions: Sequence[Action], world: World, reach: Reach) -> Deeds:
    """Carry the actions out in their order; the first that fails ends it."""
    done: list[Action] = []
    run_id = None
    for action in actions:
        try:
            made = await _carry_out(action, world, reach)
        except EdgeError as error:
            return Deeds(tuple(done), run_id, error)
        run_id = made or run_id
        done.append(action)
    return Deeds(tuple(done), run_id)


async def _carry_out(action: Action, world: World, reach: Reach) -> str | None:
    """Carry one out; gives the parent run's id when it made sure of one."""
    match action:
        case ApplyObject():
            await world.cluster.apply(action.manifest)
        case DeleteObject():
            await world.cluster.delete(action.ref)
        case ScaleObject():
            await world.cluster.scale(action.ref, action.replicas)
        case PatchObject():
            await world.cluster.patch(action.ref, action.operations)
        case SetAlias() | TagVersion() | EnsureRun() | EndRun():
            return await _tell_registry(action, world, _known(reach.registry))
        case FailTrial() | EnqueueTrial():
            await _tell_study(action, world, reach)
        case _:
            assert_never(action)
    return None


async def _tell_registry(
    action: SetAlias | TagVersion | EnsureRun | EndRun, world: World, endpoint: Endpoint
) -> str | None:
    match action:
        case SetAlias():
            await _set_alias(action, world, endpoint)
        case TagVersion():
            await world.registry.tag_version(endpoint, action.model, action.version, action.tags)
        case EnsureRun():
            run = await world.registry.ensure_run(
                endpoint, action.experiment, action.name, action.tags
            )
            return run.run_id
        case EndRun():
            await world.registry.end_run(endpoint, action.run_id, action.status, action.tags)
        case _:
            assert_never(action)
    return None


async def _set_alias(action: SetAlias, world: World, endpoint: Endpoint) -> None:
    """Look once more, write, and leave it if somebody else was quicker.

    MLflow has no compare-and-swap: this makes the gap as small as it can be.
    """
    points_at = await world.registry.alias(endpoint, action.model, action.alias)
    if points_at not in (action.expected, action.version):
        raise Conflict(
            Reason.CHAMPION_CHANGED,
            f"alias {action.alias} of {action.model} points at version {points_at} by now,"
            f" not at {action.expected}",
        )
    if points_at != action.version:
        await world.registry.set_alias(endpoint, action.model, action.alias, action.version)


async def _tell_study(action: FailTrial | EnqueueTrial, world: World, reach: Reach) -> None:
    if reach.study_url is None or reach.study is None:
        raise Unreachable(Reason.STUDY_UNREACHABLE, "the database of the study is not known")
    match action:
        case FailTrial():
            await world.studies.fail_trial(
                reach.study_url, reach.study, action.number, action.attributes
            )
        case EnqueueTrial():
            await world.studies.enqueue_trial(
                reach.study_url, reach.study, action.parameters, action.attributes
            )
        case _:
            assert_never(action)


def _known(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise Unreachable(Reason.REGISTRY_UNREACHABLE, "the MLflow server is not known")
    return endpoint
