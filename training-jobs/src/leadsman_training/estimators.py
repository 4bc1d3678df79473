"""The built-in estimators: one pipeline that takes the columns as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.space import Parameter
from leadsman_api.v1alpha1.trainer import Algorithm
from leadsman_training.errors import NoUse

ALGORITHM = "algorithm"
Made = Callable[..., Any]


def build(
    algorithm: Algorithm,
    parameters: Mapping[str, Any],
    seed: int,
    columns: pd.DataFrame,
    target: pd.Series,
    *,
    classes: bool,
) -> Pipeline:
    """An estimator that is not fitted yet, with the preprocessing that its columns need.

    `columns` shows names and types, `target` the classes; `parameters` go to the estimator as
    they are.
    """
    chosen = dict(parameters)
    if algorithm is Algorithm.AUTO:
        algorithm = _named(chosen.pop(ALGORITHM, Algorithm.HIST_GRADIENT_BOOSTING))
    try:
        estimator = _makers(classes=classes)[algorithm](seed)
        estimator.set_params(**_own(chosen))
    except (TypeError, ValueError) as error:
        raise NoUse(
            Reason.SPEC_INVALID,
            f"{algorithm} does not take the parameters {sorted(chosen)}: {error}"[:900],
        ) from error
    if algorithm is Algorithm.XGBOOST and classes and not _are_numbered(target):
        # XGBoost knows its classes by numbers from 0 only; this one numbers them for it.
        estimator = VotingClassifier([(str(algorithm), estimator)], voting="soft")
    return make_pipeline(_preprocessing(columns, scale=algorithm is Algorithm.LINEAR), estimator)


def _named(name: object) -> Algorithm:
    """The estimator of a name; NoUse names those that are known."""
    found = next((one for one in _SPACES if one == name), None)
    if found is None:
        raise NoUse(
            Reason.SPEC_INVALID, f"there is no algorithm {name!r}; there are {', '.join(_SPACES)}"
        )
    return found


def _are_numbered(target: pd.Series) -> bool:
    """Whether the classes are 0, 1, 2 and so on."""
    known = sorted(target.unique().tolist())
    return known == list(range(len(known)))


def _own(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by the estimator's names: in a shared space each bears its algorithm's."""
    return {name.rpartition("__")[2]: value for name, value in parameters.items()}


def _preprocessing(columns: pd.DataFrame, *, scale: bool) -> ColumnTransformer:
    """Numbers are filled in and scaled where it matters, words become columns of their own."""
    numbers = list(columns.select_dtypes(include=["number", "bool"]).columns)
    words = [name for name in columns.columns if name not in numbers]
    filled: list[Any] = [SimpleImputer(strategy="median")]
    steps = [*filled, StandardScaler()] if scale else filled
    known: list[Any] = [
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, min_frequency=2),
    ]
    parts = [("numbers", make_pipeline(*steps), numbers), ("words", make_pipeline(*known), words)]
    return ColumnTransformer([part for part in parts if part[2]])


def _makers(*, classes: bool) -> dict[Algorithm, Made]:
    """One thread each: the container's share of the CPU is all there is."""
    forest = RandomForestClassifier if classes else RandomForestRegressor
    extra = ExtraTreesClassifier if classes else ExtraTreesRegressor
    boosting = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return {
        Algorithm.LINEAR: _logistic if classes else (lambda seed: Ridge(random_state=seed)),
        Algorithm.RANDOM_FOREST: lambda seed: forest(random_state=seed, n_jobs=1),
        Algorithm.EXTRA_TREES: lambda seed: extra(random_state=seed, n_jobs=1),
        Algorithm.HIST_GRADIENT_BOOSTING: lambda seed: boosting(random_state=seed),
        Algorithm.XGBOOST: lambda seed: _xgboost(seed, classes=classes),
        Algorithm.LIGHTGBM: lambda seed: _lightgbm(seed, classes=classes),
    }


def _logistic(seed: int) -> LogisticRegression:
    return LogisticRegression(max_iter=1000, random_state=seed)


def _xgboost(seed: int, *, classes: bool) -> Any:  # noqa: ANN401 - no types of its own
    import xgboost  # noqa: PLC0415 - only where it is needed

    kind = xgboost.XGBClassifier if classes else xgboost.XGBRegressor
    return kind(random_state=seed, n_jobs=1, verbosity=0)


def _lightgbm(seed: int, *, classes: bool) -> Any:  # noqa: ANN401 - no types of its own
    import lightgbm  # noqa: PLC0415 - only where it is needed

    kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    return kind(random_state=seed, n_jobs=1, verbose=-1)


_FOREST = {
    "n_estimators": {"int": [20, 300], "log": True},
    "max_depth": {"int": [2, 20]},
    "min_samples_leaf": {"int": [1, 20], "log": True},
    "max_features": {"categorical": ["sqrt", "log2", None]},
}
_BOOSTING = {
    "learning_rate": {"float": [0.01, 0.3], "log": True},
    "max_depth": {"int": [2, 10]},
}
_SPACES: dict[Algorithm, dict[str, Any]] = {
    Algorithm.LINEAR: {"C": {"float": [0.001, 100.0], "log": True}},
    Algorithm.RANDOM_FOREST: _FOREST,
    Algorithm.EXTRA_TREES: _FOREST,
    Algorithm.HIST_GRADIENT_BOOSTING: {
        **_BOOSTING,
        "max_iter": {"int": [30, 300], "log": True},
        "l2_regularization": {"float": [1e-6, 10.0], "log": True},
    },
    Algorithm.XGBOOST: {
        **_BOOSTING,
        "n_estimators": {"int": [30, 300], "log": True},
        "subsample": {"float": [0.5, 1.0]},
        "reg_lambda": {"float": [0.001, 10.0], "log": True},
    },
    Algorithm.LIGHTGBM: {
        **_BOOSTING,
        "n_estimators": {"int": [30, 300], "log": True},
        "num_leaves": {"int": [4, 128], "log": True},
        "min_child_samples": {"int": [2, 50], "log": True},
    },
}


def default_space(algorithm: Algorithm, *, classes: bool) -> dict[str, Parameter]:
    """The space of an estimator when the spec has none; that of `auto` asks for the estimator.

    There each parameter bears the name of its estimator, and exists only with it.
    """
    if algorithm is not Algorithm.AUTO:
        return {name: _parameter(one) for name, one in _space(algorithm, classes=classes).items()}
    space = {ALGORITHM: _parameter({"categorical": [str(one) for one in _SPACES]})}
    for one in _SPACES:
        when = {"parameter": ALGORITHM, "in": [str(one)]}
        for name, described in _space(one, classes=classes).items():
            space[f"{one}__{name}"] = _parameter({**described, "when": when})
    return space


def _space(algorithm: Algorithm, *, classes: bool) -> dict[str, Any]:
    if algorithm is Algorithm.LINEAR and not classes:
        return {"alpha": {"float": [0.001, 100.0], "log": True}}
    return _SPACES[algorithm]


def _parameter(described: Mapping[str, Any]) -> Parameter:
    return Parameter.model_validate(described)
