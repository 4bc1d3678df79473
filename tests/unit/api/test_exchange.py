"""What the deployables hand each other: digests, termination messages, conclusions."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from leadsman_api.conclusion import Conclusion
from leadsman_api.digests import digest_of
from leadsman_api.reasons import Reason
from leadsman_api.studies import study_name
from leadsman_api.termination import Termination
from leadsman_api.v1alpha1.training_run_status import (
    GateCheck,
    GateStatus,
    Provenance,
    TrialSummary,
)

CONCLUSION = Conclusion(
    model_version=7,
    digest=f"sha256:{'0' * 64}",
    gate=GateStatus(
        passed=True,
        champion_version=6,
        rows=114,
        checks=(GateCheck(metric="roc_auc", passed=True, message="0.99 is above 0.8"),),
    ),
    best=TrialSummary(number=3, value=0.99, parameters={"depth": 4, "kind": "gini"}),
    provenance=Provenance(rows=569),
)


def sha256(text: str) -> str:
    """The sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_can_be_checked_by_hand(tmp_path: Path) -> None:
    """It is the sha256 of what sha256sum prints for the sorted files, as its docstring says."""
    (tmp_path / "data").mkdir()
    (tmp_path / "MLmodel").write_text("flavors")
    (tmp_path / "data" / "model.xgb").write_text("trees")
    by_hand = subprocess.run(  # noqa: S602 - the pipeline of the docstring
        "find . -type f | sed 's,^./,,' | LC_ALL=C sort | xargs sha256sum | sha256sum",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    files = {"data/model.xgb": sha256("trees"), "MLmodel": sha256("flavors")}
    assert digest_of(files) == f"sha256:{by_hand}"


def test_what_mlflow_adds_on_the_way_does_not_count() -> None:
    """A downloaded version has the digest that it was registered with."""
    files = {"MLmodel": sha256("flavors")}
    downloaded = {**files, "registered_model_meta": sha256("name and version")}
    assert digest_of(downloaded) == digest_of(files)


@pytest.mark.parametrize("files", [{}, {"registered_model_meta": "00"}])
def test_nothing_has_no_digest(files: dict[str, str]) -> None:
    """An empty download never passes for a model."""
    with pytest.raises(ValueError, match="without files"):
        digest_of(files)


def test_a_termination_message_survives_the_way_through_the_kubelet() -> None:
    """What a container writes is what the operator reads."""
    said = Termination(reason=Reason.LOAD_FAILED, message="no module named 'torch'")
    assert Termination.from_text(said.to_text()) == said


@pytest.mark.parametrize("text", [None, "", "Traceback (most recent call last)", '{"reason": "?"}'])
def test_another_programs_last_words_are_no_termination_of_ours(text: str | None) -> None:
    """A pod with an image of somebody's own is no error."""
    assert Termination.from_text(text) is None


def test_a_conclusion_survives_the_registry() -> None:
    """Parameters of every type come back as they were."""
    assert Conclusion.from_text(CONCLUSION.to_text()) == CONCLUSION
    assert Conclusion.from_text("{}") is None


def test_a_run_that_is_made_anew_gets_a_study_of_its_own() -> None:
    """The trials of a deleted run are never taken for those of its successor."""
    assert study_name("ml", "churn", "1") != study_name("ml", "churn", "2")
