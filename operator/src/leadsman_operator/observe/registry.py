"""What the registry says of a resource's model."""

from __future__ import annotations

from leadsman_api import ModelDeployment, TrainingRun
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.recorded_spec import RecordedSpec
from leadsman_operator.errors import EdgeError
from leadsman_operator.facts import Missing, ModelFacts, ObjectRef, Unknown, VersionFacts
from leadsman_operator.observe.secret_values import secret_values
from leadsman_operator.planner.observation import Configuration
from leadsman_operator.planner.render.training_objects import spec_in
from leadsman_operator.planner.target_version import target_version
from leadsman_operator.planner.training.naming import namespace_of, spec_config_map
from leadsman_operator.planner.training.scene import OVER
from leadsman_operator.ports import Cluster, Endpoint, World


async def registry_endpoint(
    resource: ModelDeployment | TrainingRun, world: World, configuration: Configuration
) -> Endpoint | Missing:
    """The MLflow server of a resource: its own, or the operator's."""
    registry = resource.spec.model.registry
    if registry is None:
        if configuration.tracking_uri is None:
            return Missing(
                Reason.SPEC_INVALID,
                "the operator knows no MLflow server: write spec.model.registry.trackingUri",
            )
        return Endpoint(configuration.tracking_uri, configuration.tracking_credentials)
    credentials: dict[str, str] = {}
    if registry.secret_ref is not None:
        namespace, name = resource.metadata.namespace or "default", registry.secret_ref.name
        found = await secret_values(world.cluster, namespace, name)
        if found is None:
            return Missing(
                Reason.REGISTRY_FORBIDDEN,
                f"there is no Secret {name} in namespace {namespace}:"
                " make it, or change spec.model.registry.secretRef",
            )
        credentials = found
    return Endpoint(registry.tracking_uri, credentials, registry.workspace)


async def read_model(
    endpoint: Endpoint | Missing, name: str, world: World
) -> ModelFacts | Missing | Unknown:
    """The registered model with its aliases."""
    if isinstance(endpoint, Missing):
        return endpoint
    try:
        found = await world.registry.model(endpoint, name)
    except EdgeError as error:
        return Unknown(error.reason, error.message)
    if found is None:
        return Missing(Reason.MODEL_NOT_FOUND, f"{endpoint.address} has no model {name}")
    return found


async def read_version(
    resource: ModelDeployment,
    endpoint: Endpoint | Missing,
    model: ModelFacts | Missing | Unknown,
    world: World,
) -> VersionFacts | Missing | Unknown:
    """The version that the spec asks for."""
    number = target_version(resource, model)
    if not isinstance(number, int):
        return number
    return await _version(endpoint, resource.spec.model.name, number, world)


async def _version(
    endpoint: Endpoint | Missing, name: str, number: int, world: World
) -> VersionFacts | Missing | Unknown:
    if isinstance(endpoint, Missing):
        return endpoint
    try:
        found = await world.registry.version(endpoint, name, number)
    except EdgeError as error:
        return Unknown(error.reason, error.message)
    return found or Missing(Reason.VERSION_NOT_FOUND, f"model {name} has no version {number}")


async def read_record(
    resource: TrainingRun, endpoint: Endpoint | Missing, world: World
) -> RecordedSpec | Missing | Unknown | None:
    """What a run that trains a version again leaves out; None where it needs nothing.

    One that has ended, or goes, needs nothing. Of one that has begun the cluster knows it: the
    version may change or go meanwhile.
    """
    asked, spec = resource.spec.reproduce, resource.spec
    is_done = resource.status.phase in OVER or resource.metadata.deletion_timestamp is not None
    if asked is None or spec.is_whole or is_done:
        return None
    begun = await _record_of_pods(resource, world.cluster)
    if begun is not None:
        return begun
    found = await _recorded(endpoint, spec.model.name, asked.version, world)
    if isinstance(found, Missing) and None not in (spec.asked_data, spec.asked_objective):
        # As before there were records: the trainer that is left out is the default.
        return None
    return found


async def _record_of_pods(resource: TrainingRun, cluster: Cluster) -> RecordedSpec | None:
    """What the pods of the run read; None before they are made."""
    metadata = resource.metadata
    name, namespace = spec_config_map(metadata.name), namespace_of(resource)
    file = await cluster.read(ObjectRef("v1", "ConfigMap", namespace, name))
    spec = spec_in(file, metadata.uid) if file is not None else None
    return RecordedSpec.of(spec, spec.data.source.uri) if spec is not None else None


async def _recorded(
    endpoint: Endpoint | Missing, name: str, number: int, world: World
) -> RecordedSpec | Missing | Unknown:
    version = await _version(endpoint, name, number, world)
    if not isinstance(version, VersionFacts):
        return version
    return RecordedSpec.from_text(version.tags.get(Tag.SPEC)) or Missing(
        Reason.SPEC_INVALID,
        f"version {number} of {name} has no tag {Tag.SPEC} that can be read: make another"
        " TrainingRun with spec.data, spec.trainer and spec.objective",
    )
