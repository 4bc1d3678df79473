"""The contract of Leadsman: its two custom resources and the names that all parts share.

What is named here is imported when it is first used: a server that needs one word of the
contract does not wait for the schemas of all resources.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadsman_api.loading import InvalidResource, check_update, parse_resource
    from leadsman_api.v1alpha1 import ModelDeployment, TrainingRun

__all__ = [
    "InvalidResource",
    "ModelDeployment",
    "TrainingRun",
    "check_update",
    "parse_resource",
]


def __getattr__(name: str) -> object:
    """Import what is asked for: https://peps.python.org/pep-0562/."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("leadsman_api.loading"), name)
