"""The habits of the repository: reasons for dependencies, pinned actions, no machine's traces."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.repository import ROOT, files
from support.source_rules import machine_paths, unexplained_dependencies

PROJECTS = files("*pyproject.toml")
WORKFLOWS = files(".github/workflows/*.yaml")
# Other people's files, which name what they name.
FOREIGN = {".sum", ".lock"}


def names(paths: list[Path]) -> list[str]:
    """Paths as the ids of tests."""
    return [str(path.relative_to(ROOT)) for path in paths]


def texts() -> list[tuple[Path, str]]:
    """Every text file of the repository with what it says."""
    found = []
    for path in files():
        content = path.read_bytes()
        if b"\0" not in content and path.suffix not in FOREIGN:
            found.append((path, content.decode()))
    return found


@pytest.mark.parametrize("project", PROJECTS, ids=names(PROJECTS))
def test_dependencies_have_reasons(project: Path) -> None:
    """The line of every requirement says what it is for."""
    assert unexplained_dependencies(project.read_text()) == []


def test_a_dependency_without_reason_is_found() -> None:
    """A bare line is a breach in every table of requirements, and only there."""
    text = (
        '[project]\ndependencies = [\n    "a>=1",  # does a\n    "b>=1",\n]\nkeywords = [\n'
        '    "c",\n]\n[dependency-groups]\ndev = [\n    "d", #\n]\n'
        '[tool.x]\nignore = [\n    "E",\n]\n'
    )

    assert unexplained_dependencies(text) == [
        '4: "b>=1", has no reason',
        '11: "d", # has no reason',
    ]


def test_no_file_names_a_place_of_one_machine() -> None:
    """No absolute path of somebody's machine is left in a file."""
    complaints = [
        f"{path.relative_to(ROOT)}:{breach}"
        for path, text in texts()
        for breach in machine_paths(text)
    ]

    assert complaints == []


def test_a_machine_path_is_found() -> None:
    """Home folders are found; paths inside the repository, URLs and variables are not."""
    bad = "x = '/" + "home/ann/x'\ny = '/" + "work/main'\n"
    good = "docs/work/x https://host/home/x $ROOT/work/y ~/work/z /var/lib/work /home/nonroot\n"

    assert [line[:2] for line in machine_paths(bad)] == ["1:", "2:"]
    assert machine_paths(good) == []


def test_the_lockfile_names_the_public_index_only() -> None:
    """The lockfile resolves everywhere: no mirror of somebody's network stands in it."""
    hosts = set(re.findall(r'"https?://([^/"]+)', (ROOT / "uv.lock").read_text()))

    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def load(workflow: Path) -> dict[str, Any]:
    """Parse a workflow; YAML 1.1 reads its key `on` as a boolean, which is not needed here."""
    content: dict[str, Any] = yaml.safe_load(workflow.read_text())
    return content


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=names(WORKFLOWS))
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    """Every action is pinned by its full commit, its version in a comment beside it."""
    uses = re.findall(r"uses: (.*)", workflow.read_text())

    assert [
        use for use in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)
    ] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=names(WORKFLOWS))
def test_workflows_have_least_permissions(workflow: Path) -> None:
    """A workflow may nothing; each job says what it may and how long it may take."""
    content = load(workflow)

    assert content["permissions"] == {}
    assert "concurrency" in content
    for name, job in content["jobs"].items():
        assert "permissions" in job, name
        assert "timeout-minutes" in job, name


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=names(WORKFLOWS))
def test_workflows_run_the_make_targets(workflow: Path) -> None:
    """CI runs what a person runs: at least one step of each workflow is a make target."""
    runs = [step.get("run", "") for job in load(workflow)["jobs"].values() for step in job["steps"]]

    assert any(re.match(r"make [a-z]", run) for run in runs)


def test_one_version_of_uv() -> None:
    """Machines, CI and images install the same uv."""
    declared = re.compile(
        r"^(?:readonly uv_version=|  UV_VERSION: |ARG UV_VERSION=)(\S+)$", re.MULTILINE
    )
    found = {
        str(path.relative_to(ROOT)): set(declared.findall(path.read_text()))
        for path in [ROOT / "scripts/bootstrap-uv", *WORKFLOWS, *files("*Dockerfile")]
        if "uv_version" in path.read_text().lower()
    }

    assert len(found) > 1
    assert len(set.union(*found.values())) == 1, found
