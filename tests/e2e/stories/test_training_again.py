"""A version of the cluster's own is trained again: it is the same, or what differs is named."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from support.kubectl import Kubectl
from support.registry import Registry
from support.training_stories import ended, train, workers

DATA: dict[str, Any] = {"source": {"uri": "configmap://rows/rows.csv"}, "target": "target"}
RESOURCES = {"requests": {"cpu": "200m", "memory": "384Mi"}, "limits": {"memory": "1Gi"}}
TRAINER: dict[str, Any] = {"algorithm": "RandomForest", "resources": RESOURCES}
SEARCH = {
    "trials": 2,
    "parallelism": 1,
    "seed": 1,
    "space": {"n_estimators": {"int": [5, 9]}, "max_features": {"categorical": [2]}},
}


def give_rows(kubectl: Kubectl, namespace: str, rows: int) -> None:
    """Put that many rows where the pods read them."""
    frame = load_breast_cancer(as_frame=True).frame.iloc[:rows]
    data = {"rows.csv": frame.to_csv(index=False)}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rows"}, "data": data}
    kubectl.apply(manifest, namespace=namespace)


def again(
    kubectl: Kubectl, namespace: str, name: str, phase: str = "Succeeded", **changes: Any
) -> dict[str, Any]:
    """Train version 1 again under a name; gives what came out."""
    reproduce = {"version": 1, **changes.pop("reproduce", {})}
    spec = {"data": DATA, "trainer": TRAINER, "search": None, "reproduce": reproduce, **changes}
    train(kubectl, namespace, name, **spec)
    status = ended(kubectl, namespace, phase, name=name)
    found: dict[str, Any] = status["reproduction"]
    assert "modelVersion" not in status
    return found


@pytest.mark.timeout(900)
def test_a_version_comes_back_or_the_input_that_differs_is_named(
    kubectl: Kubectl, namespace: str, model: str, registry: Registry
) -> None:
    """To the last bit with the same inputs; else image, seed or data are told with both values."""
    give_rows(kubectl, namespace, 300)
    train(kubectl, namespace, data=DATA, trainer=TRAINER, search=SEARCH)
    assert ended(kubectl, namespace, "Succeeded")["modelVersion"] == 1
    image = workers(kubectl, namespace)[0]["spec"]["containers"][0]["image"]

    same = again(kubectl, namespace, "same")
    assert (same["verdict"], same.get("firstDifference")) == ("Exact", None), same

    longer = f"docker.io/{image}"
    other = again(kubectl, namespace, "image", trainer={**TRAINER, "image": longer})
    assert other["firstDifference"] == f"image: was {image} and is {longer}"
    assert other["verdict"] == "Exact", "another name of an image changes no number"

    seed = again(kubectl, namespace, "seed", "Failed", reproduce={"seed": 2})
    assert seed["firstDifference"] == "seed: was 1 and is 2"
    assert seed["verdict"] == "NotReproducible"

    give_rows(kubectl, namespace, 301)
    data = again(kubectl, namespace, "rows", "Failed")
    assert data["firstDifference"].startswith("data: was sha256:")
    assert data["verdict"] == "NotReproducible"

    (version,) = registry.client.search_model_versions(f"name = '{model}'")
    assert version.version == "1"
