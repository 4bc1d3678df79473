"""`leadsman-training space`, from its arguments to its exit code."""

from __future__ import annotations

import io
import json
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from leadsman_training.cli import run

OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\n"
RUN = """\
apiVersion: leadsman.dev/v1alpha1
kind: TrainingRun
metadata: {name: churn}
spec:
  model: {name: churn}
  data: {source: {uri: 'sklearn://breast_cancer'}, target: target}
  objective: {metric: roc_auc, direction: maximize}
"""
SEARCH = """\
  search:
    seed: 11
    space:
      kind: {categorical: [tree, linear]}
      depth: {int: [2, 12], when: {parameter: kind, in: [tree]}}
      rate: {float: [0.001, 0.3], log: true}
      warm: {categorical: [true, null]}
"""


class Result(NamedTuple):
    """What a run of the program leaves."""

    code: int
    stdout: str
    stderr: str


def space(*arguments: str, stdin: str = RUN + SEARCH) -> Result:
    """Run the command as the shell would."""
    stdout, stderr = io.StringIO(), io.StringIO()
    code = run(["space", *arguments], io.StringIO(stdin), stdout, stderr)
    return Result(code, stdout.getvalue(), stderr.getvalue())


def trials(*arguments: str) -> Any:
    """The JSON of a run."""
    return json.loads(space("-f", "-", "-o", "json", *arguments).stdout)


def test_the_table_shows_conditional_parameters() -> None:
    """A row a trial; what does not exist in it is a dash."""
    code, stdout, _ = space("-f", "-", "--samples", "8", "--seed", "7")
    title, header, *rows = stdout.splitlines()
    cells = [dict(zip(header.split(), row.split(), strict=True)) for row in rows]

    assert code == 0
    assert title == "TrainingRun churn: 8 trials at random, seed 7"
    assert header.split() == ["trial", "kind", "rate", "warm", "depth"]
    assert {row["kind"] for row in cells} == {"tree", "linear"}
    assert all((row["depth"] == "-") == (row["kind"] == "linear") for row in cells)
    assert {row["warm"] for row in cells} == {"true", "null"}


def test_json_leaves_out_what_does_not_exist() -> None:
    """A program sees the parameters as an objective would get them."""
    report = trials("--samples", "8", "--seed", "7")

    assert (report["trainingRun"], report["seed"], len(report["trials"])) == ("churn", 7, 8)
    assert all(("depth" in trial) == (trial["kind"] == "tree") for trial in report["trials"])


def test_a_seed_repeats_its_trials() -> None:
    """The same seed, the same trials; another seed, others."""
    assert trials("--seed", "7") == trials("--seed", "7")
    assert trials("--seed", "7")["trials"] != trials("--seed", "8")["trials"]


def test_the_seed_of_the_resource_counts_without_another() -> None:
    """What is shown is what the search would begin with."""
    assert trials()["seed"] == 11


def test_the_training_run_is_found_among_other_documents(tmp_path: Path) -> None:
    """A file may hold more than the TrainingRun."""
    file = tmp_path / "run.yaml"
    file.write_text(OTHER + RUN + SEARCH)

    assert space("-f", str(file)).code == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(RUN, "spec.search.space: there is no space", id="no search"),
        pytest.param(OTHER, "holds 0 TrainingRuns", id="no TrainingRun"),
        pytest.param(f"{RUN}---\n{RUN}", "holds 2 TrainingRuns", id="two TrainingRuns"),
        pytest.param("a: [", "this is no YAML", id="no YAML"),
        pytest.param(
            RUN + SEARCH.replace("kind, in", "sort, in"),
            "spec.search.space.depth.when.parameter: ",
            id="an invalid space",
        ),
    ],
)
def test_what_has_no_trials_says_why(text: str, complaint: str) -> None:
    """Exit code 1, nothing on standard output."""
    code, stdout, stderr = space("-f", "-", stdin=text)

    assert (code, stdout) == (1, "")
    assert stderr.startswith(f"-: {complaint}")


def test_a_file_that_cant_be_read_ends_with_2(tmp_path: Path) -> None:
    """The message names the file."""
    missing = tmp_path / "nowhere.yaml"

    assert space("-f", str(missing)) == Result(2, "", f"{missing}: No such file or directory\n")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--samples", "0"], id="no samples"),
        pytest.param(["--samples", "many"], id="samples that are no number"),
        pytest.param(["--seed", "-1"], id="a negative seed"),
        pytest.param(["--seed", "4294967296"], id="a seed beyond the largest"),
    ],
)
def test_a_wrong_number_ends_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The usage says what is right."""
    with pytest.raises(SystemExit) as ended:
        space("-f", "-", *arguments)

    assert ended.value.code == 2
    assert "write a number from" in capsys.readouterr().err


def test_version_names_jobs_and_api() -> None:
    """One line, for a bug report."""
    stdout = io.StringIO()

    assert run(["version"], io.StringIO(), stdout, io.StringIO()) == 0
    version = metadata.version("leadsman-training")
    assert stdout.getvalue() == f"leadsman-training {version} leadsman.dev/v1alpha1\n"
