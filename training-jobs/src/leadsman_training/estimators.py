"""The built-in estimators: one pipeline that takes the columns as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
_KNOWN = tuple(one for one in Algorithm if one is not Algorithm.AUTO)
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
    algorithm, own = chosen(algorithm, parameters)
    estimator = made(algorithm, own, seed, classes=classes)
    if algorithm is Algorithm.XGBOOST and classes and not _are_numbered(target):
        # XGBoost knows its classes by numbers from 0 only; this one numbers them for it.
        estimator = VotingClassifier([(str(algorithm), estimator)], voting="soft")
    return make_pipeline(preprocessing(columns, scale=algorithm is Algorithm.LINEAR), estimator)


def chosen(algorithm: Algorithm, parameters: Mapping[str, Any]) -> tuple[Algorithm, dict[str, Any]]:
    """The estimator that is meant, and its parameters by its own names.

    In a shared space each bears its algorithm's name.
    """
    left = dict(parameters)
    if algorithm is Algorithm.AUTO:
        algorithm = _named(left.pop(ALGORITHM, Algorithm.HIST_GRADIENT_BOOSTING))
    return algorithm, {name.rpartition("__")[2]: value for name, value in left.items()}


def made(algorithm: Algorithm, own: Mapping[str, Any], seed: int, *, classes: bool) -> Any:  # noqa: ANN401 - of any library
    """The estimator alone; NoUse for parameters that it does not take."""
    try:
        return _makers(classes=classes)[algorithm](seed).set_params(**own)
    except (TypeError, ValueError) as error:
        raise NoUse(
            Reason.SPEC_INVALID,
            f"{algorithm} does not take the parameters {sorted(own)}: {error}"[:900],
        ) from error


def _named(name: object) -> Algorithm:
    """The estimator of a name; NoUse names those that are known."""
    found = next((one for one in _KNOWN if one == name), None)
    if found is None:
        raise NoUse(
            Reason.SPEC_INVALID, f"there is no algorithm {name!r}; there are {', '.join(_KNOWN)}"
        )
    return found


def _are_numbered(target: pd.Series) -> bool:
    """Whether the classes are 0, 1, 2 and so on."""
    known = sorted(target.unique().tolist())
    return known == list(range(len(known)))


def preprocessing(columns: pd.DataFrame, *, scale: bool) -> ColumnTransformer:
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
        # By itself it would stop early from 10,000 rows on, and leave out a tenth of them.
        Algorithm.HIST_GRADIENT_BOOSTING: lambda seed: boosting(
            random_state=seed, early_stopping=False
        ),
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


@dataclass(frozen=True, slots=True)
class _Space:
    """What is searched of an estimator, and where in it the estimator's own defaults lie."""

    parameters: Mapping[str, Any]
    defaults: Mapping[str, Any]


def _forest(max_features: str | None) -> _Space:
    """Trees grow as they like: the rows of a leaf bound them."""
    return _Space(
        {
            "n_estimators": {"int": [20, 300], "log": True},
            "min_samples_leaf": {"int": [1, 20], "log": True},
            "max_features": {"categorical": ["sqrt", "log2", None]},
        },
        {"n_estimators": 100, "min_samples_leaf": 1, "max_features": max_features},
    )


_RATE = {"float": [0.01, 0.3], "log": True}
_ROUNDS = {"int": [30, 300], "log": True}
_BOOSTED: dict[Algorithm, _Space] = {
    Algorithm.HIST_GRADIENT_BOOSTING: _Space(
        {
            "learning_rate": _RATE,
            "max_iter": _ROUNDS,
            "max_leaf_nodes": {"int": [4, 64], "log": True},
            "min_samples_leaf": {"int": [2, 50], "log": True},
            "l2_regularization": {"float": [1e-6, 10.0], "log": True},
        },
        {
            "learning_rate": 0.1, "max_iter": 100, "max_leaf_nodes": 31, "min_samples_leaf": 20,
            "l2_regularization": 1e-6,
        },
    ),
    Algorithm.XGBOOST: _Space(
        {
            "learning_rate": _RATE,
            "n_estimators": _ROUNDS,
            "max_depth": {"int": [2, 10]},
            "subsample": {"float": [0.5, 1.0]},
            "reg_lambda": {"float": [0.001, 10.0], "log": True},
        },
        {
            "learning_rate": 0.3, "n_estimators": 100, "max_depth": 6, "subsample": 1.0,
            "reg_lambda": 1.0,
        },
    ),
    Algorithm.LIGHTGBM: _Space(
        {
            "learning_rate": _RATE,
            "n_estimators": _ROUNDS,
            "num_leaves": {"int": [4, 128], "log": True},
            "min_child_samples": {"int": [2, 50], "log": True},
        },
        {"learning_rate": 0.1, "n_estimators": 100, "num_leaves": 31, "min_child_samples": 20},
    ),
}  # fmt: skip
_PENALTY = {"float": [0.001, 100.0], "log": True}


def _spaces(*, classes: bool) -> dict[Algorithm, _Space]:
    """Those of all estimators, the most useful by their defaults first."""
    forest = _forest("sqrt" if classes else None)
    penalty = "C" if classes else "alpha"
    return {
        Algorithm.HIST_GRADIENT_BOOSTING: _BOOSTED[Algorithm.HIST_GRADIENT_BOOSTING],
        Algorithm.LINEAR: _Space({penalty: _PENALTY}, {penalty: 1.0}),
        Algorithm.RANDOM_FOREST: forest,
        Algorithm.EXTRA_TREES: forest,
        Algorithm.LIGHTGBM: _BOOSTED[Algorithm.LIGHTGBM],
        Algorithm.XGBOOST: _BOOSTED[Algorithm.XGBOOST],
    }


def default_space(algorithm: Algorithm, *, classes: bool) -> dict[str, Parameter]:
    """The space of an estimator when the spec has none; that of `auto` asks for the estimator.

    There each parameter bears the name of its estimator, and exists only with it.
    """
    spaces = _spaces(classes=classes)
    if algorithm is not Algorithm.AUTO:
        own = spaces[algorithm].parameters
        return {name: _parameter(one) for name, one in own.items()}
    space = {ALGORITHM: _parameter({"categorical": [str(one) for one in _KNOWN]})}
    for one in _KNOWN:
        when = {"parameter": ALGORITHM, "in": [str(one)]}
        for name, described in spaces[one].parameters.items():
            space[f"{one}__{name}"] = _parameter({**described, "when": when})
    return space


def default_trials(algorithm: Algorithm, *, classes: bool) -> list[dict[str, Any]]:
    """The estimators' own defaults as parameters of the default space, the most useful first."""
    spaces = _spaces(classes=classes)
    if algorithm is not Algorithm.AUTO:
        return [dict(spaces[algorithm].defaults)]
    return [
        {ALGORITHM: str(one), **{f"{one}__{name}": value for name, value in own.defaults.items()}}
        for one, own in spaces.items()
    ]


def _parameter(described: Mapping[str, Any]) -> Parameter:
    return Parameter.model_validate(described)
