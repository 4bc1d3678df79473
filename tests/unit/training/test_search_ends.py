"""A goal and patience look at the trials that kept the constraints alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leadsman_api.reasons import Reason
from leadsman_api.termination import ExitCode
from support.training_processes import last_words

# MLflow and the libraries that it imports warn of each other.
pytestmark = pytest.mark.filterwarnings("ignore")
Pod = Callable[..., dict[str, str]]
OWN_CODE = """
def falling(trial, run):
    run.log_metric("size", float(trial.number))
    return 1.0 - trial.number / 10
"""


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own code that can be imported."""
    (tmp_path / f"{tmp_path.name}.py").write_text(OWN_CODE)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("goal", "search", "reason", "trials"),
    [
        pytest.param({"goal": 0.5}, {}, Reason.GOAL_REACHED, 3, id="goal"),
        pytest.param({}, {"patience": 2}, Reason.NO_IMPROVEMENT, 5, id="patience"),
    ],
)
def test_what_broke_a_constraint_ends_no_search(
    tmp_path: Path, pod: Pod, goal: dict[str, Any], search: dict[str, Any],
    reason: Reason, trials: int,
) -> None:  # fmt: skip
    """The first two trials have the best values, and are too small."""
    objective = {"metric": "accuracy", "constraints": [{"metric": "size", "min": 2.0}], **goal}
    made = pod(
        trainer={"entrypoint": f"{tmp_path.name}:falling"},
        objective=objective,
        search={"trials": 9, **search},
    )
    code, said = last_words("work", made)

    assert (code, said.reason) == (ExitCode.DONE, reason)
    assert said.message == f"the search ended after {trials} trials"
