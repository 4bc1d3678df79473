"""A training's whole path on this machine: search, gate, version, and what a server fetches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadsman_api.conclusion import Conclusion
from leadsman_api.labels import Tag
from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute, TrialAttribute
from leadsman_api.termination import ExitCode, Termination
from leadsman_serving.fetch import step
from leadsman_serving.settings import Settings
from leadsman_training import job, provenance
from support.mlflow_server import mlflow_server
from support.training_processes import MODEL, a_training
from support.waiting import eventually

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


def test_a_search_ends_in_one_version_that_a_server_takes(tmp_path: Path, tracking: str) -> None:
    """Trials in MLflow, the conclusion on the parent run, files with the recorded digest."""
    training = a_training(tmp_path, tracking)
    code, said = training.run("work")
    assert (code, said.reason) == (ExitCode.DONE, Reason.BUDGET_SPENT)
    study = training.study()
    assert len(study.trials) == 3
    assert study.user_attrs[StudyAttribute.BASELINE] > 0.9
    assert study.user_attrs[StudyAttribute.ROWS] == 569
    for _ in range(2):  # a Job may be started again: the second finds what the first has made
        code, said = training.run("conclude")
        assert (code, said.reason) == (ExitCode.DONE, Reason.REGISTERED), said
    condition = f"tags.`{Tag.TRAINING_RUN_UID}` = '{training.uid}'"
    versions = training.client.search_model_versions(f"name = '{MODEL}' and {condition}")
    assert len(versions) == 1
    parent = training.client.get_run(training.parent())
    conclusion = Conclusion.from_text(parent.data.tags[Tag.CONCLUSION])
    assert conclusion is not None
    assert conclusion.model_version == int(versions[0].version)
    assert conclusion.gate.passed
    assert parent.info.status == "FINISHED"
    nested = training.client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    )
    assert sorted(run.data.tags[Tag.TRIAL] for run in nested) == ["0", "1", "2"]
    assert all("roc_auc" in run.data.metrics for run in nested)
    _fetched(tmp_path, tracking, int(versions[0].version), conclusion.digest)


def _fetched(folder: Path, tracking: str, version: int, digest: str) -> None:
    """The fetch step takes the files with this digest and no other, and only once."""
    os.environ["MLFLOW_TRACKING_URI"] = tracking
    for wanted, code, reason in (
        (f"sha256:{'0' * 64}", 1, Reason.DIGEST_MISMATCH),
        (digest, 0, Reason.VERIFIED),
        (digest, 0, Reason.VERIFIED),
    ):
        settings = Settings(
            model_dir=str(folder / "served"),
            model_name=MODEL,
            model_version=str(version),
            model_digest=wanted,
            termination_path=str(folder / "fetched"),
        )
        assert step.run(settings) == code
        said = Termination.from_text((folder / "fetched").read_text())
        assert said is not None
        assert said.reason is reason, said
    assert (folder / "served" / "model" / "MLmodel").is_file()


def test_a_version_that_is_not_there_or_another_one_is_not_fetched(
    tmp_path: Path, tracking: str
) -> None:
    """The step says what the registry says."""
    os.environ["MLFLOW_TRACKING_URI"] = tracking
    settings = Settings(
        model_dir=str(tmp_path), model_name="nowhere", model_version="9",
        termination_path=str(tmp_path / "said"),
    )  # fmt: skip
    assert step.run(settings) == 1
    said = Termination.from_text((tmp_path / "said").read_text())
    assert said is not None
    assert said.reason is Reason.VERSION_NOT_FOUND


def test_a_worse_version_is_registered_and_does_not_pass(tmp_path: Path, tracking: str) -> None:
    """The gate's table has the champion's numbers beside its own."""
    good = a_training(tmp_path / "good", tracking)
    good.folder.mkdir()
    good.run("work")
    good.run("conclude")
    parent = good.client.get_run(good.parent())
    champion = Conclusion.from_text(parent.data.tags[Tag.CONCLUSION])
    assert champion is not None
    good.client.set_registered_model_alias(MODEL, "champion", str(champion.model_version))
    bad = a_training(
        tmp_path / "bad",
        tracking,
        trainer={"algorithm": "RandomForest", "parameters": {"n_estimators": 1, "max_depth": 1}},
        search={"trials": 1, "parallelism": 1, "space": {"max_features": {"categorical": [1]}}},
        gate={"rules": [{"metric": "accuracy", "min": 0.99}, {"metric": "roc_auc", "margin": 0.0}]},
    )
    bad.folder.mkdir()
    assert bad.run("work")[0] == ExitCode.DONE
    code, said = bad.run("conclude")
    assert code == ExitCode.DONE
    assert "did not pass" in said.message
    found = Conclusion.from_text(bad.client.get_run(bad.parent()).data.tags[Tag.CONCLUSION])
    assert found is not None
    assert not found.gate.passed
    assert found.gate.champion_version == champion.model_version
    assert [check.passed for check in found.gate.checks] == [False, False, True]
    assert found.gate.checks[1].champion is not None
    assert found.gate.checks[2].message.startswith("the new version takes and gives")
    bad.client.set_registered_model_alias(MODEL, "champion", str(found.model_version))
    assert good.run("conclude")[0] == ExitCode.DONE
    again = Conclusion.from_text(good.client.get_run(good.parent()).data.tags[Tag.CONCLUSION])
    assert again is not None
    assert again.model_version == champion.model_version
    assert again.gate.champion_version == found.model_version, "judged against the new champion"


def test_the_gate_times_a_version_as_it_will_be_served(tmp_path: Path, tracking: str) -> None:
    """By the runtime's own plan in a process of its own, in seconds for one row."""
    gate = {"maxLatency": "5s", "maxSize": "50Mi", "rules": [{"metric": "roc_auc", "min": 0.5}]}
    training = a_training(tmp_path, tracking, gate=gate, search={"trials": 1, "parallelism": 1})
    training.run("work")
    assert training.run("conclude")[0] == ExitCode.DONE
    found = Conclusion.from_text(
        training.client.get_run(training.parent()).data.tags[Tag.CONCLUSION]
    )
    assert found is not None
    by_name = {check.metric: check for check in found.gate.checks}
    assert (by_name["size"].passed, by_name["latency"].passed) == (True, True)
    assert 1e-6 < (by_name["latency"].challenger or 0) < 5
    assert (by_name["size"].challenger or 0) > 1000


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        (
            {"data": {"source": {"uri": "sklearn://breast_cancer"}, "target": "targets"}},
            Reason.DATA_INVALID,
            "did you mean 'target'?",
        ),
        (
            {"data": {"source": {"uri": "configmap://files/none.csv"}, "target": "target"}},
            Reason.DATA_UNREADABLE,
            "there is ",
        ),
        ({"objective": {"metric": "beauty"}}, Reason.SPEC_INVALID, "there is no metric 'beauty'"),
        (
            {"trainer": {"entrypoint": "nowhere:objective"}},
            Reason.ENTRYPOINT_INVALID,
            "nowhere:objective must be a function",
        ),
    ],
    ids=["column", "file", "metric", "entrypoint"],
)
def test_what_can_never_work_ends_the_job_and_says_what_to_write(
    tmp_path: Path, tracking: str, spec: dict[str, Any], reason: Reason, words: str
) -> None:
    """Exit code 42, and no version."""
    code, said = a_training(tmp_path, tracking, **spec).run("work")
    assert (code, said.reason) == (ExitCode.NO_USE, reason)
    assert words in said.message


def test_a_failing_trial_is_counted_and_the_search_goes_on(
    tmp_path: Path, tracking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own code may fail: its message stands on the trial and on its run."""
    (tmp_path / "own_code.py").write_text(OWN_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    training = a_training(
        tmp_path,
        tracking,
        trainer={"entrypoint": "own_code:objective"},
        search={"trials": 3, "parallelism": 1, "pruner": "None", "maxFailedTrials": 1},
    )
    code, said = training.run("work")
    assert (code, said.reason) == (ExitCode.DONE, Reason.BUDGET_SPENT)
    states = [trial.state.name for trial in training.study().trials]
    assert states == ["COMPLETE", "FAIL", "COMPLETE"]
    error = training.study().trials[1].user_attrs[TrialAttribute.ERROR]
    assert error == "ValueError: the second is always bad"
    assert training.run("conclude")[0] == ExitCode.DONE


OWN_CODE = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def objective(trial, run):
    c = trial.suggest_float("C", 0.1, 1.0)
    if trial.number == 1:
        raise ValueError("the second is always bad")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c))
    scores = []
    for step, (x, y, test_x, test_y) in enumerate(run.folds()):
        scores.append(model.fit(x, y).score(test_x, test_y))
        run.report(step, scores[-1])
    run.log_metric("worst", min(scores))
    run.keep(model.fit(*run.train))
    return sum(scores) / len(scores)
"""


def test_a_better_trial_of_a_search_that_goes_on_is_registered_too(
    tmp_path: Path, tracking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each trial, and what was recorded of the first version stays as it was."""
    (tmp_path / "rising.py").write_text(RISING_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    training = a_training(tmp_path, tracking, trainer={"entrypoint": "rising:objective"})
    found: list[Conclusion] = []
    for trials in (1, 1, 2, 2):
        training.spec["search"] = {"trials": trials, "parallelism": 1}
        assert training.run("work")[1].reason is Reason.BUDGET_SPENT
        code, said = training.run("conclude")
        assert (code, said.reason) == (ExitCode.DONE, Reason.REGISTERED), said
        tags = training.client.get_run(training.parent()).data.tags
        told = Conclusion.from_text(tags[Tag.CONCLUSION])
        assert told is not None
        found.append(told)
        training.client.set_registered_model_alias(MODEL, "champion", str(told.model_version))

    first, again, second, last = found
    assert (first.model_version, first.best.number) == (again.model_version, 0)
    assert (second.model_version, second.best.number) == (last.model_version, 1)
    assert second.model_version > first.model_version
    assert second.digest != first.digest
    assert second.gate.champion_version == first.model_version
    for told, run in ((first, training.parent()), (second, second.best.run_id)):
        version = training.client.get_model_version(MODEL, str(told.model_version))
        assert version.run_id == run
        file = training.client.download_artifacts(str(run), provenance.FILE, str(tmp_path))
        made_from = json.loads(Path(file).read_text())
        assert made_from["about"]["trial"] == told.best.number
        assert made_from["inputs"]["parameters"] == told.best.parameters


RISING_CODE = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def objective(trial, run):
    c = trial.suggest_float("C", 0.1, 1.0)
    run.keep(make_pipeline(StandardScaler(), LogisticRegression(C=c)).fit(*run.train))
    return 0.5 + trial.number / 10
"""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"objective": {"metric": "roc_auc", "goal": 0.5}}, Reason.GOAL_REACHED),
        ({"search": {"trials": 5, "parallelism": 1, "patience": 1,
                     "space": {"C": {"categorical": [1.0]}}}}, Reason.NO_IMPROVEMENT),
        ({"search": {"trials": 5, "parallelism": 1, "timeout": "1ms"}}, Reason.DEADLINE_EXCEEDED),
        ({"search": {"trials": 5, "parallelism": 1, "maxFailedTrials": 0},
          "trainer": {"algorithm": "Linear", "parameters": {"penalty": "nonsense"}}},
         Reason.TOO_MANY_FAILURES),
    ],
    ids=["goal", "patience", "time", "failures"],
)  # fmt: skip
def test_a_search_ends_for_a_reason(
    tmp_path: Path, tracking: str, change: dict[str, Any], reason: Reason
) -> None:
    """The first that holds, and it is written down for all workers."""
    training = a_training(tmp_path, tracking, **change)
    assert training.run("work")[1].reason is reason
    assert training.study().user_attrs[StudyAttribute.END] == reason


def test_a_worker_that_is_told_to_go_leaves_its_trial_as_taken_away(
    tmp_path: Path, tracking: str
) -> None:
    """It counts for nothing, and another worker may run it again."""
    (tmp_path / "slow_code.py").write_text(
        "import threading\n"
        "def objective(trial, run):\n"
        "    trial.suggest_int('n', 1, 5)\n"
        "    threading.Event().wait(60)\n"
        "    return 1.0\n"
    )
    training = a_training(tmp_path, tracking, trainer={"entrypoint": "slow_code:objective"})
    process = subprocess.Popen(
        [sys.executable, "-m", "leadsman_training", "work"],
        env={**os.environ, **training.environment(), "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )

    def under_way() -> bool:
        try:
            return bool(training.study().trials[0].user_attrs.get(TrialAttribute.RUN_ID))
        except (KeyError, IndexError):
            return False

    eventually(under_way, within_seconds=60, what="a trial runs")
    process.terminate()
    assert process.wait(timeout=30) == ExitCode.PREEMPTED
    trial = training.study().trials[0]
    assert trial.state.name == "FAIL"
    assert trial.user_attrs[TrialAttribute.DISRUPTED] is True
    run = training.client.get_run(trial.user_attrs[TrialAttribute.RUN_ID])
    assert run.info.status == "KILLED"


def test_an_mlflow_that_does_not_answer_ends_the_worker(
    tmp_path: Path, tracking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its trial is left to others, and the pod's last words name the address."""
    monkeypatch.setattr("leadsman_training.patience.PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    training = a_training(tmp_path, tracking)
    environment = {**training.environment(), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    before = signal.getsignal(signal.SIGTERM)
    code = job.run("work", environment)
    signal.signal(signal.SIGTERM, before)
    said = Termination.from_text((tmp_path / "said").read_text())
    assert code == ExitCode.THIS_WORKER
    assert said is not None
    assert said.reason is Reason.REGISTRY_UNREACHABLE
    assert "http://127.0.0.1:9" in said.message
    assert all(trial.state.name == "RUNNING" for trial in training.study().trials)
