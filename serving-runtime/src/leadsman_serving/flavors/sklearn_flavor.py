"""Models of scikit-learn."""

from __future__ import annotations

from leadsman_api.v1alpha1.model_source import Loading
from leadsman_serving.flavors.estimators import Estimator, load_estimator
from leadsman_serving.model_file import ModelFile


def load(file: ModelFile, loading: Loading) -> Estimator:
    """The estimator, with the method that MLflow was told to serve."""
    function = file.flavor("python_function").get("predict_fn", "predict")
    return Estimator(load_estimator(file, "sklearn", loading), str(function))
