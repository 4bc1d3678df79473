"""Data that a Git repository tracks with DVC: each revision makes a version that tells of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from leadsman_api.labels import Tag
from support.data_server import serve_data
from support.kubectl import Kubectl
from support.registry import Registry
from support.training_stories import ended, train

COLUMNS = ["mean radius", "mean texture", "mean smoothness", "target"]
RESOURCES = {"requests": {"cpu": "200m", "memory": "384Mi"}, "limits": {"memory": "1Gi"}}
SEARCH = {"trials": 2, "parallelism": 1, "seed": 1, "space": {"C": {"float": [0.1, 10.0]}}}


def rows(count: int) -> bytes:
    """So many rows, as a file."""
    frame = load_breast_cancer(as_frame=True).frame[COLUMNS].iloc[:count]
    return bytes(frame.to_csv(index=False).encode())


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # DVC's libraries warn of each other
def test_a_new_revision_of_the_data_makes_a_version_with_its_digest(
    kubectl: Kubectl,
    namespace: str,
    model: str,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Read over TLS from Git and from DVC's remote; commit and digest stand in the provenance."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    revisions = {"v1": rows(300), "v2": rows(400)}
    trust = serve_data(kubectl, namespace, tmp_path, revisions)
    trainer = {"algorithm": "Linear", "resources": RESOURCES, "env": trust}

    def trained(name: str, revision: str) -> dict[str, Any]:
        uri = f"dvc+https://data.{namespace}.svc/repository.git@{revision}:rows.csv"
        data = {"source": {"uri": uri}, "target": "target"}
        gate = {"rules": [{"metric": "roc_auc", "min": 0.5}]}
        train(kubectl, namespace, name, data=data, trainer=trainer, search=SEARCH, gate=gate)
        return ended(kubectl, namespace, "Succeeded", name=name)

    first, second = trained("first", "v1"), trained("second", "main")

    assert [one["modelVersion"] for one in (first, second)] == [1, 2]
    for status, content in ((first, revisions["v1"]), (second, revisions["v2"])):
        provenance = status["provenance"]
        assert provenance["dataDigest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        version = registry.client.get_model_version(model, str(status["modelVersion"]))
        assert version.tags[Tag.DATA_DIGEST] == provenance["dataDigest"]
        assert version.tags[Tag.DATA_REVISION] == provenance["dataRevision"]
    commits = {one["provenance"]["dataRevision"] for one in (first, second)}
    assert len(commits) == 2
