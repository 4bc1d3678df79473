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


class ClassWeights(Term):
    """How much the rows of each class count."""

    BALANCED = "Balanced", "each class counts as much as any other, however rare it is."


class Calibration(Term):
    """What is done that probabilities can be taken at their word."""

    AUTO = "auto", "the final model is calibrated, if that makes its probabilities better."
    NONE = "None", "they stay as the estimator gives them."


# Fields, as they are written and as they are read, and what own code does instead.
_OF_ESTIMATORS = (
    ("task", "task", "knows what it predicts"),
    ("classWeights", "class_weights", "weighs its rows itself"),
    ("calibration", "calibration", "calibrates itself"),
    ("earlyStopping", "early_stopping", "stops itself"),
)


def _of_estimators(name: str, attribute: str, does: str) -> Rule:
    return Rule(
        cel=f"!has(self.{name}) || has(self.algorithm)",
        check=lambda trainer: getattr(trainer, attribute) is None or trainer.algorithm is not None,
        message=f"{name} belongs to algorithm: your own code {does}",
        field=name,
    )


class Trainer(PodFields):
    """What is trained and the pods that train it."""

    invariants = (
        exactly_one_of("algorithm", "entrypoint"),
        *(_of_estimators(*one) for one in _OF_ESTIMATORS),
        Rule(
            cel="!has(self.classWeights) || !has(self.calibration) || self.calibration == 'None'",
            check=lambda trainer: (
                trainer.class_weights is None or trainer.calibration in (None, Calibration.NONE)
            ),
            message="calibration auto would take back what classWeights does to the probabilities:"
            " leave one of them out",
            field="calibration",
        ),
    )

    algorithm: Algorithm | None = None
    """A built-in estimator."""
    entrypoint: Entrypoint | None = None
    """An objective function of your own, as module and function in the image."""
    task: Task | None = None
    """What is predicted, for a built-in estimator; by the target column when left out."""
    class_weights: ClassWeights | None = None
    """How much the rows of each class count, for a built-in estimator; all the same when left out.
    Probabilities are moved towards the rare classes by it."""
    calibration: Calibration | None = None
    """Whether the final model's probabilities are calibrated, for a built-in estimator of classes;
    they are not when left out."""
    early_stopping: bool | None = None
    """Whether boosting finds its number of rounds on rows that it does not learn from, in place of
    the search; from 10,000 rows on when left out."""
    parameters: Mapping[str, Any] = Field(
        default_factory=dict, max_length=64, json_schema_extra={"type": "object", **UNTYPED}
    )
    """Parameters that are fixed: handed to the estimator, or to your own function by the run."""
    resources: Resources = Resources(
        requests={"cpu": Quantity("1"), "memory": Quantity("1Gi")},
        limits={"memory": Quantity("2Gi")},
    )
    """What a worker asks of its node and what it may use at most."""
