"""One state of the data for a whole search, whoever reads it and whenever."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient
from typing_extensions import override

from leadsman_api.conclusion import Conclusion
from leadsman_api.environment import Variable
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute
from leadsman_api.termination import ExitCode
from leadsman_training.data import Table
from leadsman_training.pin import Pin, pin_all
from leadsman_training.sources import at_revision
from leadsman_training.study import connect
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC's cache is the test's own."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))


def study_of(pod: Mapping[str, str]) -> optuna.Study:
    """The study of a pod."""
    return optuna.load_study(study_name=pod[Variable.STUDY], storage=pod[Variable.STUDY_URL])


def with_trials(pod: Mapping[str, str], trials: int) -> None:
    """Ask for more of them."""
    file = Path(pod[Variable.TRAINING_SPEC])
    resource = json.loads(file.read_text())
    resource["spec"]["search"]["trials"] = trials
    file.write_text(json.dumps(resource))


@dataclass(frozen=True)
class Repository:
    """The folder of a pod's data as a Git repository."""

    folder: Path

    def commit(self) -> str:
        """Commit the rows as they are; gives the commit."""
        ada = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
        for command in (["init", "-b", "main"], ["add", "rows.csv"], [*ada, "commit", "-m", "r"]):
            subprocess.run(["git", *command], cwd=self.folder, check=True, capture_output=True)
        return (self.folder / ".git/refs/heads/main").read_text().strip()

    def add_row(self) -> None:
        """The data is other data."""
        file = self.folder / "rows.csv"
        file.write_text(file.read_text() + "\n3,11,1")


def test_a_branch_that_moves_changes_no_search_that_has_begun(
    tmp_path: Path, pod: Pod, client: MlflowClient
) -> None:
    """A pod that comes later, and the conclusion, read the commit of the first trial."""
    repository = Repository(tmp_path)
    uri = f"dvc+file://{tmp_path}@main:rows.csv"
    made = pod(data={"source": {"uri": uri}, "target": "bought"}, search={"trials": 1})
    commit = repository.commit()
    assert last_words("work", made)[0] is ExitCode.DONE
    repository.add_row()
    assert repository.commit() != commit
    with_trials(made, 2)

    later = {**made, Variable.WORKER: "1", Variable.POD_UID: "pod-2"}
    assert last_words("work", later)[1].reason is Reason.BUDGET_SPENT
    assert last_words("conclude", made)[1].reason is Reason.REGISTERED
    study = study_of(made)
    assert len(study.trials) == 2
    assert study.user_attrs[StudyAttribute.DATA_REVISION] == commit
    run = client.get_run(made[Variable.PARENT_RUN])
    found = Conclusion.from_text(run.data.tags[Tag.CONCLUSION])
    assert found is not None
    assert found.provenance.data_revision == commit
    assert found.provenance.rows == 60
    assert found.provenance.data_digest == study.user_attrs[StudyAttribute.DATA_DIGEST]


@pytest.mark.parametrize("command", ["work", "conclude"])
def test_data_without_revisions_that_changes_ends_the_run(
    tmp_path: Path, pod: Pod, command: str
) -> None:
    """Whoever comes later says so by both digests, and takes no trial."""
    made = pod(search={"trials": 1})
    last_words("work", made)
    before = study_of(made).user_attrs[StudyAttribute.DATA_DIGEST]
    Repository(tmp_path).add_row()
    with_trials(made, 2)
    code, said = last_words(command, {**made, Variable.WORKER: "1"})

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.DATA_CHANGED)
    assert said.message.startswith("configmap://files/rows.csv has the digest sha256:")
    assert f"the search began with {before}" in said.message
    assert len(study_of(made).trials) == 1


def test_trials_of_unknown_data_are_not_concluded(pod: Pod) -> None:
    """Nobody knows which rows they have not seen."""
    made = pod(search={"trials": 1})
    study = optuna.create_study(
        study_name=made[Variable.STUDY], storage=made[Variable.STUDY_URL], direction="maximize"
    )
    study.add_trial(optuna.trial.create_trial(value=1.0))
    code, said = last_words("conclude", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.DATA_CHANGED)
    assert "does not say which data its trials saw" in said.message


def a_table(digest: str) -> Table:
    """Data of which only the digest matters."""
    return Table(pd.DataFrame(), digest, revision=f"revision of {digest}")


def test_of_two_workers_the_first_decides(pod: Pod) -> None:
    """What the second has read is other data, and it learns so."""
    made = pod()
    storage = connect(made[Variable.STUDY_URL])
    study = optuna.create_study(study_name=made[Variable.STUDY], storage=storage)
    first = Pin("sha256:a", "revision of sha256:a")

    assert pin_all(storage, study, a_table("sha256:a")) == first
    assert pin_all(storage, study, a_table("sha256:b")) == first


@pytest.fixture
def overtaken() -> Iterator[tuple[str, list[Callable[[], object]]]]:
    """A server of rows, and what happens while they are read."""
    meanwhile: list[Callable[[], object]] = []

    class Rows(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            for happens in meanwhile:
                happens()
            rows = "\n".join(["x,bought", *(f"{row},{row % 2}" for row in range(40))]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(rows)))
            self.end_headers()
            self.wfile.write(rows)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Rows) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/rows.csv", meanwhile
        server.shutdown()
        thread.join()


def test_a_worker_that_is_overtaken_while_it_reads_takes_no_trial_of_its_own_data(
    pod: Pod, overtaken: tuple[str, list[Callable[[], object]]]
) -> None:
    """Another one began the search with a state that is gone."""
    uri, meanwhile = overtaken
    made: dict[str, Any] = pod(data={"source": {"uri": uri}, "target": "bought"})
    storage = connect(made[Variable.STUDY_URL])
    meanwhile.append(lambda: pin_all(storage, study_of(made), a_table("sha256:other")))
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.NO_USE, Reason.DATA_CHANGED)
    assert "the search began with sha256:other" in said.message
    assert study_of(made).trials == []


@pytest.mark.parametrize(
    ("uri", "at"),
    [
        ("dvc+https://host/data.git@main:a/rows.csv", "dvc+https://host/data.git@c1:a/rows.csv"),
        ("dvc+file:///data@v1:rows:1.csv", "dvc+file:///data@c1:rows:1.csv"),
        ("lakefs://data/main/a/rows.csv", "lakefs://data/c1/a/rows.csv"),
        ("mlflow://run/dataset", "mlflow://run/dataset"),
        ("s3://bucket/main/rows.csv", "s3://bucket/main/rows.csv"),
    ],
)
def test_a_revision_takes_the_place_of_the_branch(uri: str, at: str) -> None:
    """Where the address has one; without a revision it stays as it is."""
    assert at_revision(uri, "c1") == at
    assert at_revision(uri, None) == uri
