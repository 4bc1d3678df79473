"""Estimators with scikit-learn's interface, from whichever library they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.errors import ModelRefused
from leadsman_serving.model_file import ModelFile
from leadsman_serving.policy import skops_types
from leadsman_serving.schema import Table


class Estimator:
    """An estimator, kept to one thread: pods scale, not threads."""

    def __init__(self, estimator: Any, function: str = "predict") -> None:  # noqa: ANN401 - of any library
        """`function` is the method that MLflow was told to serve."""
        self._estimator = estimator
        self._function = getattr(estimator, function)
        for part in parts(estimator):
            if getattr(part, "n_jobs", None) not in (None, 1):
                part.n_jobs = 1

    def predict(self, table: Table) -> object:
        """What the served method gives."""
        return self._function(table)

    def probabilities(self, table: Table) -> np.ndarray[Any, Any] | None:
        """What `predict_proba` gives, where there is one."""
        method = getattr(self._estimator, "predict_proba", None)
        return None if method is None else np.asarray(method(table))


def parts(estimator: Any) -> Iterator[Any]:  # noqa: ANN401 - of any library
    """An estimator and all that it is made of."""
    yield estimator
    inner: list[Any] = [step for _, step in getattr(estimator, "steps", [])]
    inner += [one[1] for one in getattr(estimator, "transformers_", [])]
    inner += list(getattr(estimator, "estimators_", []))
    for name in ("estimator", "base_estimator", "best_estimator_", "final_estimator_"):
        inner.append(getattr(estimator, name, None))
    for part in inner:
        if hasattr(part, "get_params"):
            yield from parts(part)


def load_estimator(file: ModelFile, flavor: str, loading: Loading) -> Any:  # noqa: ANN401 - of any library
    """An estimator from skops, or from pickle where that is trusted."""
    path = file.path(flavor, "pickled_model", "model_data", "data")
    serialization = file.flavor(flavor).get("serialization_format")
    if serialization == "skops":
        from skops.io import load  # noqa: PLC0415 - only where it is needed

        return load(path, trusted=skops_types(file, flavor))
    if loading is not Loading.TRUSTED:
        raise ModelRefused(Reason.UNSAFE_FORMAT, f"{path.name} is a pickle, and not trusted")
    return _unpickled(path, str(serialization))


def _unpickled(path: Path, serialization: str) -> Any:  # noqa: ANN401 - of any library
    with path.open("rb") as stream:
        if serialization == "cloudpickle":
            import cloudpickle  # noqa: PLC0415 - only where it is needed

            return cloudpickle.load(stream)
        import pickle  # noqa: PLC0415 - only where it is needed

        return pickle.load(stream)  # noqa: S301 - trusted by the spec
