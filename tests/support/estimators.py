"""Every estimator of scikit-learn, LightGBM and XGBoost, with the engine that serves it."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import xgboost
from sklearn import (
    calibration,
    ensemble,
    linear_model,
    model_selection,
    multiclass,
    naive_bayes,
    neural_network,
    tree,
)  # fmt: skip
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

NUMPY, TREES, COMPOSED, ONNX, ORIGINAL = "numpy", "trees", "composed", "onnx", "original"
LIGHTGBM, XGBOOST = "lightgbm", "xgboost"
_NAMES: Mapping[str, str] = {
    NUMPY: """
        ARDRegression BayesianRidge BernoulliNB ComplementNB ElasticNet ElasticNetCV GammaRegressor
        GaussianNB HuberRegressor Lars LarsCV Lasso LassoCV LassoLars LassoLarsCV LassoLarsIC
        LinearDiscriminantAnalysis LinearRegression LinearSVC LinearSVR LogisticRegression
        LogisticRegressionCV MLPClassifier MLPRegressor MultinomialNB MultiTaskElasticNet
        MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV OrthogonalMatchingPursuit
        OrthogonalMatchingPursuitCV PassiveAggressiveClassifier PassiveAggressiveRegressor
        Perceptron PoissonRegressor QuadraticDiscriminantAnalysis QuantileRegressor RANSACRegressor
        Ridge RidgeCV RidgeClassifier RidgeClassifierCV SGDClassifier SGDRegressor
        SelfTrainingClassifier TheilSenRegressor TweedieRegressor
    """,
    TREES: """
        DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor
        ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier
        GradientBoostingRegressor HistGradientBoostingClassifier HistGradientBoostingRegressor
        RandomForestClassifier RandomForestRegressor
        XGBClassifier XGBRanker XGBRegressor XGBRFClassifier XGBRFRegressor
    """,
    LIGHTGBM: "LGBMClassifier LGBMRanker LGBMRegressor",
    COMPOSED: """
        AdaBoostClassifier BaggingClassifier BaggingRegressor CalibratedClassifierCV
        FixedThresholdClassifier MultiOutputRegressor OneVsOneClassifier OneVsRestClassifier
        StackingClassifier StackingRegressor TransformedTargetRegressor TunedThresholdClassifierCV
        VotingClassifier VotingRegressor
    """,
    ONNX: """
        AdaBoostRegressor GaussianProcessRegressor NuSVC PLSRegression SVC
    """,
    # The converter builds a graph that answers otherwise, or none: the proof says which.
    ORIGINAL: """
        CCA CategoricalNB ClassifierChain DummyClassifier
        DummyRegressor GaussianProcessClassifier IsotonicRegression
        KNeighborsClassifier KNeighborsRegressor KernelRidge LabelPropagation LabelSpreading
        MultiOutputClassifier NearestCentroid NuSVR OutputCodeClassifier
        PLSCanonical RadiusNeighborsClassifier
        RadiusNeighborsRegressor RegressorChain SVR
    """,
}
ENGINES = {name: engine for engine, names in _NAMES.items() for name in names.split()}
"""Of each estimator with its defaults, as far as they are quick."""
BOOSTERS: Mapping[str, type] = {
    kind.__name__: kind
    for module, base in ((lightgbm, lightgbm.LGBMModel), (xgboost, xgboost.XGBModel))
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, base) and kind is not base
    and not kind.__name__.startswith("Dask")
}  # fmt: skip
_CLASSIFIERS = dict(all_estimators("classifier"))
LIBRARY: Mapping[str, type] = {**_CLASSIFIERS, **dict(all_estimators("regressor")), **BOOSTERS}
_DATA: Mapping[str, str] = {
    "one column": "IsotonicRegression",
    "counts": "CategoricalNB ComplementNB MultinomialNB",
    "kinds": "ClassifierChain MultiOutputClassifier",
    "amounts": """
        CCA MultiOutputRegressor MultiTaskElasticNet MultiTaskElasticNetCV MultiTaskLasso
        MultiTaskLassoCV PLSCanonical RegressorChain
    """,
    "two": "FixedThresholdClassifier SelfTrainingClassifier TunedThresholdClassifierCV",
    "three numbered": "XGBClassifier XGBRFClassifier",
    "ranks": "LGBMRanker XGBRanker",
}
_FITTED_WITH = {name: data for data, names in _DATA.items() for name in names.split()}
_QUICK: Mapping[str, Any] = {
    "n_estimators": 8, "random_state": 0, "n_jobs": 1,
    "reg_param": 0.1,  # a column never changes
}  # fmt: skip
_FEW: Mapping[str, Any] = {"n_estimators": 5, "random_state": 0}
_LOGISTIC, _RIDGE = linear_model.LogisticRegression(), linear_model.Ridge()
_TREE = tree.DecisionTreeClassifier(max_depth=3, random_state=0)
_GUESS = tree.DecisionTreeRegressor(max_depth=3, random_state=0)
_FOREST = ensemble.RandomForestClassifier(**_FEW)
_VOTERS = [("line", _LOGISTIC), ("tree", _TREE)]
_GUESSERS = [("line", _RIDGE), ("tree", _GUESS)]
_BOOSTED: Mapping[str, Any] = {"n_estimators": 5, "n_jobs": 1}
_OF_NAMES: Mapping[str, Mapping[str, Any]] = {
    "HistGradientBoosting": {"max_iter": 8},
    "LGBM": {"verbose": -1},
    "LogisticRegressionCV": {
        "Cs": 3, "cv": 3, "l1_ratios": (0.0,), "use_legacy_attributes": False,
    },
    "MLP": {"max_iter": 30},
    "SelfTraining": {"estimator": _LOGISTIC},
    "Stacking": {"cv": 3},
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An estimator that is not yet fitted."""

    estimator: Any
    engine: str
    data: str
    """Key of `estimator_rows.DATA`."""


def _usual(name: str) -> Any:
    """An estimator of a library with its defaults, as far as they are quick."""
    kind, sorts = LIBRARY[name], name in _CLASSIFIERS
    taken = inspect.signature(kind).parameters
    needed = {}
    if "estimators" in taken:
        needed["estimators"] = _VOTERS if sorts else _GUESSERS
    elif "estimator" in taken and taken["estimator"].default is inspect.Parameter.empty:
        needed["estimator"] = _LOGISTIC if sorts else _RIDGE
    for names, more in _OF_NAMES.items():
        needed |= more if name.startswith(names) else {}
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # deprecated ones
        made = kind(**needed)
    known = made.get_params(deep=False)
    return made.set_params(**{key: one for key, one in _QUICK.items() if key in known})


def _library() -> Iterator[tuple[str, Case]]:
    """Each estimator of the libraries; one that tells three classes apart, with two as well."""
    for name, engine in ENGINES.items():
        sorts = name.endswith("Classifier") or name in _CLASSIFIERS
        data = _FITTED_WITH.get(name, "three" if sorts else "amount")
        yield name, Case(_usual(name), engine, data)
        if data.startswith("three") and engine != ORIGINAL:
            yield f"{name} of two", Case(_usual(name), engine, "two")


_CALIBRATED, _SEARCH = calibration.CalibratedClassifierCV, model_selection.GridSearchCV
_OPTIONS: Mapping[str, tuple[Any, str, str]] = {
    "BaggingClassifier of lines": (
        ensemble.BaggingClassifier(_LOGISTIC, **_FEW), COMPOSED, "three",
    ),
    "BaggingRegressor of lines": (ensemble.BaggingRegressor(_RIDGE, **_FEW), COMPOSED, "amount"),
    "AdaBoostClassifier of lines": (
        ensemble.AdaBoostClassifier(_LOGISTIC, **_FEW), COMPOSED, "three",
    ),
    "BernoulliNB of counts": (naive_bayes.BernoulliNB(binarize=1.5), NUMPY, "counts"),
    "ComplementNB normed": (naive_bayes.ComplementNB(norm=True), NUMPY, "counts"),
    "CalibratedClassifierCV isotonic": (
        _CALIBRATED(_LOGISTIC, method="isotonic", cv=3), COMPOSED, "three",
    ),
    "CalibratedClassifierCV of a forest": (_CALIBRATED(_FOREST, cv=3), COMPOSED, "three"),
    "GridSearchCV": (_SEARCH(_LOGISTIC, {"C": [0.1, 1.0]}, cv=3), NUMPY, "three"),
    "LGBMClassifier dart": (
        lightgbm.LGBMClassifier(boosting_type="dart", verbose=-1, **_BOOSTED), LIGHTGBM, "three",
    ),
    "LGBMClassifier one against all": (
        lightgbm.LGBMClassifier(objective="multiclassova", num_class=3, verbose=-1, **_BOOSTED),
        LIGHTGBM, "three",
    ),
    "LinearRegression of several": (linear_model.LinearRegression(), NUMPY, "amounts"),
    "LogisticRegression liblinear": (
        multiclass.OneVsRestClassifier(linear_model.LogisticRegression(solver="liblinear")),
        COMPOSED, "three",
    ),
    "MLPClassifier tanh": (
        neural_network.MLPClassifier((8,), activation="tanh", max_iter=30, random_state=0),
        NUMPY, "three",
    ),
    "MLPRegressor of two layers": (
        neural_network.MLPRegressor(hidden_layer_sizes=(8, 4), max_iter=30, random_state=0),
        NUMPY, "amounts",
    ),
    "OneVsRestClassifier of forests": (
        multiclass.OneVsRestClassifier(_FOREST), COMPOSED, "three",
    ),
    "RandomForestRegressor of several": (
        ensemble.RandomForestRegressor(**_FEW), TREES, "amounts",
    ),
    "Ridge of several": (_RIDGE, NUMPY, "amounts"),
    "SGDClassifier with shares": (
        make_pipeline(
            StandardScaler(), linear_model.SGDClassifier(loss="log_loss", random_state=0)
        ),
        NUMPY, "three",
    ),
    "StackingClassifier passthrough": (
        ensemble.StackingClassifier(_VOTERS, cv=3, passthrough=True), COMPOSED, "three",
    ),
    "TransformedTargetRegressor by a function": (
        TransformedTargetRegressor(_RIDGE, func=np.log1p, inverse_func=np.expm1), COMPOSED,
        "amount",
    ),
    "TransformedTargetRegressor scaled": (
        TransformedTargetRegressor(_RIDGE, transformer=StandardScaler()), COMPOSED, "amount",
    ),
    "TweedieRegressor of claims": (
        linear_model.TweedieRegressor(power=1.5, max_iter=500), NUMPY, "amount",
    ),
    "VotingClassifier soft": (
        ensemble.VotingClassifier(_VOTERS, voting="soft", weights=[2, 1]), COMPOSED, "three",
    ),
    "VotingRegressor weighted": (
        ensemble.VotingRegressor(_GUESSERS, weights=[1, 3]), COMPOSED, "amount",
    ),
}  # fmt: skip
_OBJECTIVES: Mapping[str, str] = {
    LIGHTGBM: "regression regression_l1 huber fair poisson quantile mape gamma tweedie",
    TREES: """
        reg:squarederror reg:pseudohubererror reg:absoluteerror count:poisson reg:gamma
        reg:tweedie
    """,
    XGBOOST: "reg:squaredlogerror reg:quantileerror survival:cox",
}


def _by_objective() -> Iterator[tuple[str, Case]]:
    for engine, names in _OBJECTIVES.items():
        for objective in names.split():
            more = {**_BOOSTED, "objective": objective}
            yield (
                f"Regressor {objective}",
                Case(
                    lightgbm.LGBMRegressor(**more, verbose=-1)
                    if engine == LIGHTGBM
                    else xgboost.XGBRegressor(**more, quantile_alpha=0.7),
                    engine,
                    "amount",
                ),
            )


CASES: Mapping[str, Case] = {
    **dict(_library()),
    **{name: Case(*options) for name, options in _OPTIONS.items()},
    **dict(_by_objective()),
}
