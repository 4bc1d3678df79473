"""A model as MLflow keeps it: data and not code where it can be, with all that describes it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
from mlflow.models import ModelSignature, infer_signature

from leadsman_training.data import Split
from leadsman_training.needs import needs_of
from leadsman_training.served import SKLEARN, Served, write

_EXAMPLE_ROWS = 3
_SAFE_ROOTS = ("sklearn.", "numpy.", "scipy.", "xgboost.", "lightgbm.", "collections.")


def log_model(model: Any, split: Split, run_id: str, metrics: Mapping[str, float]) -> str:  # noqa: ANN401 - any estimator
    """Log a fitted model on a run, with what it needs; gives the id of the logged model.

    An estimator is stored as skops, which holds data only, where a server would load it so;
    otherwise as cloudpickle, which servers load only where it is trusted, as they do with other
    flavors.
    """
    original, flavor = _kept(model)
    form, storage = _form(model)
    needs = needs_of(original, storage)
    code = {"code_paths": list(needs.code)} if needs.code else {}
    with mlflow.start_run(run_id=run_id):
        logged = write(
            "log_model",
            original,
            flavor,
            name="model",
            signature=signature_of(model, split),
            input_example=split.train_x.head(_EXAMPLE_ROWS),
            pip_requirements=list(needs.requirements),
            metadata={"training": "leadsman"},
            **form,
            **code,
        )
        for name, value in metrics.items():
            mlflow.log_metric(name, value, model_id=logged.model_id)
    return str(logged.model_id)


def save_model(model: Any, split: Split, folder: Path) -> Path:  # noqa: ANN401 - any estimator
    """The model in a folder, in the form that it would be logged in; gives the folder."""
    original, flavor = _kept(model)
    form, _ = _form(model)
    signature = signature_of(model, split)
    write(
        "save_model", original, flavor,
        path=str(folder), signature=signature, pip_requirements=[], **form,
    )  # fmt: skip
    return folder


def _kept(model: Any) -> tuple[Any, str]:  # noqa: ANN401 - any estimator
    return (model.model, model.flavor) if isinstance(model, Served) else (model, SKLEARN)


def _form(model: Any) -> tuple[dict[str, Any], str]:  # noqa: ANN401 - any estimator
    """How MLflow is told to store a model, and the package that stores it."""
    if isinstance(model, Served):
        return {}, "cloudpickle"
    types = _types(model)
    if types is not None and all(name.startswith(_SAFE_ROOTS) for name in types):
        return {"serialization_format": "skops", "skops_trusted_types": types}, "skops"
    return {"serialization_format": "cloudpickle"}, "cloudpickle"


def signature_of(model: Any, split: Split) -> ModelSignature:  # noqa: ANN401 - any estimator
    """What a model takes and gives."""
    answers = model.answers if isinstance(model, Served) else model.predict
    return infer_signature(split.train_x, answers(split.train_x))


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
