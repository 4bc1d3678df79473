"""Schemathesis makes requests of the description, and finds no answer that it does not tell of.

https://schemathesis.readthedocs.io
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.client_environment import python_with
from support.serving_models import variables_of
from support.serving_process import ServingProcess

# What a column takes beyond its type, such as a shape that fits its data, JSON Schema has no words
# for: valid by the description may still be refused.
UNTOLD = "positive_data_acceptance"
SECONDS = 60
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", ["xgboost"])
def test_no_answer_is_undocumented(models: Path, name: str) -> None:
    """No 5xx, no status and no type that is not told, bodies as described, wrong data refused.

    With a model that takes every row: one that raises for some is a failing model, which is 500.
    """
    program = python_with("schemathesis==4.32.5").with_name("st")
    with ServingProcess(**variables_of(models / name)) as process:
        done = subprocess.run(
            [
                str(program), "run", f"http://127.0.0.1:{process.port}/openapi.json", "--no-color",
                "--phases", "examples,coverage,fuzzing", "--generation-deterministic",
                "--max-examples", "8", "--exclude-checks", UNTOLD, "--request-timeout", "10",
                "--max-time", str(SECONDS),
            ],
            capture_output=True, text=True, check=False, cwd=models,
        )  # fmt: skip
        good = process.post("/v1/models/churn:predict", "{}")

    assert done.returncode == 0, done.stdout[-8000:]
    made = re.search(r"(\d+) generated", done.stdout)
    assert made is not None
    assert int(made[1]) > 100  # a run that tries nothing would be fine too
    assert good.status == 422
