"""Data as the input of an MLflow run: read where another run has logged it, and logged by ours."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from leadsman_api.reasons import Reason
from leadsman_training.errors import NoUse

_LONGEST_DIGEST = 36
"""Characters that MLflow has room for."""
_KNOWN = {"http": "http", "https": "http", "s3": "s3", "gs": "gs"}
"""MLflow's own types of sources, by scheme: what is logged so can be read by `mlflow://` again."""


@dataclass(frozen=True, slots=True)
class Logged:
    """The file of a dataset, with MLflow's digest of it."""

    data: bytes
    name: str
    digest: str


def read_logged(uri: str) -> Logged:
    """Read `mlflow://RUN/DATASET`; NoUse says whether run, dataset or file is missing."""
    from mlflow.data import get_source  # noqa: PLC0415 - slow to import
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


def log_dataset(client: MlflowClient, run: str, uri: str, digest: str, rows: int) -> None:
    """Log data as what a run is trained on; its whole digest stands beside the shortened one.

    `uri` is the address of the very state that was read. Logged again, it is the same input.
    """
    scheme = uri.partition("://")[0]
    kind = _KNOWN.get(scheme, "leadsman")
    source = {"url" if kind == "http" else "uri": uri}
    data = Dataset(
        name=uri.partition("?")[0].rpartition("/")[2],
        digest=digest.removeprefix("sha256:")[:_LONGEST_DIGEST],
        source_type=kind,
        source=json.dumps(source),
        profile=json.dumps({"num_rows": rows, "digest": digest}),
    )
    tags = [InputTag(MLFLOW_DATASET_CONTEXT, "training")]
    client.log_inputs(run, [DatasetInput(data, tags)])
