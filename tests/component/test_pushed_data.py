"""New data is pushed while a search goes on: the search ends on the data that it began with."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sklearn.datasets import load_breast_cancer

from leadsman_api.conclusion import Conclusion
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.studies import TrialAttribute
from leadsman_api.termination import ExitCode
from support.data_repository import make_repository
from support.training_processes import a_training

# DVC's libraries, MLflow and what it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
OWN_CODE = """
import os
import signal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def objective(trial, run):
    c = trial.suggest_float("C", 0.1, 1.0)
    if trial.number == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    run.log_metric("rows", float(len(run.train[0])))
    run.keep(make_pipeline(StandardScaler(), LogisticRegression(C=c)).fit(*run.train))
    return c
"""


def rows(count: int) -> bytes:
    """The first of the bundled set, as text."""
    frame = load_breast_cancer(as_frame=True).frame.head(count)
    text: str = frame.to_csv(index=False)
    return text.encode()


def test_a_push_in_the_middle_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pod that takes the place of another reads the commit of the first trial."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    (tmp_path / "leaving_code.py").write_text(OWN_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    repository = make_repository(tmp_path, {"first": rows(300)})
    commit = repository.git("rev-parse", "main")
    tracking = f"sqlite:///{tmp_path}/mlflow.db"
    MlflowClient(tracking).create_experiment("t", f"file://{tmp_path}/artifacts")
    training = a_training(
        tmp_path, tracking,
        data={"source": {"uri": repository.uri("main")}, "target": "target"},
        trainer={"entrypoint": "leaving_code:objective"},
        search={"trials": 2, "parallelism": 1, "pruner": "None"},
    )  # fmt: skip
    assert training.run("work")[0] == ExitCode.PREEMPTED
    repository.push(rows(400))
    assert training.run("work")[1].reason is Reason.BUDGET_SPENT
    code, said = training.run("conclude")
    assert (code, said.reason) == (ExitCode.DONE, Reason.REGISTERED), said

    assert repository.git("rev-parse", "main") != commit
    parent = training.client.get_run(training.parent())
    found = Conclusion.from_text(parent.data.tags[Tag.CONCLUSION])
    assert found is not None
    assert found.provenance.data_revision == commit
    assert found.provenance.data_digest == f"sha256:{hashlib.sha256(rows(300)).hexdigest()}"
    values = [trial.user_attrs[TrialAttribute.METRICS] for trial in training.study().trials[::2]]
    assert [one["rows"] for one in values] == [240.0, 240.0]
