"""The gateway of the demo's stack: confined, small, and told which Gateway is its own."""

from __future__ import annotations

import pytest
import yaml

from support.helm import Helm, Manifest
from support.stack import CHART, NAMESPACE, rendered_part


@pytest.fixture(scope="module")
def objects(helm: Helm) -> dict[str, Manifest]:
    """The gateway's objects by kind and name."""
    return rendered_part(helm, "gateway", {})


@pytest.fixture(scope="module")
def pod(objects: dict[str, Manifest]) -> Manifest:
    """Its pod."""
    spec: Manifest = objects["Deployment/gateway"]["spec"]["template"]["spec"]
    return spec


def test_containers_are_restricted_and_small(pod: Manifest) -> None:
    """As all of the stack: no rights, no writes, memory limited, CPU for two busy cores."""
    for one in (*pod["initContainers"], *pod["containers"]):
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert "memory" in one["resources"]["limits"]
    asked = [one["resources"]["requests"]["cpu"] for one in pod["containers"]]
    assert sum(int(one.removesuffix("m")) for one in asked) <= 100
    assert pod["securityContext"]["runAsNonRoot"]


def test_envoy_and_contour_meet_inside_the_pod_only(pod: Manifest) -> None:
    """What is spoken without TLS never leaves the loopback interface."""
    bootstrap = pod["initContainers"][1]["args"]
    contour, envoy = pod["containers"]

    assert "--xds-address=127.0.0.1" in bootstrap
    assert "--xds-address=127.0.0.1" in contour["args"]
    assert {port["name"] for port in envoy["ports"]} == {"http", "envoy-health"}
    for one in (contour, envoy):
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= one.keys()


def test_contour_serves_the_gateway_that_is_applied(objects: dict[str, Manifest]) -> None:
    """Class, Gateway and Contour's configuration speak of the same one, open to every namespace."""
    data = objects["ConfigMap/gateway"]["data"]
    kind, gateway = yaml.safe_load_all(data["gateway.yaml"])
    configured = yaml.safe_load(data["contour.yml"])["gateway"]["gatewayRef"]

    assert gateway["spec"]["gatewayClassName"] == kind["metadata"]["name"]
    assert configured == {"name": gateway["metadata"]["name"], "namespace": NAMESPACE}
    assert gateway["metadata"]["namespace"] == NAMESPACE
    assert gateway["spec"]["listeners"][0]["allowedRoutes"] == {"namespaces": {"from": "All"}}


def test_it_writes_definitions_gateways_and_words_on_routes_only(
    objects: dict[str, Manifest],
) -> None:
    """Beside reading: no other object can be made or changed by it."""
    (role,) = [one for name, one in objects.items() if name.startswith("ClusterRole/")]
    written = {
        resource
        for rule in role["rules"]
        for resource in rule["resources"]
        if set(rule["verbs"]) - {"get", "list", "watch"} and not resource.endswith("/status")
    }

    assert written == {"customresourcedefinitions", "gatewayclasses", "gateways"}


def test_the_program_that_applies_is_the_one_of_the_checkout(objects: dict[str, Manifest]) -> None:
    """What the linter reads is what runs."""
    program = (CHART / "files" / "apply_objects.py").read_text()

    assert objects["ConfigMap/gateway"]["data"]["apply_objects.py"].strip() == program.strip()


def test_it_can_be_left_out(helm: Helm) -> None:
    """Where a cluster has a gateway of its own."""
    assert rendered_part(helm, "gateway", {"gateway": {"enabled": False}}) == {}
