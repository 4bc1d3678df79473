"""Estimators with scikit-learn's interface, from whichever library they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.errors import ModelRefused
from leadsman_serving.model_file import ModelFile
from leadsman_serving.policy import Storage, storage_of, stored_file, unsafe_types
from leadsman_serving.skops_types import ALLOWED
from leadsman_serving.table import Array, Table


class Estimator:
    """An estimator, kept to one thread: pods scale, not threads."""

    def __init__(self, estimator: Any, function: str = "predict") -> None:  # noqa: ANN401 - of any library
        """`function` is the method that MLflow was told to serve."""
        self.original, self.function = estimator, function
        self._predict = getattr(estimator, function)
        for part in parts(estimator):
            if getattr(part, "n_jobs", None) not in (None, 1):
                part.n_jobs = 1

    def predict(self, table: Table, params: Mapping[str, Any] | None = None) -> object:
        """What the served method gives."""
        del params
        return self._predict(table.frame_or_array())

    def probabilities(self, table: Table) -> Array | None:
        """What `predict_proba` gives, where there is one."""
        method = getattr(self.original, "predict_proba", None)
        return None if method is None else np.asarray(method(table.frame_or_array()))


def parts(estimator: Any) -> Iterator[Any]:  # noqa: ANN401 - of any library
    """An estimator and all estimators that it is made of, however they are kept."""
    seen: set[int] = set()
    waiting = [estimator]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, list | tuple | set):
            waiting.extend(one)
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, np.ndarray):
            waiting.extend(one.flat if one.dtype == object else ())
        elif hasattr(one, "get_params") or type(one).__module__.startswith("sklearn."):
            yield one
            waiting.extend(getattr(one, "__dict__", {}).values())


def load_estimator(file: ModelFile, flavor: str, loading: Loading) -> Any:  # noqa: ANN401 - of any library
    """An estimator from skops, or from pickle where that is trusted."""
    path = stored_file(file, flavor)
    if storage_of(file, flavor) is Storage.SKOPS:
        return _from_skops(path, loading)
    if loading is not Loading.TRUSTED:
        raise ModelRefused(Reason.UNSAFE_FORMAT, f"{path.name} is a pickle, and not trusted")
    return _unpickled(file, flavor, path)


def _from_skops(path: Path, loading: Loading) -> Any:  # noqa: ANN401 - of any library
    """What the file holds; ModelRefused before anything is built that is not on our list."""
    from skops.io import get_untrusted_types, load  # noqa: PLC0415 - only where it is needed

    found = get_untrusted_types(file=path)
    strange = sorted(set(found) - ALLOWED)
    if strange and loading is not Loading.TRUSTED:
        raise unsafe_types(strange)
    return load(path, trusted=found)


def _unpickled(file: ModelFile, flavor: str, path: Path) -> Any:  # noqa: ANN401 - of any library
    """What the pickle holds, with the modules that were logged beside it."""
    code = file.flavor(flavor).get("code")
    if code:
        sys.path.insert(0, str(file.folder / str(code)))
    import pickle  # noqa: PLC0415 - only where it is needed

    with path.open("rb") as stream:
        return pickle.load(stream)  # noqa: S301 - trusted by the spec; reads cloudpickle's as well
