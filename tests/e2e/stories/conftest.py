"""A registry, a model and a client for each story."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mlflow import MlflowClient

from support.installation import Installation
from support.kubectl import Kubectl
from support.port_forward import forwarded
from support.registry import Registry
from support.stories import Story


@pytest.fixture
def registry(leadsman: Installation, kubectl: Kubectl) -> Iterator[Registry]:
    """MLflow as it is reached from outside; anew for each story, for some take it down."""
    with forwarded(kubectl, leadsman.stack_namespace, "mlflow", 5000) as address:
        yield Registry(MlflowClient(address), address)


@pytest.fixture
def model(registry: Registry, namespace: str, leadsman: object) -> str:
    """The name of a registered model that is not there yet."""
    assert leadsman
    name = f"trained-{namespace}"
    registry.forget(name)
    return name


@pytest.fixture
def story(registry: Registry, kubectl: Kubectl, namespace: str) -> Story:
    """A ModelDeployment with a name of its own, in a namespace of its own."""
    name = f"m-{namespace.removeprefix('t-')}"
    registry.forget(name)
    return Story(kubectl, namespace, name)


@pytest.fixture
def web(story: Story, leadsman: Installation) -> Iterator[str]:
    """A name in the story's namespace that leads to the gateway: what clients call."""
    address = f"gateway.{leadsman.stack_namespace}.svc.cluster.local"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"type": "ExternalName", "externalName": address},
    }
    story.kubectl.apply(service, namespace=story.namespace)
    yield f"web.{story.namespace}.svc"
    story.kubectl(
        "-n", story.namespace, "delete", "modeldeployment", story.name, "--timeout=60s", timeout=70
    )
