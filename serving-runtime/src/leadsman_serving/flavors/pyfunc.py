"""Models that are code of their own: only where they are trusted, and with MLflow itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel, load_model

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.columns import refused
from leadsman_serving.errors import ModelRefused
from leadsman_serving.model_file import ModelFile
from leadsman_serving.table import Table

# mlflow/pyfunc/__init__.py; its error code alone is that of many errors.
_UNFIT = "Failed to enforce schema"
_LONGEST = 300


class PythonFunction:
    """A model as MLflow loads it."""

    def __init__(self, model: PyFuncModel) -> None:
        """Keep the model."""
        self._model = model

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the model's code gives; BadRequest for rows that MLflow does not let through."""
        try:
            return self._model.predict(table.as_mlflow(), params=dict(params) if params else None)
        except MlflowException as error:
            said = str(error.message)
            # It repeats the rows before it says what is wrong with them.
            if said.startswith(_UNFIT):
                raise refused(said.rpartition("Error: ")[2][:_LONGEST]) from error
            raise

    def probabilities(self, table: Table) -> None:
        """Code of its own has one function."""
        del table


def load(file: ModelFile, loading: Loading) -> PythonFunction:
    """Run the model's code; ModelRefused unless it is trusted."""
    if loading is not Loading.TRUSTED:
        raise ModelRefused(Reason.UNSAFE_FORMAT, "the model is code of its own, and not trusted")
    return PythonFunction(load_model(str(file.folder)))
