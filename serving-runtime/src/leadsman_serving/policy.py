"""Whether a model may and can be loaded, found out without loading it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.errors import ModelRefused
from leadsman_serving.extras import lacking
from leadsman_serving.model_file import ModelFile
from leadsman_serving.skops_types import foreign_types

PACKAGES = {
    "sklearn": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "onnx": "onnxruntime",
    "python_function": "mlflow",
}
"""The package that serves a flavor. The first flavor that a model has is the one that serves:
native libraries before code."""
_TRUSTED = "or write spec.model.loading: Trusted if you trust everybody who can write the model"
_NAMED = 5


class Storage(StrEnum):
    """How the files of a model hold it."""

    NATIVE = "native"
    """In the library's own format, which holds numbers only."""
    SKOPS = "skops"
    """Objects of types that can be checked before they are built."""
    PICKLE = "pickle"
    """Objects that run code when they are built."""
    CODE = "code"
    """A program."""


def chosen_flavor(file: ModelFile) -> str:
    """The flavor that will serve; ModelRefused when there is none that this runtime knows."""
    for flavor in PACKAGES:
        if flavor in file.flavors:
            return flavor
    raise ModelRefused(
        Reason.UNSUPPORTED_FLAVOR,
        f"the model has the flavors {', '.join(file.flavors) or 'none'}:"
        f" this runtime serves {', '.join(PACKAGES)}",
    )


def storage_of(file: ModelFile, flavor: str) -> Storage:
    """How the flavor's files hold the model."""
    if flavor == "python_function":
        return Storage.CODE
    bare = flavor == "lightgbm" and file.class_name(flavor) == "Booster"
    if flavor in ("xgboost", "onnx") or bare:
        return Storage.NATIVE
    skops = file.flavor(flavor).get("serialization_format") == Storage.SKOPS
    return Storage.SKOPS if skops else Storage.PICKLE


def stored_file(file: ModelFile, flavor: str) -> Path:
    """The file or folder that holds the model."""
    return file.path(flavor, "pickled_model", "model_data", "data")


def check(file: ModelFile, loading: Loading) -> str:
    """The flavor that will serve; ModelRefused when policy or image speak against it."""
    flavor = chosen_flavor(file)
    package = PACKAGES[flavor]
    if importlib.util.find_spec(package) is None:
        raise lacking(package, f"flavor {flavor}")
    if loading is Loading.SAFE:
        _check_safe(file, flavor)
    return flavor


def _check_safe(file: ModelFile, flavor: str) -> None:
    storage = storage_of(file, flavor)
    if storage is Storage.CODE:
        raise ModelRefused(
            Reason.UNSAFE_FORMAT,
            f"the model is code of its own (pyfunc): log it with a flavor of data only, {_TRUSTED}",
        )
    if storage is Storage.PICKLE:
        named = file.flavor(flavor).get("serialization_format") or storage
        raise ModelRefused(
            Reason.UNSAFE_FORMAT,
            f"the model is stored as {named}, which runs code when it is loaded:"
            f' log it with serialization_format="skops", {_TRUSTED}',
        )
    if storage is Storage.SKOPS:
        try:
            strange = foreign_types(stored_file(file, flavor))
        except ValueError as error:
            raise ModelRefused(Reason.LOAD_FAILED, str(error)) from error
        if strange:
            raise unsafe_types(strange)


def unsafe_types(names: Sequence[str]) -> ModelRefused:
    """What to say of types that are not on our list."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ModelRefused(
        Reason.UNSAFE_FORMAT,
        "the model holds types that are not known to be harmless:"
        f" {', '.join(names[:_NAMED])}{more}: leave them out, {_TRUSTED}",
    )
