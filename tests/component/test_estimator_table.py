"""Every estimator of scikit-learn, and which engine serves it: equal on rows that no proof saw.

Data with columns of very different sizes, one that never changes and one of whole numbers.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import all_estimators

from leadsman_serving.columns import Column
from leadsman_serving.flavors.estimators import Estimator
from leadsman_serving.model import Model
from leadsman_serving.plans.compile import compile_model
from leadsman_serving.plans.stored import FOLDER, load_plan
from leadsman_serving.schema import Schema
from leadsman_serving.table import Table
from support.repository import ROOT

pytestmark = pytest.mark.filterwarnings("ignore")

NUMPY, TREES, COMPOSED = "numpy", "trees", "composed"
ONNX, ORIGINAL = "onnx", "original"
_NAMES: Mapping[str, str] = {
    NUMPY: """
        ARDRegression BayesianRidge ElasticNet ElasticNetCV GammaRegressor GaussianNB
        HuberRegressor Lars LarsCV Lasso LassoCV LassoLars LassoLarsCV LassoLarsIC
        LinearDiscriminantAnalysis LinearRegression LinearSVC LinearSVR LogisticRegression
        LogisticRegressionCV MLPClassifier MLPRegressor MultiTaskElasticNet
        MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV OrthogonalMatchingPursuit
        OrthogonalMatchingPursuitCV PassiveAggressiveClassifier PassiveAggressiveRegressor
        Perceptron PoissonRegressor QuantileRegressor RANSACRegressor Ridge RidgeCV
        RidgeClassifier RidgeClassifierCV SGDClassifier SGDRegressor TheilSenRegressor
        TweedieRegressor
    """,
    TREES: """
        DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor
        ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier
        GradientBoostingRegressor HistGradientBoostingClassifier HistGradientBoostingRegressor
        RandomForestClassifier RandomForestRegressor
    """,
    COMPOSED: """
        BaggingClassifier BaggingRegressor CalibratedClassifierCV MultiOutputRegressor
        OneVsOneClassifier OneVsRestClassifier StackingClassifier StackingRegressor
        TransformedTargetRegressor VotingClassifier VotingRegressor
    """,
    ONNX: """
        AdaBoostRegressor BernoulliNB GaussianProcessRegressor NuSVC PLSRegression SVC
    """,
    # The converter builds a graph that answers otherwise, or none: the proof says which.
    ORIGINAL: """
        AdaBoostClassifier DummyClassifier DummyRegressor GaussianProcessClassifier
        KNeighborsClassifier KNeighborsRegressor KernelRidge LabelPropagation LabelSpreading
        MultiOutputClassifier NearestCentroid NuSVR OutputCodeClassifier
        QuadraticDiscriminantAnalysis RadiusNeighborsClassifier RadiusNeighborsRegressor
        RegressorChain SVR
    """,
}
ENGINES = {name: engine for engine, names in _NAMES.items() for name in names.split()}
LEFT_OUT: Mapping[str, str] = {
    "CCA": "takes several targets, and is no regressor of rows",
    "CategoricalNB": "takes codes of categories",
    "ClassifierChain": "takes several targets of numbers",
    "ComplementNB": "takes counts",
    "FixedThresholdClassifier": "takes two classes",
    "IsotonicRegression": "takes one column",
    "MultinomialNB": "takes counts",
    "PLSCanonical": "takes several targets, and is no regressor of rows",
    "SelfTrainingClassifier": "takes rows without labels",
    "TunedThresholdClassifierCV": "takes two classes",
}
CLOSENESS = {NUMPY: 1e-9, TREES: 1e-12, COMPOSED: 1e-9, ONNX: 1e-6}
QUICK: Mapping[str, Any] = {"n_estimators": 8, "max_iter": 60}
CLASSIFIERS = dict(all_estimators("classifier"))
REGRESSORS = dict(all_estimators("regressor"))
SPREADS = np.array([1e-4, 1.0, 1e4, 1.0, 0.0])
WORDS = np.array(["low", "middle", "high"])


def drawn(count: int, seed: int) -> Any:
    """Rows of columns of different sizes."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(count, 5)) * SPREADS
    rows[:, 3] = chance.integers(0, 7, count)
    return rows + np.array([0, 5, 0, 0, 3])


SEEN, FRESH = drawn(150, 0), drawn(40, 1)
SCORE = SEEN[:, 0] * 1e4 + SEEN[:, 1] + (SEEN[:, 3] > 3)
TARGETS = np.exp(SCORE / 4)
LABELS = WORDS[np.digitize(SCORE, np.quantile(SCORE, [0.33, 0.66]))]
SEVERAL = ("MultiOutput", "MultiTask", "RegressorChain")


def fitted(name: str) -> Any:
    """The estimator with its defaults, as far as they are quick."""
    is_classifier = name in CLASSIFIERS
    kind = CLASSIFIERS[name] if is_classifier else REGRESSORS[name]
    taken = inspect.signature(kind).parameters
    line = LogisticRegression() if is_classifier else Ridge()
    tree = (DecisionTreeClassifier if is_classifier else DecisionTreeRegressor)(max_depth=3)
    chosen = {key: value for key, value in QUICK.items() if key in taken}
    if name.startswith(
        ("Lasso", "MultiTask", "Lars", "Elastic", "SGD", "Quantile", "TheilSen", "Orth")
    ):
        chosen.pop("max_iter", None)
    if "reg_param" in taken:  # a column that never changes
        chosen["reg_param"] = 0.1
    if "random_state" in taken:
        chosen["random_state"] = 0
    if "estimators" in taken:
        chosen["estimators"] = [("line", line), ("tree", tree)]
    elif "estimator" in taken and taken["estimator"].default is inspect.Parameter.empty:
        chosen["estimator"] = line
    known = LABELS if is_classifier else TARGETS
    if name.startswith(SEVERAL):
        known = np.column_stack([known, known[::-1]])
    return kind(**chosen).fit(SEEN, known)


def test_no_estimator_is_forgotten() -> None:
    """A new release of the library may bring some."""
    assert set(ENGINES).isdisjoint(LEFT_OUT)
    assert {*ENGINES, *LEFT_OUT} == {*CLASSIFIERS, *REGRESSORS}


def test_the_readme_names_the_engine_of_each() -> None:
    """Users choose estimators by it."""
    text = (ROOT / "serving-runtime/README.md").read_text()
    told = {
        name: engine
        for engine, names in re.findall(r"^\| (\w+) \| ([\w, ]+) \|$", text, re.MULTILINE)
        if engine in _NAMES
        for name in names.split(", ")
    }

    assert told == ENGINES


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_each_estimator_is_served_by_its_engine(name: str, tmp_path: Path) -> None:
    """By the fastest that is equal; where none is, by the original, and a sentence says why."""
    estimator = fitted(name)
    columns = tuple(Column(f"x{place}", "double") for place in range(SEEN.shape[1]))
    example = tuple(SEEN[:5].tolist())
    model = Model(
        Estimator(estimator), Schema(columns, allows_missing=False), "sklearn", None, example
    )

    done = compile_model(model, "d", tmp_path)

    assert (done.plan.backend if done.plan else ORIGINAL) == ENGINES[name], done.refused
    if done.plan is None:
        assert done.refused
        return
    plan: Any = load_plan(tmp_path / FOLDER, done.plan.backend, done.plan.settings)
    check(plan, estimator, CLOSENESS[done.plan.backend])


def check(plan: Any, estimator: Any, closeness: float) -> None:
    """Rows that the proof never saw: all together, and each by itself."""
    given, wanted = plan.predict(Table(matrix=FRESH)), estimator.predict(FRESH)
    alone = [plan.row(row) for row in FRESH.tolist()]
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(given, wanted, rtol=closeness, atol=1e-9)
        np.testing.assert_allclose(alone, wanted, rtol=closeness, atol=1e-9)
    else:
        np.testing.assert_array_equal(given, wanted)
        assert alone == wanted.tolist()
    if hasattr(estimator, "predict_proba"):
        shares, theirs = plan.probabilities(Table(matrix=FRESH)), estimator.predict_proba(FRESH)
        np.testing.assert_allclose(shares, theirs, rtol=closeness, atol=1e-9)


def test_the_comparison_finds_a_plan_that_is_a_little_off(tmp_path: Path) -> None:
    """One weight in a thousand is enough, whatever the proof has said."""
    estimator = fitted("Ridge")
    columns = tuple(Column(f"x{place}", "double") for place in range(SEEN.shape[1]))
    example = tuple(SEEN[:5].tolist())
    model = Model(
        Estimator(estimator), Schema(columns, allows_missing=False), "sklearn", None, example
    )
    done = compile_model(model, "d", tmp_path)
    assert done.plan is not None
    plan = load_plan(tmp_path / FOLDER, done.plan.backend, done.plan.settings)
    estimator.coef_ = estimator.coef_ * 1.001

    with pytest.raises(AssertionError):
        check(plan, estimator, CLOSENESS[NUMPY])
