"""Everything that a decision may depend on, read at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from leadsman_api import ModelDeployment, TrainingRun
from leadsman_api.reasons import Reason
from leadsman_api.recorded_spec import RecordedSpec
from leadsman_api.studies import study_name
from leadsman_operator.errors import EdgeError
from leadsman_operator.facts import (
    Counts,
    Manifest,
    Missing,
    RunFacts,
    StudyFacts,
    TrialFacts,
    Unknown,
)
from leadsman_operator.observe.cluster import read_cluster
from leadsman_operator.observe.measurements import (
    metrics_endpoint,
    read_counts,
    read_past,
    read_past_labels,
    read_queries,
)
from leadsman_operator.observe.registry import (
    read_model,
    read_record,
    read_version,
    registry_endpoint,
)
from leadsman_operator.observe.resources import parsed
from leadsman_operator.observe.routing import read_routing
from leadsman_operator.observe.secret_values import secret_values
from leadsman_operator.planner.observation import (
    Configuration,
    DeploymentObservation,
    Observation,
    RunObservation,
    ScheduleObservation,
)
from leadsman_operator.planner.training.trials import RUNNING
from leadsman_operator.ports import Endpoint, World


async def observe(manifest: Manifest, world: World, configuration: Configuration) -> Observation:
    """All about one resource; raises InvalidSpec, Unreachable or Refused."""
    resource = parsed(manifest)
    if isinstance(resource, ModelDeployment):
        return await observe_deployment(resource, world, configuration)
    schedule = resource.spec.schedule
    if schedule is not None:
        cluster = await read_cluster(resource, world.cluster)
        return ScheduleObservation(world.clock.now(), resource, schedule, cluster)
    return await observe_run(resource, world, configuration)


async def observe_deployment(
    resource: ModelDeployment, world: World, configuration: Configuration
) -> DeploymentObservation:
    """All about one ModelDeployment."""
    now = world.clock.now()
    cluster, (routes, routing), registry, metrics = await asyncio.gather(
        read_cluster(resource, world.cluster),
        read_routing(resource, world.cluster),
        registry_endpoint(resource, world, configuration),
        metrics_endpoint(resource, world, configuration),
    )
    model, counts, queries = await asyncio.gather(
        read_model(registry, resource.spec.model.name, world),
        read_counts(resource, metrics, cluster.pods, world, configuration, now),
        read_queries(resource, metrics, world.metrics, now),
    )
    # Nobody remembers a past that is read beside counts which are unknown: it is long.
    past, past_labels = (
        await asyncio.gather(
            read_past(resource, metrics, cluster.pods, world, configuration, now),
            read_past_labels(resource, metrics, world.metrics, now),
        )
        if isinstance(counts, Counts)
        else ((), ())
    )
    return DeploymentObservation(
        now=now,
        resource=resource,
        configuration=configuration,
        cluster=replace(cluster, objects={**cluster.objects, **routes}),
        model=model,
        version=await read_version(resource, registry, model, world),
        counts=counts.pods if isinstance(counts, Counts) else counts,
        unread_labels=counts.unread if isinstance(counts, Counts) else {},
        past=past,
        past_labels=past_labels,
        queries=queries,
        routing=routing,
    )


async def observe_run(
    resource: TrainingRun, world: World, configuration: Configuration
) -> RunObservation:
    """All about one TrainingRun.

    The order decides. The study is read before and after the pods: a trial that runs both times
    and whose pod is not alive in between has lost its pod. And a Job that is seen to be complete
    has written its trials and its conclusion before study and parent run are read.
    """
    registry, url = await asyncio.gather(
        registry_endpoint(resource, world, configuration),
        _study_url(resource, world, configuration),
    )
    record = await read_record(resource, registry, world)
    if isinstance(record, RecordedSpec):
        resource = resource.model_copy(update={"spec": record.completed(resource.spec)})
    before = await _read_study(resource, url, world)
    cluster = await read_cluster(resource, world.cluster)
    model, study, run = await asyncio.gather(
        read_model(registry, resource.spec.model.name, world),
        _read_study_again(before, resource, url, world),
        _read_run(resource, registry, world),
    )
    return RunObservation(
        now=world.clock.now(),
        resource=resource,
        configuration=configuration,
        cluster=cluster,
        model=model,
        study=study,
        study_url=url,
        run=run,
        record=record,
    )


async def _study_url(
    resource: TrainingRun, world: World, configuration: Configuration
) -> str | Missing | Unknown:
    """Address of the study's database, from the spec's Secret or the operator's own."""
    search = resource.spec.effective_search
    storage = search.storage if search else None
    if storage is None:
        return configuration.study_url or Missing(
            Reason.SPEC_INVALID,
            "the operator knows no database for studies: write spec.search.storage",
        )
    namespace = resource.metadata.namespace or "default"
    values = await secret_values(world.cluster, namespace, storage.name)
    if values is None or storage.key not in values:
        return Missing(
            Reason.STUDY_UNREACHABLE,
            f"there is no key {storage.key} in Secret {storage.name}: make it, or change"
            " spec.search.storage",
        )
    return values[storage.key]


async def _read_study(
    resource: TrainingRun, url: str | Missing | Unknown, world: World
) -> StudyFacts | Missing | Unknown:
    if not isinstance(url, str):
        return url
    metadata = resource.metadata
    name = study_name(metadata.namespace or "default", metadata.name, metadata.uid or "")
    try:
        found = await world.studies.study(url, name)
    except EdgeError as error:
        return Unknown(error.reason, error.message)
    return found or Missing(Reason.PROGRESSING, "no worker has made the study yet")


async def _read_study_again(
    before: StudyFacts | Missing | Unknown,
    resource: TrainingRun,
    url: str | Missing | Unknown,
    world: World,
) -> StudyFacts | Missing | Unknown:
    """The study as it is now, but for trials that began since: the pods say nothing of these."""
    if isinstance(before, Unknown):
        return before
    after = await _read_study(resource, url, world)
    if not isinstance(after, StudyFacts):
        return after
    known = before.trials if isinstance(before, StudyFacts) else ()
    return replace(after, trials=tuple(_without_news(known, after.trials)))


def _without_news(
    before: tuple[TrialFacts, ...], after: tuple[TrialFacts, ...]
) -> Iterator[TrialFacts]:
    known = {trial.number: trial for trial in before}
    for trial in after:
        earlier = known.get(trial.number)
        if trial.state != RUNNING or (earlier is not None and earlier.state == RUNNING):
            yield trial
        elif earlier is not None:
            yield earlier


async def _read_run(
    resource: TrainingRun, registry: Endpoint | Missing, world: World
) -> RunFacts | Missing | Unknown | None:
    """The parent run, once the status knows it."""
    run_id = resource.status.run_id
    if run_id is None:
        return None
    if isinstance(registry, Missing):
        return registry
    try:
        found = await world.registry.run(registry, run_id)
    except EdgeError as error:
        return Unknown(error.reason, error.message)
    return found or Missing(Reason.PROGRESSING, f"MLflow has no run {run_id}")
