"""The optional dashboard of studies: confined, reached from beside it only, and it only reads."""

from __future__ import annotations

import pytest

from support.helm import Helm, Manifest
from support.stack import rendered_part

PART = "optuna-dashboard"


@pytest.fixture(scope="module")
def objects(helm: Helm) -> dict[str, Manifest]:
    """Its objects by kind and name."""
    return rendered_part(helm, PART, {"optunaDashboard": {"enabled": True}})


@pytest.fixture(scope="module")
def pod(objects: dict[str, Manifest]) -> Manifest:
    """Its pod."""
    spec: Manifest = objects[f"Deployment/{PART}"]["spec"]["template"]["spec"]
    return spec


def test_it_is_there_only_where_it_is_wanted(helm: Helm, objects: dict[str, Manifest]) -> None:
    """With a Service that finds its pod."""
    assert rendered_part(helm, PART, {}) == {}
    assert set(objects) == {f"{kind}/{PART}" for kind in ("Deployment", "NetworkPolicy", "Service")}
    labels = objects[f"Deployment/{PART}"]["spec"]["template"]["metadata"]["labels"]
    assert objects[f"Service/{PART}"]["spec"]["selector"].items() <= labels.items()


def test_containers_are_restricted_and_small(pod: Manifest) -> None:
    """As all of the stack: no rights, no writes, memory limited, little CPU."""
    for one in (*pod["initContainers"], *pod["containers"]):
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert "memory" in one["resources"]["limits"]
        assert one["resources"]["requests"]["cpu"] == "20m"
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False


def test_the_studies_are_found_by_the_secret_and_only_read(pod: Manifest) -> None:
    """The tables are made before, by a container that may write."""
    (first,), (dashboard,) = pod["initContainers"], pod["containers"]
    address = {"secretKeyRef": {"name": "postgresql", "key": "optuna-url"}}

    assert first["env"] == [{"name": "OPTUNA_STORAGE", "valueFrom": address}]
    assert dashboard["args"][0] == "$(DATABASE)"
    assert dashboard["env"] == [
        {"name": "DATABASE", "valueFrom": address},
        {"name": "PGOPTIONS", "value": "-c default_transaction_read_only=on"},
    ]


def test_only_pods_beside_it_reach_it_and_it_reaches_the_database_only(
    helm: Helm, objects: dict[str, Manifest]
) -> None:
    """It has no login."""
    policy = objects[f"NetworkPolicy/{PART}"]["spec"]
    database = rendered_part(helm, "postgresql", {})["StatefulSet/postgresql"]["spec"]["template"]
    (into,), (studies, names) = policy["ingress"], policy["egress"]
    ((target,),) = (studies["to"],)

    labels = objects[f"Deployment/{PART}"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert into == {"from": [{"podSelector": {}}], "ports": [{"port": "http"}]}
    wanted = target["podSelector"]["matchLabels"]
    assert wanted.items() <= database["metadata"]["labels"].items()
    assert {port["port"] for port in names["ports"]} == {53}
