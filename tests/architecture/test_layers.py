"""The layers: the import contracts hold, and they would notice if they did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.repository import PACKAGES, ROOT

LINT_IMPORTS = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]


def lint_imports(folder: Path, sources: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a folder's pyproject.toml, over copied sources if given."""
    environment = dict(os.environ)
    if sources is not None:
        environment["PYTHONPATH"] = str(sources)
    return subprocess.run(
        LINT_IMPORTS, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The packages and their contracts in a folder where they may be broken."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(
            package, tmp_path / package.name, ignore=shutil.ignore_patterns("parts", "__pycache__")
        )
    return tmp_path


def test_the_contracts_hold() -> None:
    """Every import contract of pyproject.toml is kept."""
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("leadsman_operator", "leadsman_serving"),
        ("leadsman_training", "leadsman_operator"),
        ("leadsman_api", "leadsman_operator"),
        ("leadsman_api", "kubernetes"),
        ("devcluster", "leadsman_api"),
        ("leadsman_serving", "devcluster"),
    ],
)
def test_a_wrong_import_breaks_a_contract(copied: Path, package: str, forbidden: str) -> None:
    """An import across a border is refused with the module that holds it."""
    (copied / package / "wrong.py").write_text(f"import {forbidden}\n")

    result = lint_imports(copied, copied)

    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{package}.wrong -> {forbidden}" in result.stdout
