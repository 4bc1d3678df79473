"""What a server loads before it serves: no framework, no library that its model does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

import leadsman_api
from leadsman_api import v1alpha1
from leadsman_api.loading import parse_resource
from leadsman_api.v1alpha1.training_run_status import TrainingRunStatus

HEAVY = {
    "boto3", "fastapi", "grpc", "lightgbm", "mlflow", "onnx", "onnxruntime", "pandas", "pyarrow",
    "requests", "scipy", "skl2onnx", "sklearn", "skops", "starlette", "xgboost",
}  # fmt: skip
ENGINES: dict[str, set[str]] = {
    "composed": set(),
    "formulas": set(),
    "linear": set(),
    "graph": {"onnxruntime"},
    "lightgbm_rows": set(),
    "tree_rows": set(),
    "xgboost_rows": set(),
}
"""Modules that run plans, with the libraries that they load."""
ALL_MODULES = "import sys; print(*sys.modules)"


def loaded_by(*modules: str) -> set[str]:
    """Every module that a new process has after it imported these."""
    program = f"import {', '.join(modules)}; {ALL_MODULES}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_loads_only_the_library_of_its_plan(engine: str) -> None:
    """Each of the others would cost every start its time and every pod its memory."""
    loaded = loaded_by("leadsman_serving.server", f"leadsman_serving.plans.{engine}")

    assert HEAVY & loaded == ENGINES[engine]


def test_a_server_knows_no_more_of_the_contract_than_it_needs() -> None:
    """The schemas of whole resources take longer to build than the rest of a start."""
    loaded = loaded_by("leadsman_serving.server")

    assert {
        "leadsman_api.loading",
        "leadsman_api.v1alpha1.model_deployment",
        "leadsman_api.v1alpha1.rollout",
        "leadsman_api.v1alpha1.training_run",
    }.isdisjoint(loaded)


def test_the_contract_gives_what_it_names_and_nothing_else() -> None:
    """What is imported late is the same thing as in its own module."""
    assert leadsman_api.parse_resource is parse_resource
    assert v1alpha1.TrainingRunStatus is TrainingRunStatus
    for package in (leadsman_api, v1alpha1):
        assert all(getattr(package, name).__name__ == name for name in package.__all__)
        with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
            package.__getattr__("Nothing")
