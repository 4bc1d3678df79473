"""From a fitted ensemble of trees to the files and settings of its plan."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from leadsman_serving.plans import boosted, tree_rows
from leadsman_serving.plans.links import EXP, IDENTITY, SIGMOID, SOFTMAX
from leadsman_serving.plans.stored import classes_of
from leadsman_serving.plans.tree import TreeSums
from leadsman_serving.plans.tree_rows import VALUES
from leadsman_serving.plans.tree_text import leaves_of, text_of
from leadsman_serving.plans.unsuited import Unsuited

_TWO = 2


class NoTrees(Unsuited):
    """No plan of trees can be made; the message says why."""


def written(sums: TreeSums, features: int, folder: Path) -> dict[str, Any]:
    """Write the trees and the values of their leaves; the settings that go with them."""
    if importlib.util.find_spec("lightgbm") is None:
        raise NoTrees("the image lacks lightgbm, which runs trees")
    try:
        text = text_of(sums, features)
    except ValueError as error:
        raise NoTrees(str(error)) from error
    leaves = [leaves_of(tree) for tree in sums.trees]
    firsts = np.cumsum([0, *map(len, leaves)])[:-1]
    (folder / boosted.FILE).write_bytes(text)
    np.savez(folder / VALUES, allow_pickle=False, values=np.concatenate(leaves), firsts=firsts)
    return {"outputs": sums.outputs, "divisor": sums.divisor}


def of_sklearn(model: Any, function: str, features: int, folder: Path) -> Mapping[str, Any]:  # noqa: ANN401
    """Write a model of scikit-learn; NoTrees says what is not built."""
    from leadsman_serving.plans.tree_sums import (  # noqa: PLC0415 - images without the library
        CLASSIFIERS,
        GRADIENTS,
        HISTOGRAMS,
        REGRESSORS,
        sums_of,
    )

    if not isinstance(model, (*CLASSIFIERS, *REGRESSORS)):
        raise NoTrees(f"{type(model).__name__} is no ensemble of trees")
    try:
        sums = sums_of(model)
    except ValueError as error:
        raise NoTrees(str(error)) from error
    settings = _meaning(getattr(model, "classes_", None), function)
    if isinstance(model, (*GRADIENTS, *HISTOGRAMS)):
        settings |= _of_boosting(model, isinstance(model, GRADIENTS))
    elif settings["kind"] == boosted.BINARY:
        settings["kind"] = boosted.CLASSES  # a sum for each of the two
    return {**settings, **written(sums, features, folder)}


def of_xgboost(
    raw: bytes,
    labels: Any,  # noqa: ANN401 - of NumPy
    function: str,
    features: int,
    iterations: int,
    folder: Path,
) -> Mapping[str, Any]:
    """Write a booster of XGBoost, told in its own JSON; NoTrees says what is not built."""
    from leadsman_serving.plans.tree_sums_of_xgboost import (  # noqa: PLC0415 - only to compile
        sums_of_xgboost,
    )

    found = sums_of_xgboost(raw, iterations)
    settings = _meaning(labels, function)
    if settings["classes"] is not None and found.link not in (SIGMOID, SOFTMAX):
        raise NoTrees("its objective is not that of its estimator")
    settings |= {"link": found.link, "above": tree_rows.last_of_the_first_class()}
    return {**settings, **written(found.sums, features, folder)}


def _meaning(labels: Any, function: str) -> dict[str, Any]:  # noqa: ANN401 - of any library
    classes = None if isinstance(labels, list) else classes_of(labels)
    kind = boosted.REGRESSION
    if classes is not None:
        kind = boosted.BINARY if len(classes) == _TWO else boosted.CLASSES
    return {
        "kind": kind, "classes": classes, "function": function, "link": IDENTITY, "above": 0.0,
    }  # fmt: skip


def _of_boosting(model: Any, at_least: bool) -> dict[str, Any]:  # noqa: ANN401, FBT001
    """How scikit-learn's boosting turns sums into answers."""
    classes = getattr(model, "classes_", None)
    if classes is None:
        link = type(getattr(getattr(model, "_loss", None), "link", None)).__name__
        return {"link": EXP if link == "LogLink" else IDENTITY}
    if model.loss != "log_loss":
        raise NoTrees(f"its loss {model.loss} is not built")
    # A sum of zero is of the second class in the one, and of the first in the other.
    above = float(np.nextafter(0.0, -1.0)) if at_least else 0.0
    return {"link": SIGMOID if len(classes) == _TWO else SOFTMAX, "above": above}
