"""A model as MLflow keeps it: data and not code where it can be, with all that describes it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow.sklearn
from mlflow.models import ModelSignature, infer_signature

from leadsman_training.data import Split

_EXAMPLE_ROWS = 3
_SAFE_ROOTS = ("sklearn.", "numpy.", "scipy.", "xgboost.", "lightgbm.", "collections.")


def log_model(
    model: Any,  # noqa: ANN401 - any estimator
    split: Split,
    run_id: str,
    requirements: Sequence[str],
    metrics: Mapping[str, float],
) -> str:
    """Log a fitted model on a run; gives the id of the logged model.

    It is stored as skops, which holds data only, where a server would load it so; otherwise as
    cloudpickle, which servers load only where it is trusted.
    """
    with mlflow.start_run(run_id=run_id):
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=signature_of(model, split),
            input_example=split.train_x.head(_EXAMPLE_ROWS),
            pip_requirements=list(requirements),
            metadata={"training": "leadsman"},
            **_form(model),
        )
        for name, value in metrics.items():
            mlflow.log_metric(name, value, model_id=logged.model_id)
    return str(logged.model_id)


def save_model(model: Any, split: Split, folder: Path) -> Path:  # noqa: ANN401 - any estimator
    """The model in a folder, in the form that it would be logged in; gives the folder."""
    mlflow.sklearn.save_model(
        model,
        str(folder),
        signature=signature_of(model, split),
        pip_requirements=[],
        **_form(model),
    )
    return folder


def _form(model: Any) -> dict[str, Any]:  # noqa: ANN401 - any estimator
    types = _types(model)
    if types is not None and all(name.startswith(_SAFE_ROOTS) for name in types):
        return {"serialization_format": "skops", "skops_trusted_types": types}
    return {"serialization_format": "cloudpickle"}


def signature_of(model: Any, split: Split) -> ModelSignature:  # noqa: ANN401 - any estimator
    """What a model takes and gives."""
    return infer_signature(split.train_x, model.predict(split.train_x))


def _types(model: Any) -> list[str] | None:  # noqa: ANN401 - any estimator
    """The types that skops would have to trust; None when it can't store the model."""
    from skops.io import dump, get_untrusted_types  # noqa: PLC0415 - slow to import

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.skops"
        try:
            dump(model, file)
            return list(get_untrusted_types(file=file))
        except Exception:  # noqa: BLE001 - whatever it raises, it can't
            return None
