"""Models of MLflow's other flavors, which code of the user's own keeps.

They are judged as a server will load them: written down, read again, and asked by MLflow.
"""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel, load_model
from mlflow.pyfunc.model import PythonModel
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_training.data import Split
from leadsman_training.errors import NoUse
from leadsman_training.scores import Array

SKLEARN, PYFUNC = "sklearn", "pyfunc"
_NEAR_ONE = 1e-3
_FEW_ROWS = 5


@dataclass(frozen=True)
class Served:
    """A model that MLflow has loaded: it has no more of an estimator than that it predicts."""

    loaded: PyFuncModel
    model: Any = None
    """As the user's code kept it; None when it was loaded from the registry."""
    flavor: str = PYFUNC

    def answers(self, rows: pd.DataFrame) -> Array:
        """What clients would get; a column for itself is taken as one value a row."""
        found: Array = np.asarray(self.loaded.predict(rows))
        return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found  # noqa: PLR2004 - a matrix

    def predict(self, rows: pd.DataFrame) -> Array:
        """A value for each row."""
        return self.answers(rows)


@dataclass(frozen=True)
class ServedChances(Served):
    """One that gives a column for each class."""

    classes_: Array = field(kw_only=True)
    """The classes in their order."""

    def predict_proba(self, rows: pd.DataFrame) -> Array:
        """The probability of each class."""
        return self.answers(rows)

    @override
    def predict(self, rows: pd.DataFrame) -> Array:
        """The most probable class of each row."""
        found: Array = self.classes_[np.argmax(self.answers(rows), axis=1)]
        return found


def flavor_of(model: object, named: str | None) -> str:
    """The MLflow flavor of a kept model; ValueError when it has to be named."""
    if named is not None:
        if importlib.util.find_spec(f"mlflow.{named}") is None:
            raise ValueError(f"MLflow has no flavor {named!r}")
        return named
    if isinstance(model, PythonModel):
        return PYFUNC
    if not hasattr(model, "predict"):
        raise ValueError(
            f"{type(model).__name__} does not predict: name its flavor in MLflow,"
            " such as run.keep(model, flavor='pytorch')"
        )
    return SKLEARN


def write(what: str, model: Any, flavor: str, **more: Any) -> Any:  # noqa: ANN401 - of any flavor
    """Call `save_model` or `log_model` of a flavor's module, and give what it gives."""
    function = getattr(importlib.import_module(f"mlflow.{flavor}"), what)
    if flavor == PYFUNC:
        return function(python_model=model, **more)
    return function(model, **more)


def as_served(model: Any, flavor: str, split: Split) -> Any:  # noqa: ANN401 - any estimator
    """A kept model in the form that is judged; an estimator stays as it is.

    NoUse where nobody could say what its answers mean.
    """
    if flavor == SKLEARN:
        return model
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        write("save_model", model, flavor, path=str(place), pip_requirements=[])
        loaded = load_model(str(place))
    try:
        return replace(judged(loaded, split), model=model, flavor=flavor)
    except ValueError as error:
        raise NoUse(Reason.ENTRYPOINT_INVALID, str(error)) from error


def from_registry(place: str) -> Any:  # noqa: ANN401 - any estimator
    """An estimator of MLflow's by its address, or what MLflow makes of a model that is none."""
    try:
        return mlflow.sklearn.load_model(place)
    except MlflowException:
        return load_model(place)


def judged(loaded: Any, split: Split) -> Any:  # noqa: ANN401 - any estimator
    """The form that is judged: with probabilities, if there are as many columns as classes.

    An estimator stays as it is. ValueError when the columns are no probabilities.
    """
    if not isinstance(loaded, PyFuncModel):
        return loaded
    plain = Served(loaded)
    if not split.classification:
        return plain
    classes = np.unique(split.train_y)
    found = plain.answers(split.train_x.head(_FEW_ROWS))
    if found.ndim != 2 or found.shape[1] != len(classes):  # noqa: PLR2004 - a matrix
        return plain
    if (found < 0).any() or (np.abs(found.sum(axis=1) - 1) > _NEAR_ONE).any():
        raise ValueError(
            f"the model gives a column for each of {len(classes)} classes, and they are no"
            " probabilities: have it end with a softmax, or give the class itself"
        )
    return ServedChances(loaded, classes_=classes)
