"""What is trained: a built-in estimator or code of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from leadsman_api.contract import UNTYPED
from leadsman_api.rules import Rule, exactly_one_of
from leadsman_api.v1alpha1.pods import PodFields, Resources
from leadsman_api.values import Form, Quantity
from leadsman_api.vocabulary import Term

Entrypoint = Annotated[
    str,
    Form(
        r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$",
        "write module and function, such as package.module:objective",
    ),
]


class Algorithm(Term):
    """The built-in estimators, for tabular data."""

    AUTO = "auto", "the search chooses among the others."
    LINEAR = "Linear", "logistic regression, or ridge for numbers."
    RANDOM_FOREST = "RandomForest", "scikit-learn's random forest."
    EXTRA_TREES = "ExtraTrees", "scikit-learn's extremely randomised trees."
    HIST_GRADIENT_BOOSTING = "HistGradientBoosting", "scikit-learn's histogram boosting."
    XGBOOST = "XGBoost", "boosting by XGBoost."
    LIGHTGBM = "LightGBM", "boosting by LightGBM."


class Task(Term):
    """What kind of thing is predicted."""

    AUTO = "auto", "by the type of the target column."
    CLASSIFICATION = "classification", "a class."
    REGRESSION = "regression", "a number."


class Trainer(PodFields):
    """What is trained and the pods that train it."""

    invariants = (
        exactly_one_of("algorithm", "entrypoint"),
        Rule(
            cel="!has(self.task) || has(self.algorithm)",
            check=lambda trainer: trainer.task is None or trainer.algorithm is not None,
            message="task belongs to algorithm: your own code knows what it predicts",
            field="task",
        ),
    )

    algorithm: Algorithm | None = None
    """A built-in estimator."""
    entrypoint: Entrypoint | None = None
    """An objective function of your own, as module and function in the image."""
    task: Task | None = None
    """What is predicted, for a built-in estimator; by the target column when left out."""
    parameters: Mapping[str, Any] = Field(
        default_factory=dict, max_length=64, json_schema_extra={"type": "object", **UNTYPED}
    )
    """Parameters that are fixed: handed to the estimator, or to your own function by the run."""
    resources: Resources = Resources(
        requests={"cpu": Quantity("1"), "memory": Quantity("1Gi")},
        limits={"memory": Quantity("2Gi")},
    )
    """What a worker asks of its node and what it may use at most."""
