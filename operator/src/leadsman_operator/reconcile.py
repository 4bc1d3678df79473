"""Bring one resource a step closer to its spec: observe, plan, apply. Read this file first."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from leadsman_api.studies import study_name
from leadsman_api.v1alpha1 import ModelDeploymentStatus, TrainingRunStatus
from leadsman_operator.apply.executor import Deeds, Reach, carry_out
from leadsman_operator.apply.status_writer import tell, with_error, with_invalid_spec, write_status
from leadsman_operator.errors import EdgeError, Refused
from leadsman_operator.facts import Manifest, ObjectRef
from leadsman_operator.observe.gather import observe
from leadsman_operator.observe.registry import registry_endpoint
from leadsman_operator.observe.resources import InvalidSpec, parsed
from leadsman_operator.planner.model_deployment import plan_model_deployment
from leadsman_operator.planner.observation import (
    Configuration,
    DeploymentObservation,
    Observation,
    ScheduleObservation,
)
from leadsman_operator.planner.plan import Action, Event, Plan
from leadsman_operator.planner.training_run import plan_training_run
from leadsman_operator.planner.training_schedule import plan_schedule
from leadsman_operator.ports import Endpoint, World

Status = ModelDeploymentStatus | TrainingRunStatus
AnyPlan = Plan[ModelDeploymentStatus] | Plan[TrainingRunStatus]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one reconcile did, for logs and metrics."""

    ref: ObjectRef
    actions: tuple[Action, ...] = ()
    before: Status | None = None
    after: Status | None = None
    events: tuple[Event, ...] = ()
    look_again_in: timedelta | None = None
    gone: bool = False
    error: EdgeError | None = None


async def reconcile(ref: ObjectRef, world: World, configuration: Configuration) -> Reconciled:
    """Bring one resource a step closer to its spec; never raises an EdgeError."""
    try:
        manifest = await world.cluster.read(ref)
        if manifest is None:
            return Reconciled(ref, gone=True)
        return await _reconcile(ref, manifest, world, configuration)
    except EdgeError as error:
        return Reconciled(ref, error=error)


async def _reconcile(
    ref: ObjectRef, manifest: Manifest, world: World, configuration: Configuration
) -> Reconciled:
    try:
        observation = await observe(manifest, world, configuration)
    except InvalidSpec as invalid:
        status = with_invalid_spec(manifest, invalid.message, world.clock.now())
        await write_status(manifest, status, world.cluster)
        return Reconciled(ref)
    except Refused as refused:
        # Something that the spec names may not be read: only its user can help, so tell.
        status = with_error(parsed(manifest), refused, world.clock.now())
        return await _tell_failure(Reconciled(ref, error=refused), manifest, status, world)
    plan = _plan(observation)
    reach = await _reach(observation, world, configuration) if plan.actions else Reach()
    deeds = await carry_out(plan.actions, world, reach)
    before = observation.resource.status
    outcome = Reconciled(ref, deeds.done, before, before, error=deeds.error)
    if deeds.error is not None:
        status = with_error(observation.resource, deeds.error, world.clock.now())
        return await _tell_failure(outcome, manifest, status, world)
    return await _conclude(outcome, manifest, plan, _after(plan, deeds), world)


async def _tell_failure(
    outcome: Reconciled, manifest: Manifest, status: Mapping[str, Any], world: World
) -> Reconciled:
    """Write what went wrong; when that can't be done either, the first error is the one to know."""
    with suppress(EdgeError):
        await write_status(manifest, status, world.cluster)
    return outcome


async def _conclude(
    outcome: Reconciled, manifest: Manifest, plan: AnyPlan, after: Status, world: World
) -> Reconciled:
    """Write what is true now and tell of it; what was done is known even when that fails."""
    try:
        await write_status(manifest, after.to_wire(), world.cluster)
        outcome = replace(
            outcome, after=after, events=plan.events,
            look_again_in=plan.look_again_in, gone=plan.gone,
        )  # fmt: skip
        await tell(manifest, plan.events, world.cluster)
    except EdgeError as error:
        return replace(outcome, error=error)
    return outcome


def _plan(observation: Observation) -> AnyPlan:
    if isinstance(observation, DeploymentObservation):
        return plan_model_deployment(observation)
    if isinstance(observation, ScheduleObservation):
        return plan_schedule(observation)
    return plan_training_run(observation)


async def _reach(observation: Observation, world: World, configuration: Configuration) -> Reach:
    """The servers that actions may be about; a schedule's are about the cluster alone."""
    if isinstance(observation, ScheduleObservation):
        return Reach()
    found = await registry_endpoint(observation.resource, world, configuration)
    registry = found if isinstance(found, Endpoint) else None
    if isinstance(observation, DeploymentObservation):
        return Reach(registry)
    metadata = observation.resource.metadata
    study = study_name(metadata.namespace or "default", metadata.name, metadata.uid or "")
    url = observation.study_url if isinstance(observation.study_url, str) else None
    return Reach(registry, url, study)


def _after(plan: AnyPlan, deeds: Deeds) -> Status:
    """The plan's status, with the one thing that only its execution could find out."""
    if isinstance(plan.status, TrainingRunStatus) and deeds.run_id is not None:
        return plan.status.model_copy(update={"run_id": deeds.run_id})
    return plan.status
