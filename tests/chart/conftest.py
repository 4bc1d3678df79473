"""helm, from wherever `devcluster tools` finds or builds it: a missing helm is never skipped."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.helm import Helm


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The pinned helm."""
    folder = subprocess.run(
        ["devcluster", "tools", "helm"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    return Helm(Path(folder) / "helm")
