"""What the demo calls slow is slow: no plan of the runtime may mend what a rollout has to catch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.model import Model, load_model
from leadsman_serving.plans.compile import compile_model
from support.repository import ROOT

pytestmark = pytest.mark.filterwarnings("ignore")

PROGRAM = ROOT / "examples" / "demo" / "colleague.py"
LIMIT_SECONDS = 0.05
"""The latency that the demo and the stories allow to nine of ten requests."""


def logged(kind: str, folder: Path) -> Model:
    """A version as the colleague's program logs it, loaded as a server does under `Safe`."""
    result = subprocess.run(
        [sys.executable, str(PROGRAM), "demo", kind],
        cwd=folder, env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/registry.db"},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (description,) = folder.rglob("MLmodel")
    return load_model(description.parent, Loading.SAFE)


def test_the_slow_version_stays_slow(tmp_path: Path) -> None:
    """No plan speeds it up, and a row takes far more time than the rollouts' limit allows."""
    model = logged("slow", tmp_path)

    done = compile_model(model, "sha256:slow", tmp_path)

    assert done.plan is None, done
    row = model.schema.table([model.example[0]])
    model.predict(row)
    began = time.process_time()
    model.predict(row)
    assert time.process_time() - began > LIMIT_SECONDS
