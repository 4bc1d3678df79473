"""What MLflow wrote beside a model, read without MLflow: flavors, signature, examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from leadsman_api.reasons import Reason
from leadsman_serving.errors import ModelRefused

_FILE = "MLmodel"
_REQUIREMENTS = "requirements.txt"
_SERVING_EXAMPLE, _EXAMPLE = "serving_input_example.json", "input_example.json"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The description of a model, from the file `MLmodel` in its folder."""

    folder: Path
    flavors: Mapping[str, Mapping[str, Any]]
    inputs: Sequence[Mapping[str, Any]] | None = None
    """The signature's inputs; None without a signature."""
    outputs: Sequence[Mapping[str, Any]] | None = None
    """The signature's outputs; None without any."""
    params: Sequence[Mapping[str, Any]] | None = None
    """The parameters of a request that the signature declares."""
    example: object = None
    """A body for `/invocations` that the model was logged with; None without one."""
    requirements: tuple[str, ...] = ()
    """The lines of the requirements that MLflow recorded."""

    def flavor(self, name: str) -> Mapping[str, Any]:
        """The description of one flavor; empty when the model has none of it."""
        return self.flavors.get(name) or {}

    def class_name(self, flavor: str) -> str:
        """The name of the model's class without its module, `Booster` where none is named."""
        return str(self.flavor(flavor).get("model_class") or "Booster").rpartition(".")[2]

    def path(self, flavor: str, *keys: str) -> Path:
        """The file or folder that a flavor names under one of the keys."""
        for key in keys:
            named = self.flavor(flavor).get(key)
            if named:
                return self._inside(str(named))
        raise ModelRefused(Reason.LOAD_FAILED, f"{_FILE} names no {keys[0]} for flavor {flavor}")

    def _inside(self, named: str) -> Path:
        path = (self.folder / named).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise ModelRefused(Reason.LOAD_FAILED, f"{_FILE} names a file outside: {named}")
        if not path.exists():
            raise ModelRefused(Reason.LOAD_FAILED, f"{_FILE} names {named}, which is not there")
        return path


def read_model_file(folder: Path) -> ModelFile:
    """Read the description; ModelRefused when it is not there or can't be read."""
    try:
        content = yaml.safe_load((folder / _FILE).read_text(encoding="utf-8"))
        signature = content.get("signature") or {}
        inputs, outputs, params = map(signature.get, ("inputs", "outputs", "params"))
        return ModelFile(
            folder=folder,
            flavors=dict(content["flavors"]),
            inputs=json.loads(inputs) if inputs else None,
            outputs=json.loads(outputs) if outputs else None,
            params=json.loads(params) if params else None,
            example=_read_example(folder),
            requirements=_read_requirements(folder),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ModelRefused(
            Reason.LOAD_FAILED, f"{_FILE} can't be read: {type(error).__name__}: {error}"
        ) from error


def _read_example(folder: Path) -> object:
    """The body that MLflow would send; made from the plain example where there is only that."""
    body = _read_json(folder / _SERVING_EXAMPLE)
    if body is not None:
        return body
    plain = _read_json(folder / _EXAMPLE)
    if plain is None:
        return None
    if isinstance(plain, dict) and "data" in plain:
        return {"dataframe_split": plain}
    return {"inputs": plain}


def _read_json(file: Path) -> object:
    """The file's value; None where there is none that can be read: it is only an example."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _read_requirements(folder: Path) -> tuple[str, ...]:
    file = folder / _REQUIREMENTS
    if not file.is_file():
        return ()
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith(("#", "-")))
