"""Version v1alpha1 of the two resources, each imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadsman_api.v1alpha1.model_deployment import ModelDeployment, ModelDeploymentSpec
    from leadsman_api.v1alpha1.model_deployment_status import ModelDeploymentStatus
    from leadsman_api.v1alpha1.training_run import TrainingRun
    from leadsman_api.v1alpha1.training_run_spec import TrainingRunSpec
    from leadsman_api.v1alpha1.training_run_status import TrainingRunStatus

__all__ = [
    "ModelDeployment",
    "ModelDeploymentSpec",
    "ModelDeploymentStatus",
    "TrainingRun",
    "TrainingRunSpec",
    "TrainingRunStatus",
]

_MODULES = {
    "ModelDeployment": "model_deployment",
    "ModelDeploymentSpec": "model_deployment",
    "ModelDeploymentStatus": "model_deployment_status",
    "TrainingRun": "training_run",
    "TrainingRunSpec": "training_run_spec",
    "TrainingRunStatus": "training_run_status",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: https://peps.python.org/pep-0562/."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
