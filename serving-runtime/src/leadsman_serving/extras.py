"""The parts of this package that an image may leave out, and what to say where one is missing."""

from __future__ import annotations

from leadsman_api.reasons import Reason
from leadsman_serving.errors import ModelRefused

EXTRA_OF = {
    "boto3": "fetch",
    "lightgbm": "lightgbm",
    "mlflow": "fetch",
    "onnxruntime": "onnx",
    "pandas": "sklearn",
    "sklearn": "sklearn",
    "skops": "sklearn",
    "xgboost": "xgboost",
}
"""The extra of `leadsman-serving` that brings a package, by the name that is imported."""


def lacking(package: str, who: str) -> ModelRefused:
    """The refusal for a package that this image does not have; `who` needs it."""
    top = package.partition(".")[0]
    extra = EXTRA_OF.get(top)
    mend = "set spec.serving.image to one that has"
    if extra is not None:
        mend += (
            f" it: the image of every flavor, or one with the extra {extra}"
            f" (pip install 'leadsman-serving[{extra}]')"
        )
    return ModelRefused(
        Reason.REQUIREMENTS_MISMATCH, f"the image has no package {top}, which {who} needs: {mend}"
    )
