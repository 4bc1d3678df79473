"""What must not take a healthy service down, with a client that counts every answer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.installation import Installation
from support.kubectl import Kubectl
from support.registry import Registry
from support.stories import Story, condition, reason
from support.waiting import eventually


@pytest.fixture
def serving(story: Story, registry: Registry) -> Iterator[Story]:
    """Version 1 serves under steady traffic; at the end no request may have failed."""
    version = registry.add(story.name, "good")
    assert version == 1
    story.apply(model={"alias": "champion"})
    story.until_serving(version)
    story.client.start(story.url)
    yield story
    counted = story.client.stop()
    assert counted.failures_in_all == 0, f"{counted}\n{story.describe()}"


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ({"alias": "nowhere"}, "AliasNotFound"),
        ({"version": 99}, "VersionNotFound"),
    ],
    ids=["alias", "version"],
)
def test_a_version_that_does_not_exist(
    serving: Story, version: dict[str, object], why: str
) -> None:
    """The resource says so, and what serves goes on."""
    serving.apply(model=version)
    status = serving.until(
        lambda status: reason(status, "ModelResolved") == why, f"ModelResolved says {why}", 60
    )
    assert status["stable"]["version"] == 1
    serving.more_answers()


def test_versions_that_cant_serve_never_get_a_request(serving: Story, registry: Registry) -> None:
    """One that can't be loaded under the policy, and one that crashes when it is asked."""
    serving.apply(model={"alias": "champion", "loading": "Safe"})
    serving.until(lambda status: status.get("phase") == "Stable", "the policy is rolled out")
    unsafe = registry.add(serving.name, "crash")
    status = serving.until_rolled_back(unsafe)
    assert status["blocked"][0]["reason"] == "UnsafeFormat"
    serving.apply(model={"alias": "champion", "loading": "Trusted"})
    status = serving.until(
        lambda status: any(one["reason"] in ("Crashing", "LoadFailed")
                           for one in status.get("blocked", [])),
        "the crashing version is rolled back",
    )  # fmt: skip
    serving.more_answers()
    assert str(unsafe) not in serving.counted().versions


def test_a_second_alias_move_in_the_middle_of_a_rollout(serving: Story, registry: Registry) -> None:
    """The version in the middle gives way, the last one is rolled out."""
    second = registry.add(serving.name, "good")
    serving.until(
        lambda status: (status.get("candidate") or {}).get("version") == second,
        f"version {second} is on its way",
    )
    third = registry.add(serving.name, "good")
    status = serving.until_serving(third)
    assert "Superseded" in {one["reason"] for one in status["history"]}


def test_a_serving_version_that_is_deleted_from_the_registry(
    serving: Story, registry: Registry
) -> None:
    """Its pods have the files: the registry is needed for new ones only."""
    registry.client.delete_model_version(serving.name, "1")
    status = serving.until(
        lambda status: condition(status, "ModelResolved") == "False",
        "ModelResolved says that the version is gone",
        90,
    )
    assert status["stable"]["version"] == 1
    serving.more_answers()


@pytest.mark.outage
@pytest.mark.xdist_group("mlflow")
def test_mlflow_down(serving: Story, leadsman: Installation, kubectl: Kubectl) -> None:
    """Unknown is not missing: nothing moves, and the rollout comes when the registry is back."""
    leadsman.scale(kubectl, "mlflow", 0)
    try:
        status = serving.until(
            lambda status: reason(status, "ModelResolved") == "RegistryUnreachable",
            "ModelResolved says that the registry does not answer",
            120,
        )
        assert condition(status, "ModelResolved") == "Unknown"
        serving.more_answers()
    finally:
        leadsman.scale(kubectl, "mlflow", 1)
    serving.until(
        lambda status: reason(status, "ModelResolved") == "Resolved", "the registry is back", 120
    )


def test_what_somebody_deletes_or_edits_is_repaired(serving: Story, kubectl: Kubectl) -> None:
    """Fields of others stay."""
    name, space = serving.name, ("-n", serving.namespace)
    kubectl(*space, "annotate", "service", name, "example.com/theirs=kept")
    kubectl(*space, "label", "service", name, "app.kubernetes.io/component-", "--overwrite")
    budget = serving.status()["stable"]["name"]
    kubectl(*space, "delete", "poddisruptionbudget", budget)
    patch = json.dumps({"spec": {"ports": [{"port": 80, "name": "http", "targetPort": 9999}]}})
    kubectl(*space, "patch", "service", f"{name}-stable", "-p", patch)

    def repaired() -> bool:
        service = kubectl.get("service", name, *space)
        stable = kubectl.get("service", f"{name}-stable", *space)
        budgets = kubectl.get("poddisruptionbudget", *space)["items"]
        return (
            service["metadata"]["labels"].get("app.kubernetes.io/component") == "serving"
            and service["metadata"]["annotations"]["example.com/theirs"] == "kept"
            and stable["spec"]["ports"][0]["targetPort"] == "http"
            and len(budgets) == 1
        )

    eventually(repaired, within_seconds=60, what="service and budget are as they were")


def test_deletion_leaves_nothing(story: Story, registry: Registry, kubectl: Kubectl) -> None:
    """All that was made goes with the resource."""
    registry.add(story.name, "good")
    story.apply(model={"alias": "champion"})
    story.until_serving(1)
    space = ("-n", story.namespace)
    kubectl(*space, "delete", "modeldeployment", story.name, "--timeout=120s", timeout=130)
    kinds = (
        "deployments,replicasets,pods,services,horizontalpodautoscalers,poddisruptionbudgets,"
        "controllerrevisions,jobs,configmaps,secrets,serviceaccounts"
    )
    left = [
        f"{item['kind']}/{item['metadata']['name']}"
        for item in kubectl.get(kinds, *space)["items"]
        if item["metadata"]["name"] not in ("kube-root-ca.crt", "default")
    ]
    assert left == []
