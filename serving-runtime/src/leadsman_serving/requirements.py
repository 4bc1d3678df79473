"""The versions that a model was made with, against those of this image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata

from leadsman_serving.model_file import ModelFile

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;,]+)")
# The same library under another name: what we install instead.
_ALIASES = {"mlflow": "mlflow-skinny", "xgboost": "xgboost-cpu", "onnxruntime-gpu": "onnxruntime"}
# What a flavor computes with: other differences change no answer.
_COMPUTES = {
    "sklearn": {"scikit-learn", "skops", "numpy", "scipy", "xgboost", "lightgbm"},
    "xgboost": {"xgboost", "scikit-learn"},
    "lightgbm": {"lightgbm", "scikit-learn", "skops"},
    "onnx": {"onnxruntime", "onnxruntime-gpu"},
}


def differences(file: ModelFile, flavor: str) -> Iterator[str]:
    """A sentence for each library whose version here is not the one that was recorded.

    Models that are code may need any package, so for them all are compared.
    """
    relevant = _COMPUTES.get(flavor)
    for line in file.requirements:
        pin = _PIN.match(line)
        if pin is None:
            continue
        package, recorded = pin[1].lower().replace("_", "-"), pin[2]
        if relevant is not None and package not in relevant:
            continue
        here = _image_version(package)
        if here != recorded:
            yield f"the model was made with {package} {recorded}, this image has {here}"


def _image_version(package: str) -> str:
    """The version of a package in this image; "none" where it is not there."""
    for name in (package, _ALIASES.get(package, package)):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "none"
