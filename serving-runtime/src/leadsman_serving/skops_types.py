"""The types that a skops file may hold under `loading: Safe`.

Ours, and not the list that a model brings along: whoever writes the model writes that too. Each
name was chosen because building it runs no code of the file's. Whole packages can't be allowed:
the distributions of scipy.stats, say, execute text that lies in their state.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

_BY_MODULE = {
    "builtins": "object slice",
    "collections": "Counter OrderedDict defaultdict deque",
    "numpy": "dtype max mean median min nanmax nanmean nanmedian nanmin",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "scipy.interpolate._bsplines": "BSpline",
    "scipy.sparse._bsr": "bsr_array bsr_matrix",
    "scipy.sparse._coo": "coo_array coo_matrix",
    "scipy.sparse._csc": "csc_array csc_matrix",
    "scipy.sparse._csr": "csr_array csr_matrix",
    "sklearn._loss.link": (
        "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit"
    ),
    "sklearn._loss.loss": (
        "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss"
        " HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss"
        " PinballLoss"
    ),
    "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
    "sklearn.compose._column_transformer": "make_column_selector",
    "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.feature_selection._univariate_selection": (
        "chi2 f_classif f_oneway f_regression r_regression"
    ),
    "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels": (
        "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter"
        " Matern PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel"
    ),
    "sklearn.metrics._classification": (
        "accuracy_score balanced_accuracy_score f1_score fbeta_score log_loss precision_score"
        " recall_score"
    ),
    "sklearn.metrics._dist_metrics": (
        "ChebyshevDistance32 ChebyshevDistance64 EuclideanDistance32 EuclideanDistance64"
        " HammingDistance32 HammingDistance64 HaversineDistance32 HaversineDistance64"
        " ManhattanDistance32 ManhattanDistance64 MinkowskiDistance32 MinkowskiDistance64"
        " SEuclideanDistance32 SEuclideanDistance64"
    ),
    "sklearn.metrics._ranking": "average_precision_score roc_auc_score",
    "sklearn.metrics._regression": (
        "mean_absolute_error mean_squared_error r2_score root_mean_squared_error"
    ),
    "sklearn.metrics._scorer": "_CurveScorer _PassthroughScorer _Scorer",
    "sklearn.model_selection._split": (
        "GroupKFold GroupShuffleSplit KFold RepeatedKFold RepeatedStratifiedKFold ShuffleSplit"
        " StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit"
    ),
    "sklearn.multiclass": "_ConstantPredictor",
    "sklearn.neighbors._ball_tree": "BallTree BallTree32 BallTree64",
    "sklearn.neighbors._kd_tree": "KDTree KDTree32 KDTree64",
    "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "sklearn.tree._tree": "Tree",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
    "lightgbm.basic": "Booster",
    "lightgbm.sklearn": "LGBMClassifier LGBMModel LGBMRanker LGBMRegressor",
    "xgboost.core": "Booster",
    "xgboost.sklearn": (
        "XGBClassifier XGBModel XGBRFClassifier XGBRFRegressor XGBRanker XGBRegressor"
    ),
}

ALLOWED = frozenset(
    f"{module}.{name}" for module, names in _BY_MODULE.items() for name in names.split()
)
"""Beside the types that skops itself vouches for, such as scikit-learn's public estimators."""

_KNOWN_ROOTS = frozenset({"functools", "operator", *(name.split(".")[0] for name in _BY_MODULE)})
_SCHEMA = "schema.json"


def foreign_types(file: Path) -> list[str]:
    """Types of packages that are never allowed, found without importing any library.

    The quick look of the fetch step; the server asks skops itself before it loads.
    Raises ValueError for what is no skops file.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            content = json.loads(archive.read(_SCHEMA))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file.name} is no skops file: {error}") from error
    named = {name for name in _names(content) if name.split(".")[0] not in _KNOWN_ROOTS}
    return sorted(named)


def _names(node: object) -> Iterator[str]:
    """Every type and function that a node or one below it names."""
    if isinstance(node, dict):
        if isinstance(node.get("__module__"), str):
            yield f"{node['__module__']}.{node.get('__class__')}"
        for value in node.values():
            yield from _names(value)
    elif isinstance(node, list):
        for value in node:
            yield from _names(value)
