"""What colleagues register by hand, past every gate: versions that a rollout has to catch.

    colleague.py NAME good     a sound model
    colleague.py NAME errors   its encoder knows only the numbers it has seen: a fifth of rows fail
    colleague.py NAME broken   the same, fitted on five rows: all others fail
    colleague.py NAME slow     three hundred models that vote, where a line would do
    colleague.py NAME contrary fitted on the diagnoses turned round: it answers well, and says no
    colleague.py NAME crash    loads well, and ends its process on the first request

Each is a scikit-learn pipeline on the Wisconsin breast cancer data, logged as MLflow does it by
default, registered under NAME, and given the alias champion. Prints the number of the version.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import metadata

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

KINDS = ("good", "errors", "broken", "slow", "contrary", "crash")
VOTERS, FEW_ROWS = 300, 5
ENCODED = ["mean area", "area error"]


class Crash(mlflow.pyfunc.PythonModel):
    """Ends its process when it is asked: what a fault in a native library looks like."""

    def predict(self, model_input: pd.DataFrame) -> list[int]:  # noqa: ARG002 - MLflow's name
        """Answer nobody."""
        os._exit(1)


def table() -> tuple[pd.DataFrame, pd.Series]:
    """Features with their names, and the diagnosis."""
    features, diagnosis = load_breast_cancer(return_X_y=True, as_frame=True)
    return features, diagnosis


def estimator(kind: str) -> Pipeline | BaggingClassifier:
    """The pipeline of a kind."""
    if kind == "slow":
        # Not trees: the runtime compiles any number of them, and they are slow no longer.
        return BaggingClassifier(NearestCentroid(metric="manhattan"), VOTERS, random_state=0)
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    if kind in ("errors", "broken"):
        encode = ColumnTransformer([("encode", OrdinalEncoder(), ENCODED)], remainder="passthrough")
        return make_pipeline(encode, line)
    return line


def register(name: str, kind: str, alias: str) -> int:
    """Fit, log and register a version, and point the alias at it; gives its number."""
    features, diagnosis = table()
    train, _, known, _ = train_test_split(features, diagnosis, test_size=0.2, random_state=0)
    mlflow.set_experiment(f"by hand/{name}")
    with mlflow.start_run(run_name=kind):
        version = _log(name, kind, train, known)
    MlflowClient().set_registered_model_alias(name, alias, str(version))
    return version


def _log(name: str, kind: str, train: pd.DataFrame, known: pd.Series) -> int:
    requirements = [
        f"{package}=={metadata.version(package)}" for package in ("scikit-learn", "skops", "numpy")
    ]
    shared = {"name": kind, "registered_model_name": name, "pip_requirements": requirements}
    if kind == "crash":
        logged = mlflow.pyfunc.log_model(
            python_model=Crash(), signature=infer_signature(train, known), **shared
        )
    else:
        seen = train.sort_index().tail(FEW_ROWS) if kind == "broken" else train
        wanted = 1 - known if kind == "contrary" else known
        model = estimator(kind).fit(seen, wanted[seen.index])
        logged = mlflow.sklearn.log_model(
            model,
            signature=infer_signature(seen, model.predict(seen)),
            input_example=seen.head(3),
            serialization_format="skops",
            **shared,
        )
    return int(logged.registered_model_version)


def main() -> int:
    """Register one version."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="name of the registered model")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--alias", default="champion", help="alias that the version gets")
    options = parser.parse_args()
    sys.stdout.write(f"{register(options.name, options.kind, options.alias)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
