"""Data that a Git repository tracks with DVC: each revision makes a version that tells of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from leadsman_api.labels import Tag
from support.data_server import DataServer, serve_data
from support.kubectl import Kubectl
from support.registry import Registry
from support.training_stories import TRAINING_SECONDS, ended, status_of, train
from support.waiting import eventually

COLUMNS = ["mean radius", "mean texture", "mean smoothness", "target"]
RESOURCES = {"requests": {"cpu": "200m", "memory": "384Mi"}, "limits": {"memory": "1Gi"}}
LONG = 500
"""Trials of a search that something is done to meanwhile."""
SEARCH = {"parallelism": 1, "seed": 1, "space": {"C": {"float": [0.1, 10.0]}}}


def rows(count: int) -> bytes:
    """So many rows, as a file."""
    frame = load_breast_cancer(as_frame=True).frame[COLUMNS].iloc[:count]
    return bytes(frame.to_csv(index=False).encode())


@dataclass(frozen=True)
class Story:
    """TrainingRuns on the data of one server."""

    kubectl: Kubectl
    namespace: str
    server: DataServer

    def ask(self, name: str, revision: str, trials: int, *, suspend: bool = False) -> None:
        """Ask for a run on a revision, or for a change of it."""
        trainer = {"algorithm": "Linear", "resources": RESOURCES, "env": self.server.trust}
        data = {"source": {"uri": self.server.uri(revision)}, "target": "target"}
        gate = {"rules": [{"metric": "roc_auc", "min": 0.5}]}
        search = {**SEARCH, "trials": trials}
        spec = {"data": data, "trainer": trainer, "search": search, "gate": gate}
        train(self.kubectl, self.namespace, name, suspend=suspend, **spec)

    def status(self, name: str) -> dict[str, Any]:
        """What the operator reports."""
        return status_of(self.kubectl, self.namespace, name)

    def push_in_the_middle(self, name: str, revision: str, content: bytes) -> None:
        """Begin a run, and push while it has made some of its trials; then let it go on."""
        self.ask(name, revision, LONG)
        eventually(
            lambda: self.status(name).get("trials", {}).get("complete", 0) >= 1,
            within_seconds=TRAINING_SECONDS, what=f"a trial of {name} is done",
        )  # fmt: skip
        self.ask(name, revision, LONG, suspend=True)
        eventually(
            lambda: self.status(name).get("phase") == "Suspended",
            within_seconds=60, what=f"{name} is suspended",
        )  # fmt: skip
        self.server.push(content)
        # A pod of its own does the rest.
        self.ask(name, revision, self.status(name)["trials"]["complete"] + 2)


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # DVC's libraries warn of each other
def test_a_version_tells_of_the_data_that_its_search_began_with(
    kubectl: Kubectl,
    namespace: str,
    model: str,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Read over TLS from Git and from DVC's remote: a tag, a branch that moves, the branch then."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    contents = [rows(300), rows(400), rows(500)]
    server = serve_data(kubectl, namespace, tmp_path, {"v1": contents[0], "v2": contents[1]})
    story = Story(kubectl, namespace, server)

    story.ask("first", "v1", 2)
    found = [ended(kubectl, namespace, "Succeeded", name="first")]
    story.push_in_the_middle("second", "main", contents[2])
    found.append(ended(kubectl, namespace, "Succeeded", name="second"))
    story.ask("third", "main", 2)
    found.append(ended(kubectl, namespace, "Succeeded", name="third"))

    assert [one["modelVersion"] for one in found] == [1, 2, 3]
    commits = [server.repository.git("rev-parse", one) for one in ("v1", "v2", "main")]
    for status, content, commit in zip(found, contents, commits, strict=True):
        provenance = status["provenance"]
        assert provenance["dataDigest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert provenance["dataRevision"] == commit
        version = registry.client.get_model_version(model, str(status["modelVersion"]))
        assert version.tags[Tag.DATA_DIGEST] == provenance["dataDigest"]
        assert version.tags[Tag.DATA_REVISION] == commit
