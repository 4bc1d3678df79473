"""Version v1alpha1 of the two resources."""

from __future__ import annotations

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
