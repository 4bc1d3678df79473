"""Which ConfigMaps and Secrets a resource's pods use: a change of them is a change of the pods."""

from __future__ import annotations

from leadsman_api import ModelDeployment, TrainingRun
from leadsman_api.v1alpha1.pods import EnvironmentVariable


def references(resource: ModelDeployment | TrainingRun) -> tuple[str, ...]:
    """The objects as `ConfigMap/name` and `Secret/name`, sorted, each once."""
    if isinstance(resource, TrainingRun):
        found = {*_of_environment(resource.spec.trainer.env), *data_references(resource)}
        return tuple(sorted(found))
    serving = resource.spec.serving
    found = {*_of_environment(serving.env)}
    if serving.auth is not None:
        found.add(f"Secret/{serving.auth.secret_ref.name}")
    return tuple(sorted(found))


def data_references(resource: TrainingRun) -> dict[str, str]:
    """The objects without which the data can't be read, with the fields that name them."""
    data, found = resource.spec.asked_data, dict[str, str]()
    if data is None:
        return found
    source = data.source
    if source.secret_ref is not None:
        found[f"Secret/{source.secret_ref.name}"] = "spec.data.source.secretRef"
    if source.scheme == "configmap":
        name = source.uri.partition("://")[2].partition("/")[0]
        found[f"ConfigMap/{name}"] = "spec.data.source.uri"
    return found


def _of_environment(variables: tuple[EnvironmentVariable, ...]) -> list[str]:
    found = []
    for variable in variables:
        source = variable.value_from
        if source is not None and source.secret_key_ref is not None:
            found.append(f"Secret/{source.secret_key_ref.name}")
        if source is not None and source.config_map_key_ref is not None:
            found.append(f"ConfigMap/{source.config_map_key_ref.name}")
    return found
