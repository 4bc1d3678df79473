"""What tests of several parts share."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.serving_models import make_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of each kind, saved by MLflow."""
    base = tmp_path_factory.getbasetemp()
    # A worker's folder lies in the one of the whole run.
    shared = base.parent if base.name.startswith("popen-") else base
    return make_models(shared / "models")
