"""Estimators of all kinds with the engine that serves each; the rest with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
import xgboost
from sklearn import (
    calibration,
    discriminant_analysis,
    ensemble,
    linear_model,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neural_network,
    semi_supervised,
    svm,
    tree,
)  # fmt: skip
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEW: dict[str, Any] = {"n_estimators": 5, "random_state": 0}
LOGISTIC = linear_model.LogisticRegression(max_iter=200)
RIDGE = linear_model.Ridge()
TREE = tree.DecisionTreeClassifier(max_depth=3, random_state=0)
GUESS = tree.DecisionTreeRegressor(max_depth=3, random_state=0)
VOTERS, GUESSERS = [("a", LOGISTIC), ("b", TREE)], [("a", RIDGE), ("b", GUESS)]
SVC, SVR = svm.LinearSVC(), svm.LinearSVR()

CLASSIFIERS: Mapping[str, tuple[Any, str]] = {
    "BaggingClassifier": (ensemble.BaggingClassifier(LOGISTIC, **FEW), "composed"),
    "CalibratedClassifierCV": (calibration.CalibratedClassifierCV(SVC, cv=3), "composed"),
    "CalibratedClassifierCV isotonic": (
        calibration.CalibratedClassifierCV(LOGISTIC, method="isotonic", cv=3), "composed",
    ),
    "CalibratedClassifierCV of trees": (
        calibration.CalibratedClassifierCV(ensemble.RandomForestClassifier(**FEW), cv=3),
        "composed",
    ),
    "DecisionTreeClassifier": (TREE, "trees"),
    "ExtraTreeClassifier": (tree.ExtraTreeClassifier(max_depth=4, random_state=0), "trees"),
    "ExtraTreesClassifier": (ensemble.ExtraTreesClassifier(**FEW), "trees"),
    "GaussianNB": (naive_bayes.GaussianNB(), "numpy"),
    "GradientBoostingClassifier": (ensemble.GradientBoostingClassifier(**FEW), "trees"),
    "GridSearchCV": (model_selection.GridSearchCV(LOGISTIC, {"C": [0.1, 1.0]}, cv=3), "numpy"),
    "HistGradientBoostingClassifier": (
        ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=0), "trees",
    ),
    "LGBMClassifier": (lightgbm.LGBMClassifier(n_estimators=5, verbose=-1), "lightgbm"),
    "LGBMClassifier dart": (
        lightgbm.LGBMClassifier(n_estimators=5, boosting_type="dart", verbose=-1), "lightgbm",
    ),
    "LGBMClassifier one against all": (
        lightgbm.LGBMClassifier(n_estimators=5, objective="multiclassova", num_class=3, verbose=-1),
        "lightgbm",
    ),
    "LinearDiscriminantAnalysis": (discriminant_analysis.LinearDiscriminantAnalysis(), "numpy"),
    "LinearSVC": (SVC, "numpy"),
    "LogisticRegression": (LOGISTIC, "numpy"),
    "LogisticRegressionCV": (
        linear_model.LogisticRegressionCV(
            Cs=3, cv=3, l1_ratios=(0.0,), use_legacy_attributes=False
        ),
        "numpy",
    ),
    "MLPClassifier": (
        neural_network.MLPClassifier((8,), activation="tanh", max_iter=30, random_state=0), "numpy",
    ),
    "OneVsOneClassifier": (multiclass.OneVsOneClassifier(LOGISTIC), "composed"),
    "OneVsRestClassifier": (multiclass.OneVsRestClassifier(LOGISTIC), "composed"),
    "OneVsRestClassifier of forests": (
        multiclass.OneVsRestClassifier(ensemble.RandomForestClassifier(**FEW)), "composed",
    ),
    "Perceptron": (linear_model.Perceptron(), "numpy"),
    "RandomForestClassifier": (ensemble.RandomForestClassifier(**FEW), "trees"),
    "RidgeClassifier": (linear_model.RidgeClassifier(), "numpy"),
    "RidgeClassifierCV": (linear_model.RidgeClassifierCV(), "numpy"),
    "SGDClassifier": (
        make_pipeline(
            StandardScaler(), linear_model.SGDClassifier(loss="log_loss", random_state=0)
        ),
        "numpy",
    ),
    "StackingClassifier": (ensemble.StackingClassifier(VOTERS, cv=3), "composed"),
    "StackingClassifier passthrough": (
        ensemble.StackingClassifier(VOTERS, cv=3, passthrough=True), "composed",
    ),
    "VotingClassifier": (
        ensemble.VotingClassifier(VOTERS, voting="soft", weights=[2, 1]), "composed",
    ),
    "VotingClassifier hard": (ensemble.VotingClassifier(VOTERS), "composed"),
}  # fmt: skip
"""Each is fitted for three classes with names."""

TWO_CLASSES: Mapping[str, tuple[Any, str]] = {
    "FixedThresholdClassifier": (
        model_selection.FixedThresholdClassifier(LOGISTIC, threshold=0.3), "composed",
    ),
    "TunedThresholdClassifierCV": (
        model_selection.TunedThresholdClassifierCV(LOGISTIC, cv=3), "composed",
    ),
    "SelfTrainingClassifier": (semi_supervised.SelfTrainingClassifier(LOGISTIC), "numpy"),
    "XGBClassifier": (xgboost.XGBClassifier(n_estimators=5, max_depth=3), "trees"),
    "XGBRFClassifier": (xgboost.XGBRFClassifier(n_estimators=5, max_depth=3), "trees"),
}  # fmt: skip

REGRESSORS: Mapping[str, tuple[Any, str]] = {
    name: (getattr(linear_model, name)(), "numpy")
    for name in (
        "ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "GammaRegressor",
        "HuberRegressor", "Lars", "LarsCV", "Lasso", "LassoCV", "LassoLars", "LassoLarsCV",
        "LassoLarsIC", "LinearRegression", "OrthogonalMatchingPursuit",
        "OrthogonalMatchingPursuitCV", "PoissonRegressor",
        "QuantileRegressor", "RANSACRegressor", "Ridge", "RidgeCV", "SGDRegressor",
        "TheilSenRegressor",
    )
} | {
    "TweedieRegressor": (linear_model.TweedieRegressor(power=1.5, max_iter=500), "numpy"),
    "BaggingRegressor": (ensemble.BaggingRegressor(RIDGE, **FEW), "composed"),
    "DecisionTreeRegressor": (GUESS, "trees"),
    "ExtraTreeRegressor": (tree.ExtraTreeRegressor(max_depth=4, random_state=0), "trees"),
    "ExtraTreesRegressor": (ensemble.ExtraTreesRegressor(**FEW), "trees"),
    "GradientBoostingRegressor": (ensemble.GradientBoostingRegressor(**FEW), "trees"),
    "HistGradientBoostingRegressor": (
        ensemble.HistGradientBoostingRegressor(max_iter=5, random_state=0), "trees",
    ),
    "LinearSVR": (SVR, "numpy"),
    "MLPRegressor": (
        neural_network.MLPRegressor(hidden_layer_sizes=(8, 4), max_iter=30, random_state=0),
        "numpy",
    ),
    "RandomForestRegressor": (ensemble.RandomForestRegressor(**FEW), "trees"),
    "StackingRegressor": (ensemble.StackingRegressor(GUESSERS, cv=3), "composed"),
    "TransformedTargetRegressor": (
        TransformedTargetRegressor(RIDGE, func=np.log1p, inverse_func=np.expm1), "composed",
    ),
    "TransformedTargetRegressor scaled": (
        TransformedTargetRegressor(RIDGE, transformer=StandardScaler()), "composed",
    ),
    "VotingRegressor": (ensemble.VotingRegressor(GUESSERS, weights=[1, 3]), "composed"),
    "XGBRFRegressor": (xgboost.XGBRFRegressor(n_estimators=5, max_depth=3), "trees"),
} | {
    f"LGBMRegressor {one}": (
        lightgbm.LGBMRegressor(n_estimators=5, objective=one, verbose=-1), "lightgbm",
    )
    for one in (
        "regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma",
        "tweedie",
    )
} | {
    f"XGBRegressor {one}": (
        xgboost.XGBRegressor(n_estimators=5, objective=one, quantile_alpha=0.7), engine,
    )
    for engine, objectives in {
        "trees": (
            "reg:squarederror", "reg:pseudohubererror", "reg:absoluteerror", "count:poisson",
            "reg:gamma", "reg:tweedie",
        ),
        "xgboost": ("reg:squaredlogerror", "reg:quantileerror", "survival:cox"),
    }.items()
    for one in objectives
}  # fmt: skip
"""Each is fitted for a target above zero."""

TARGETS: Mapping[str, tuple[Any, str]] = {
    "MultiOutputRegressor": (multioutput.MultiOutputRegressor(RIDGE), "composed"),
    "MultiTaskElasticNet": (linear_model.MultiTaskElasticNet(), "numpy"),
    "MultiTaskElasticNetCV": (linear_model.MultiTaskElasticNetCV(cv=3), "numpy"),
    "MultiTaskLasso": (linear_model.MultiTaskLasso(), "numpy"),
    "MultiTaskLassoCV": (linear_model.MultiTaskLassoCV(cv=3), "numpy"),
    "Ridge": (RIDGE, "numpy"),
    "LinearRegression": (linear_model.LinearRegression(), "numpy"),
    "RandomForestRegressor": (ensemble.RandomForestRegressor(**FEW), "trees"),
}
"""Each is fitted for two targets."""
