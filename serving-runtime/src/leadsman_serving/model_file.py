"""What MLflow wrote beside a model, read without MLflow: flavors, signature, examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from leadsman_api.reasons import Reason
from leadsman_serving.errors import ModelRefused

_FILE = "MLmodel"
_EXAMPLE = "serving_input_example.json"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The description of a model, from the file `MLmodel` in its folder."""

    folder: Path
    flavors: Mapping[str, Mapping[str, Any]]
    inputs: tuple[Mapping[str, Any], ...] | None
    """The signature's inputs; None without a signature."""
    example: bytes | None
    """A body for `/invocations` that the model was logged with."""

    def flavor(self, name: str) -> Mapping[str, Any]:
        """The description of one flavor; empty when the model has none of it."""
        return self.flavors.get(name, {})

    def path(self, flavor: str, *keys: str) -> Path:
        """The file or folder that a flavor names under one of the keys."""
        for key in keys:
            named = self.flavor(flavor).get(key)
            if named:
                return self.folder / str(named)
        raise ModelRefused(Reason.LOAD_FAILED, f"{_FILE} names no {keys[0]} for flavor {flavor}")


def read_model_file(folder: Path) -> ModelFile:
    """Read the description; ModelRefused when it is not there or can't be read."""
    try:
        content = yaml.safe_load((folder / _FILE).read_text(encoding="utf-8"))
        signature = content.get("signature") or {}
        inputs = signature.get("inputs")
        return ModelFile(
            folder=folder,
            flavors=dict(content["flavors"]),
            inputs=tuple(json.loads(inputs)) if inputs else None,
            example=_read_example(folder),
        )
    except (OSError, ValueError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise ModelRefused(
            Reason.LOAD_FAILED, f"{_FILE} can't be read: {type(error).__name__} {error}"
        ) from error


def _read_example(folder: Path) -> bytes | None:
    file = folder / _EXAMPLE
    return file.read_bytes() if file.is_file() else None
