"""`leadsman-operator validate`, from its arguments to its exit code."""

from __future__ import annotations

import io
import json
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from leadsman_operator.cli.arguments import run

GOOD = """\
apiVersion: leadsman.dev/v1alpha1
kind: ModelDeployment
metadata: {name: churn, namespace: ml}
spec:
  model: {name: churn, alias: champion}
"""
WRONG = """\
apiVersion: leadsman.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: churn
spec:
  model: {name: churn, alias: champion}
  scaling:
    minReplicas: 3
    maxReplicas: 2
  rollouts: {}
"""
OTHER = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"


class Result(NamedTuple):
    """What a run of the program leaves."""

    code: int
    stdout: str
    stderr: str


def validate(*arguments: str, stdin: str = "") -> Result:
    """Run the command as the shell would."""
    stdout, stderr = io.StringIO(), io.StringIO()
    code = run(["validate", *arguments], io.StringIO(stdin), stdout, stderr)
    return Result(code, stdout.getvalue(), stderr.getvalue())


def report_on(text: str) -> Any:
    """The JSON report on one text."""
    return json.loads(validate("-f", "-", "-o", "json", stdin=text).stdout)


def test_a_valid_resource_is_accepted() -> None:
    """Exit code 0, and a sentence that says how much was checked."""
    assert validate("-f", "-", stdin=GOOD) == Result(0, "1 resource checked\n", "")


def test_every_problem_has_file_line_resource_field_and_advice(tmp_path: Path) -> None:
    """Several problems of one resource are told at once."""
    file = tmp_path / "churn.yaml"
    file.write_text(f"{GOOD}---\n{WRONG}")

    code, stdout, _ = validate("-f", str(file))
    scaling, rollouts, summary = stdout.splitlines()

    assert code == 1
    assert scaling.startswith(f"{file}:14: ModelDeployment churn: spec.scaling.minReplicas: ")
    assert rollouts.startswith(f"{file}:16: ModelDeployment churn: spec.rollouts: ")
    assert rollouts.endswith("did you mean rollout?")
    assert summary == "2 resources checked, 2 problems"


def test_other_kinds_are_skipped_and_said_so() -> None:
    """A file may hold what belongs to a model besides our resources."""
    answer = validate("-f", "-", stdin=f"{OTHER}---\n{GOOD}---\n{OTHER}---\n- a list\n")

    assert answer.code == 0
    assert answer.stdout == (
        "1 resource checked, 3 of other kinds skipped: Document 1, Service 2\n"
    )


def test_the_json_report_holds_the_same() -> None:
    """A program gets every part of a finding by name."""
    report = report_on(f"{WRONG}---\n{OTHER}")

    assert (report["valid"], report["checked"]) == (False, 1)
    assert report["findings"][1] == {
        "source": "<stdin>",
        "line": 10,
        "resource": "ModelDeployment churn",
        "field": "spec.rollouts",
        "message": "unknown field, did you mean rollout?",
    }
    assert report["skipped"] == [{"source": "<stdin>", "line": 12, "resource": "Service web"}]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        pytest.param("v1alpha1", "v1", "apiVersion", id="a version that does not exist"),
        pytest.param("leadsman.dev", "leadsman.io", "apiVersion", id="a group that is nearly ours"),
        pytest.param(
            "apiVersion: leadsman.dev/v1alpha1\n", "", "apiVersion", id="no version at all"
        ),
        pytest.param("ModelDeployment", "ModelDeploiment", "kind", id="a kind nobody knows"),
    ],
)
def test_a_typing_error_at_the_top_is_found(old: str, new: str, field: str) -> None:
    """A resource that is meant to be ours is not skipped because of a typing error."""
    findings = report_on(GOOD.replace(old, new))["findings"]

    assert [finding["field"] for finding in findings] == [field]


def test_a_kind_of_the_same_name_of_another_project_is_skipped() -> None:
    """Other groups may have a ModelDeployment too."""
    report = report_on(GOOD.replace("leadsman.dev", "example.com"))

    assert (report["checked"], len(report["skipped"])) == (0, 1)


def test_broken_yaml_is_a_problem_of_the_file() -> None:
    """It is told like any other, and what stands before it is checked."""
    answer = validate("-f", "-", stdin=f"{GOOD}---\na: [\n")

    assert answer.code == 1
    assert answer.stdout.startswith("<stdin>:8: this is no YAML")
    assert answer.stdout.endswith("1 resource checked, 1 problem\n")


def test_folders_and_files_are_checked_together(tmp_path: Path) -> None:
    """`-f` may be repeated and may name a folder."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text(GOOD)
    single = tmp_path / "b.txt"
    single.write_text(GOOD)

    answer = validate("-f", str(tmp_path / "sub"), "-f", str(single))

    assert answer == Result(0, "2 resources checked\n", "")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("nowhere.yaml", "No such file or directory", id="no such file"),
        pytest.param("empty", "no YAML or JSON file in this folder", id="a folder without files"),
        pytest.param("binary.yaml", "no UTF-8 text", id="a file that is no text"),
    ],
)
def test_what_cant_be_read_ends_with_2(tmp_path: Path, name: str, complaint: str) -> None:
    """A wrong path must not look like a check that passed."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")

    answer = validate("-f", str(tmp_path / name))

    assert answer == Result(2, "", f"{tmp_path / name}: {complaint}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["validate"], id="no file named"),
        pytest.param(["deploy"], id="an unknown command"),
        pytest.param([], id="no command"),
        pytest.param(["validate", "-f", "-", "-o", "xml"], id="an unknown format"),
    ],
)
def test_a_wrong_command_line_ends_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The usage says what is right."""
    with pytest.raises(SystemExit) as ended:
        run(arguments, io.StringIO(), io.StringIO(), io.StringIO())

    assert ended.value.code == 2
    assert "usage: leadsman-operator" in capsys.readouterr().err


def test_version_names_operator_and_api() -> None:
    """One line, for a bug report."""
    stdout = io.StringIO()

    assert run(["version"], io.StringIO(), stdout, io.StringIO()) == 0
    version = metadata.version("leadsman-operator")
    assert stdout.getvalue() == f"leadsman-operator {version} leadsman.dev/v1alpha1\n"
