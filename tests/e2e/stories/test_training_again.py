"""A version of the cluster's own is trained again: it is the same, or what differs is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from devcluster.engine import Engine
from leadsman_api.labels import Tag
from support.kubectl import Kubectl
from support.machine import devcluster
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


def rebuilt(engine: Engine, image: str, folder: Path) -> str:
    """An image with the same files as another, and a digest of its own; gives its name."""
    name = f"{image}-rebuilt"
    (folder / "Dockerfile").write_text(f"FROM {image}\nLABEL rebuilt=yes\n")
    engine.build(folder, name, log=folder / "build.log")
    done = devcluster("load", name)
    assert done.returncode == 0, done.stderr
    return name


def made(kubectl: Kubectl, namespace: str) -> dict[str, Any]:
    """Version 1, which is trained again; gives its status."""
    give_rows(kubectl, namespace, 300)
    train(kubectl, namespace, data=DATA, trainer=TRAINER, search=SEARCH)
    status = ended(kubectl, namespace, "Succeeded")
    assert status["modelVersion"] == 1
    return status


@pytest.mark.timeout(900)
def test_a_version_comes_back_or_the_input_that_differs_is_named(
    kubectl: Kubectl, namespace: str, model: str, registry: Registry
) -> None:
    """To the last bit with the same inputs, from the record alone too; else they are told."""
    made(kubectl, namespace)

    same = again(kubectl, namespace, "same")
    assert (same["verdict"], same.get("firstDifference")) == ("Exact", None), same

    kubectl("delete", "trainingrun", "run", "same", "-n", namespace)
    alone = again(kubectl, namespace, "alone", data=None, trainer=None, objective=None)
    assert (alone["verdict"], alone.get("firstDifference")) == ("Exact", None), alone

    seed = again(kubectl, namespace, "seed", "Failed", reproduce={"seed": 2})
    assert seed["firstDifference"] == "seed: was 1 and is 2"
    assert seed["verdict"] == "NotReproducible"

    give_rows(kubectl, namespace, 301)
    data = again(kubectl, namespace, "rows", "Failed")
    assert data["firstDifference"].startswith("data: was sha256:")
    assert data["verdict"] == "NotReproducible"

    (version,) = registry.client.search_model_versions(f"name = '{model}'")
    assert version.version == "1"


@pytest.mark.timeout(900)
def test_another_image_is_told_by_its_digest(
    kubectl: Kubectl,
    namespace: str,
    model: str,
    registry: Registry,
    engine: Engine,
    tmp_path: Path,
) -> None:
    """Another name of the same image is no difference, another build of the same files is one."""
    digest = made(kubectl, namespace)["provenance"]["imageDigest"]
    pod = workers(kubectl, namespace)[0]
    assert pod["status"]["containerStatuses"][0]["imageID"].endswith(digest)
    tags = registry.client.get_model_version(model, "1").tags
    assert tags[Tag.IMAGE_DIGEST] == digest
    image = pod["spec"]["containers"][0]["image"]

    longer = f"docker.io/{image}"
    named = again(kubectl, namespace, "name", trainer={**TRAINER, "image": longer})
    assert (named["verdict"], named.get("firstDifference")) == ("Exact", None), named

    another = rebuilt(engine, image, tmp_path)
    other = again(kubectl, namespace, "image", trainer={**TRAINER, "image": another})
    assert other["firstDifference"].startswith(f"image: was {digest} and is sha256:"), other
    assert digest not in other["firstDifference"].partition(" and is ")[2]
    assert other["verdict"] == "Exact", "the same files give the same numbers"
    tags = registry.client.get_model_version(model, "1").tags
    assert other["firstDifference"] in tags[Tag.REPRODUCTION]
