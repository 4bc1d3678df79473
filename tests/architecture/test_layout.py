"""The layout of the workspace, and that a folder called `operator/` does no harm."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from support.repository import PACKAGES, ROOT, files

STDLIB = Path(sysconfig.get_path("stdlib"))
WHICH_OPERATOR = "import operator; print(operator.__file__)"
MEMBERS = ("crds", "operator", "serving-runtime", "training-jobs", "devcluster")
FOLDERS = {*MEMBERS, "changelog.d", "charts", "docs", "examples", "scripts", "tests"}


def imported_operator(root: Path, *options: str) -> str:
    """Where a Python started in a folder finds the module `operator`."""
    command = [sys.executable, *options, "-c", WHICH_OPERATOR]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return result.stdout.strip() or result.stderr


def folders_that_are_packages(root: Path, names: tuple[str, ...]) -> list[str]:
    """Those of the top folders that an `__init__.py` makes importable by their own name."""
    return [name for name in names if (root / name / "__init__.py").exists()]


@pytest.mark.parametrize("options", [(), ("-P",), ("-I",)], ids=["plain", "safe path", "isolated"])
def test_operator_is_the_standard_library(options: tuple[str, ...]) -> None:
    """`import operator` at the root of the repository finds the standard library's module."""
    assert Path(imported_operator(ROOT, *options)).parent == STDLIB


def test_top_folders_are_not_packages() -> None:
    """No top folder has an `__init__.py`: `operator/` would hide the standard library."""
    tops = {path.relative_to(ROOT).parts[0] for path in files()}

    assert folders_that_are_packages(ROOT, tuple(sorted(tops))) == []


def test_nothing_lies_about() -> None:
    """A test that writes where it is started leaves folders that nobody meant to keep."""
    found = {path.relative_to(ROOT).parts for path in files()}

    folders = {parts[0] for parts in found if len(parts) > 1}
    assert {name for name in folders if not name.startswith(".")} == FOLDERS


def test_an_init_file_in_operator_is_found(tmp_path: Path) -> None:
    """The guard sees the file that would make the folder a package."""
    (tmp_path / "operator").mkdir()
    (tmp_path / "operator" / "__init__.py").touch()

    assert folders_that_are_packages(tmp_path, ("operator", "crds")) == ["operator"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_packages_are_typed(package: Path) -> None:
    """Every package ships its types."""
    assert (package / "__init__.py").exists()
    assert (package / "py.typed").exists()


def test_the_workspace_root_is_virtual() -> None:
    """The root holds configuration and no package of its own."""
    root = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert "project" not in root
    assert set(root["tool"]["uv"]["workspace"]["members"]) == set(MEMBERS) - {"devcluster"}


@pytest.mark.parametrize("member", MEMBERS)
def test_members_agree(member: str) -> None:
    """All distributions have one version, one Python floor and one licence."""
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    reference = tomllib.loads((ROOT / "crds/pyproject.toml").read_text())["project"]

    for field in ("version", "requires-python", "license"):
        assert project[field] == reference[field], field
