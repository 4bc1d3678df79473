"""What a server has loaded once it may serve: nothing but what its plan needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from leadsman_serving.plans import step
from leadsman_serving.plans.stored import FOLDER, read_plan
from leadsman_serving.settings import Settings

HEAVY = {"lightgbm", "mlflow", "pandas", "pyarrow", "scipy", "sklearn", "xgboost"}
START = """
import os, sys
from leadsman_serving.app import create_app
from leadsman_serving.settings import Settings
from leadsman_serving.start import begin
from leadsman_serving.telemetry import RequestMetrics
begun = begin(Settings.from_environment(os.environ), RequestMetrics())
print(begun.model.backend, *sys.modules)
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["skops", "mixed"])
def test_a_start_from_a_plan_loads_no_library_of_frames(
    kind: str, models: Path, tmp_path: Path
) -> None:
    """Neither for numbers nor for columns of several types: it would double start and memory."""
    shutil.copytree(models / kind, tmp_path / "model")
    assert step.run(Settings(model_dir=str(tmp_path))) == 0
    plan = read_plan(tmp_path / FOLDER, "")
    assert plan is not None

    done = subprocess.run(
        [sys.executable, "-c", START],
        env={**os.environ, "LEADSMAN_MODEL_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    backend, *modules = done.stdout.split()
    assert backend == plan.backend
    assert HEAVY.isdisjoint(modules)
