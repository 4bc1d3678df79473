"""Transformers of numbers before a model: whichever has a plan gives what the original gives."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import decomposition, feature_selection, linear_model, preprocessing
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from support.compiled_plans import check, compiled, loaded, numbered
from support.estimator_rows import AMOUNT, FRESH, SEEN, TWO

pytestmark = pytest.mark.filterwarnings("ignore")

RIDGE = linear_model.Ridge()
BINS = preprocessing.KBinsDiscretizer
BUILT: Mapping[str, Any] = {
    "Binarizer": preprocessing.Binarizer(threshold=0.5),
    "FunctionTransformer": preprocessing.FunctionTransformer(np.arcsinh),
    "GenericUnivariateSelect": feature_selection.GenericUnivariateSelect(mode="k_best", param=3),
    "KBinsDiscretizer": BINS(4, quantile_method="averaged_inverted_cdf"),
    "KBinsDiscretizer codes": BINS(3, encode="ordinal", strategy="uniform"),
    "KBinsDiscretizer dense": BINS(5, encode="onehot-dense", strategy="kmeans", random_state=0),
    "MaxAbsScaler": preprocessing.MaxAbsScaler(),
    "MinMaxScaler": preprocessing.MinMaxScaler((-1, 2), clip=True),
    "Normalizer": preprocessing.Normalizer(),
    "Normalizer l1": preprocessing.Normalizer("l1"),
    "PCA": decomposition.PCA(3),
    "PCA whitened": decomposition.PCA(3, whiten=True),
    "PolynomialFeatures": preprocessing.PolynomialFeatures(2),
    "PowerTransformer": preprocessing.PowerTransformer(),
    "PowerTransformer alone": preprocessing.PowerTransformer(standardize=False),
    "QuantileTransformer": preprocessing.QuantileTransformer(n_quantiles=20),
    "RobustScaler": preprocessing.RobustScaler(),
    "SelectFwe": feature_selection.SelectFwe(feature_selection.f_regression, alpha=0.5),
    "SelectKBest": feature_selection.SelectKBest(k=2),
    "SequentialFeatureSelector": feature_selection.SequentialFeatureSelector(
        RIDGE, n_features_to_select=2, cv=2
    ),
    "StandardScaler": preprocessing.StandardScaler(),
    "TruncatedSVD": decomposition.TruncatedSVD(3, random_state=0),
    "VarianceThreshold": feature_selection.VarianceThreshold(),
}  # fmt: skip
TINY = [[1e-17, 0.0, -1e-17, 0.0, 0.0], [0.0] * 5, [-1e-3, 1.0, 1e4, 6.0, 3.0]]


@pytest.mark.parametrize("name", BUILT)
def test_a_transformer_has_a_plan(name: str, tmp_path: Path) -> None:
    """Values beyond those that were seen, edges of bins, and rows of next to nothing."""
    pipe = make_pipeline(clone(BUILT[name]), clone(RIDGE)).fit(SEEN, AMOUNT)

    model, done = compiled(pipe, numbered(5), SEEN[:5].tolist(), tmp_path)

    assert done.plan is not None, done.refused
    assert done.plan.backend == "numpy", done.refused
    rows = [*FRESH.tolist(), *(FRESH * 3).tolist(), *SEEN[:20].tolist(), *TINY]
    check(loaded(done, tmp_path), model, rows, "numpy")


LEFT: Mapping[str, Any] = {
    "Normalizer max": preprocessing.Normalizer("max"),
    "QuantileTransformer normal": preprocessing.QuantileTransformer(
        n_quantiles=20, output_distribution="normal"
    ),
    "SplineTransformer": preprocessing.SplineTransformer(3),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_not_built_is_named(name: str, tmp_path: Path) -> None:
    """No plan in two stages; whatever serves instead is equal."""
    pipe = make_pipeline(clone(LEFT[name]), clone(RIDGE)).fit(SEEN, AMOUNT)

    model, done = compiled(pipe, numbered(5), SEEN[:5].tolist(), tmp_path)

    assert any("in two stages: " in reason for reason in done.refused)
    if done.plan is not None:
        check(loaded(done, tmp_path), model, FRESH.tolist(), done.plan.backend)


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(st.sampled_from(sorted(BUILT)), min_size=1, max_size=3),
    seed=st.integers(0, 9999),
)
def test_transformers_in_any_order_are_the_originals(names: list[str], seed: int) -> None:
    """Each takes what the one before has made: a drawn few, over drawn rows."""
    chance = np.random.default_rng(seed)
    seen, fresh = (chance.normal(size=(count, 4)) * [1, 10, 0.1, 3] for count in (80, 20))
    steps = [clone(BUILT[name]) for name in names]
    for step in steps:
        if "n_components" in step.get_params():
            step.set_params(n_components=1)
    line = linear_model.LogisticRegression()
    try:
        pipe = make_pipeline(*steps, line).fit(seen, TWO[:80])
    except ValueError:  # some leave no column, or take no sparse matrix
        return
    with tempfile.TemporaryDirectory() as folder:
        model, done = compiled(pipe, numbered(4), seen[:5].tolist(), Path(folder))
        assert done.plan is not None, done.refused
        check(loaded(done, Path(folder)), model, fresh.tolist(), done.plan.backend)
