"""The contract of Leadsman: its two custom resources and the names that all parts share."""

from __future__ import annotations

from leadsman_api.loading import InvalidResource, check_update, parse_resource
from leadsman_api.v1alpha1 import ModelDeployment, TrainingRun

__all__ = [
    "InvalidResource",
    "ModelDeployment",
    "TrainingRun",
    "check_update",
    "parse_resource",
]
