"""Whether a model may and can be loaded, found out without loading it."""

from __future__ import annotations

import importlib.util
from importlib import metadata

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.errors import ModelRefused
from leadsman_serving.model_file import ModelFile

# The first that a model has is the one that serves: native libraries before code.
FLAVORS = ("sklearn", "xgboost", "lightgbm", "onnx", "python_function")
_PACKAGES = {
    "sklearn": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "onnx": "onnxruntime",
    "python_function": "mlflow",
}
# Ours, and not the list that the model brings along: whoever writes a model writes that too.
_SAFE_ROOTS = ("sklearn.", "numpy.", "scipy.", "xgboost.", "lightgbm.", "collections.")
_TRUSTED = "or write spec.model.loading: Trusted if you trust everybody who can write the model"


def chosen_flavor(file: ModelFile) -> str:
    """The flavor that will serve; ModelRefused when there is none that this runtime knows."""
    for flavor in FLAVORS:
        if flavor in file.flavors:
            return flavor
    raise ModelRefused(
        Reason.UNSUPPORTED_FLAVOR,
        f"the model has the flavors {', '.join(file.flavors) or 'none'}:"
        f" this runtime serves {', '.join(FLAVORS)}",
    )


def check(file: ModelFile, loading: Loading, *, deep: bool = True) -> str:
    """The flavor that will serve; ModelRefused when policy or image speak against it.

    `deep` looks into skops files as well, which takes the seconds of importing its library.
    """
    flavor = chosen_flavor(file)
    package = _PACKAGES[flavor]
    if importlib.util.find_spec(package) is None:
        raise ModelRefused(
            Reason.REQUIREMENTS_MISMATCH,
            f"the image has no package {package}, which flavor {flavor} needs:"
            " set spec.serving.image to one that has",
        )
    if loading is Loading.SAFE:
        _check_safe(file, flavor, deep=deep)
    return flavor


def _check_safe(file: ModelFile, flavor: str, *, deep: bool) -> None:
    if flavor == "python_function":
        raise ModelRefused(
            Reason.UNSAFE_FORMAT,
            f"the model is code of its own (pyfunc): log it with a flavor of data only, {_TRUSTED}",
        )
    serialization = file.flavor(flavor).get("serialization_format")
    if serialization == "skops":
        if deep:
            _check_skops(file, flavor)
    elif serialization is not None or "pickled_model" in file.flavor(flavor):
        raise ModelRefused(
            Reason.UNSAFE_FORMAT,
            f"the model is stored as {serialization or 'pickle'}, which runs code when it is"
            f' loaded: log it with serialization_format="skops", {_TRUSTED}',
        )


def _check_skops(file: ModelFile, flavor: str) -> None:
    strange = [name for name in skops_types(file, flavor) if not name.startswith(_SAFE_ROOTS)]
    if strange:
        raise ModelRefused(
            Reason.UNSAFE_FORMAT,
            f"the model holds types that are not known to be harmless: {', '.join(strange[:5])}:"
            f" leave them out, {_TRUSTED}",
        )


def skops_types(file: ModelFile, flavor: str) -> list[str]:
    """The types in a skops file that skops itself does not vouch for."""
    from skops.io import get_untrusted_types  # noqa: PLC0415 - only where it is needed

    path = file.path(flavor, "pickled_model", "model_data", "data")
    try:
        return list(get_untrusted_types(file=path))
    except (OSError, ValueError, KeyError) as error:
        raise ModelRefused(Reason.LOAD_FAILED, f"{path.name} is no skops file: {error}") from error


def image_version(package: str) -> str:
    """The version of a package in this image."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
