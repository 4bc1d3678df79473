"""Data that an MLflow run has logged as its input: MLflow knows where it lies."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from leadsman_api.reasons import Reason
from leadsman_training.errors import NoUse


@dataclass(frozen=True, slots=True)
class Logged:
    """The file of a dataset, with MLflow's digest of it."""

    data: bytes
    name: str
    digest: str


def read_logged(uri: str) -> Logged:
    """Read `mlflow://RUN/DATASET`; NoUse says whether run, dataset or file is missing."""
    from mlflow import MlflowClient  # noqa: PLC0415 - slow to import
    from mlflow.data import get_source  # noqa: PLC0415 - likewise
    from mlflow.data.filesystem_dataset_source import (  # noqa: PLC0415 - likewise
        FileSystemDatasetSource,
    )
    from mlflow.data.http_dataset_source import HTTPDatasetSource  # noqa: PLC0415 - likewise

    run, _, name = uri.removeprefix("mlflow://").partition("/")
    try:
        inputs = MlflowClient().get_run(run).inputs
        known = {one.dataset.name: one.dataset for one in inputs.dataset_inputs} if inputs else {}
        source = get_source(known[name]) if name in known else None
        if isinstance(source, FileSystemDatasetSource | HTTPDatasetSource):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(source.load(folder))
                return Logged(file.read_bytes(), file.name, known[name].digest)
    except Exception as error:  # whatever MLflow and the store of the file raise
        raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: {error}"[:900]) from error
    message = f"run {run} has no dataset {name!r}; it has {', '.join(sorted(known)) or 'none'}"
    if source is not None:
        kind = known[name].source_type
        message = f"MLflow knows of no file of dataset {name!r}, only of a source {kind}"
    raise NoUse(Reason.DATA_UNREADABLE, f"{uri}: {message}")
